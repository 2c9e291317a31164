//===- HalideRows.h - the module that knows Halide ----------------------------===//
//
// liblathe-halide.so exports this one function. It is opened when a row group is to be compiled and not before: Halide
// with the LLVM inside it is 165 MB. What crosses the border is text and bytes, so that the two sides may be built with
// and without exceptions and run-time types.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_HALIDEROWS_H
#define LATHE_BACKENDS_HALIDE_HALIDEROWS_H

#include <cstddef>

extern "C" {

/// Compiles a row program (RowProgram.h) for an ISA level by name ("avx512") into LLVM bitcode with one function:
///
///   i32 symbol(input buffers in the program's order, result buffers, buffers of findKeptRows)
///
/// Each argument is a `const halide_buffer_t *` of which `host` alone is read: the first element of the row. Rows do
/// not overlap. The function computes one row, returns 0, calls nothing and allocates nothing. Returns 0 and hands the
/// bitcode to `result`, or 1 and hands it a message.
int lathe_halide_compile_row(const char *program, const char *symbol, const char *level, void *context,
                             void (*result)(void *context, const char *bytes, size_t size));

using LatheHalideCompileRow = decltype(lathe_halide_compile_row);
}

#endif
