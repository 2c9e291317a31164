//===- CompileRow.h - a row program into LLVM bitcode -------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_COMPILEROW_H
#define LATHE_BACKENDS_HALIDE_COMPILEROW_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lathe {

/// Compiles a program's text (RowProgram.h) into LLVM bitcode with one function `symbol`, as HalideRows.h describes it,
/// for the ISA level of that name. The same arguments give the same code on every machine. An error names the program's
/// defect, or why the module with Halide cannot be opened.
llvm::Expected<std::string> compileRow(const std::string &program, const std::string &symbol, llvm::StringRef level);

} // namespace lathe

#endif
