//===- HalideFunctions.h - functions that Halide compiles ---------------------===//
//
// At stage `kernels` such a function is declared and carries its program's text; at stage `object` Halide compiles it,
// and it is linked into the LLVM module, where it is inlined and optimised with the rest. So there is one code
// generator, with one table of what an ISA level may use.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_HALIDEFUNCTIONS_H
#define LATHE_BACKENDS_CPU_HALIDEFUNCTIONS_H

#include "backends/cpu/emit/Emit.h"
#include "backends/cpu/kernels/KernelBuilder.h"

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Function attribute: the step of a front end for images that it is, as text (backends/halide/ImageProgram.h).
constexpr llvm::StringLiteral imageProgramAttr = "xf.image_program";

/// Declares a function that returns an i32, of a program for Halide; `attribute` says of which kind that is.
mlir::func::FuncOp declareHalideFunction(mlir::OpBuilder &builder, mlir::ModuleOp module, llvm::StringRef symbol,
                                         mlir::TypeRange arguments, llvm::StringRef attribute, llvm::StringRef program);

/// A halide_buffer_t on the stack: 7 words, of which the third is `host`, the only one that is read.
mlir::Value emitHalideBuffer(KernelBuilder &b);
void storeHalideHost(KernelBuilder &b, mlir::Value host, mlir::Value buffer);

/// Compiles the functions that `kernels` declares for Halide and links them into `module`, its translation.
llvm::Error linkHalideFunctions(mlir::ModuleOp kernels, llvm::Module &module);

/// emitObject for a program at stage `kernels`, with what Halide makes of it; functions have the names that symbolAt
/// gives them.
llvm::Expected<ObjectBytes> emitProgram(mlir::ModuleOp kernels, EmitOptions options);

} // namespace lathe

#endif
