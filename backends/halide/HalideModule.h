//===- HalideModule.h - the module that knows Halide --------------------------===//
//
// liblathe-halide.so exports these functions. It is opened when a row group or a front end for images is to be compiled
// and not before: Halide with the LLVM inside it is 165 MB. What crosses the border is text and bytes, so that the two
// sides may be built with and without exceptions and run-time types.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_HALIDEMODULE_H
#define LATHE_BACKENDS_HALIDE_HALIDEMODULE_H

#include <cstddef>

extern "C" {

/// Compiles a program for an ISA level by name ("avx512") into LLVM bitcode with one function `symbol`, which returns
/// 0, calls nothing and allocates nothing. Each of its buffers is a `const halide_buffer_t *` of which `host` alone is
/// read: the first element. Returns 0 and hands the bitcode to `result`, or 1 and hands it a message.
typedef int LatheHalideCompile(const char *program, const char *symbol, const char *level, void *context,
                               void (*result)(void *context, const char *bytes, size_t size));

/// Of a row program (RowProgram.h), whose function computes one row:
///
///   i32 symbol(input buffers in the program's order, result buffers, buffers of findKeptRows)
///
/// Rows do not overlap.
LatheHalideCompile lathe_halide_compile_row;

/// Of a step of a front end for images (ImageProgram.h, which says what its function's arguments are).
LatheHalideCompile lathe_halide_compile_image;
}

#endif
