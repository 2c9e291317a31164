//===- Compile.h - programs for Halide into LLVM bitcode ----------------------===//
#ifndef LATHE_BACKENDS_HALIDE_COMPILE_H
#define LATHE_BACKENDS_HALIDE_COMPILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lathe {

/// Compile a program's text (RowProgram.h, ImageProgram.h) into LLVM bitcode with one function `symbol`, as
/// HalideModule.h describes it, for the ISA level of that name. The same arguments give the same code on every machine.
/// An error names the program's defect, or why the module with Halide cannot be opened.
llvm::Expected<std::string> compileRow(const std::string &program, const std::string &symbol, llvm::StringRef level);
llvm::Expected<std::string> compileImage(const std::string &program, const std::string &symbol, llvm::StringRef level);

} // namespace lathe

#endif
