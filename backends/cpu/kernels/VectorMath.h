// Functions of 16 lanes as polynomials in line: kernels may not call the C library, and 16 scalar calls would cost more
// than the matrix product before them. Errors are measured over the whole range by tests/backends/kernels.
#ifndef LATHE_BACKENDS_CPU_KERNELS_VECTORMATH_H
#define LATHE_BACKENDS_CPU_KERNELS_VECTORMATH_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// e^x, relative error 2e-7; exactly 1 at 0 and exactly 0 below -88. Above 88 it stays at e^88.
mlir::Value emitExp(KernelBuilder &b, mlir::Value x);
/// 2^x for what is rounded to bf16 next: relative error 8e-5, a fiftieth of such a rounding. Exactly 0 at -infinity.
mlir::Value emitExp2(KernelBuilder &b, mlir::Value x);
/// The natural logarithm of a positive number, absolute and relative error 3e-7; exactly 0 at 1.
mlir::Value emitLog(KernelBuilder &b, mlir::Value x);
/// Absolute and relative error 4e-7.
mlir::Value emitTanh(KernelBuilder &b, mlir::Value x);
/// x * Phi(x) with the normal distribution's Phi, "gelu" in Hugging Face; error 1.5e-7 * max(1, |x|).
mlir::Value emitGelu(KernelBuilder &b, mlir::Value x);
/// x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) / 2, "gelu_new" and "gelu_pytorch_tanh"; error 5e-7 * max(1, |x|).
mlir::Value emitGeluTanh(KernelBuilder &b, mlir::Value x);
mlir::Value emitRelu(KernelBuilder &b, mlir::Value x);
/// x / (1 + e^-x); error 5e-7 * max(1, |x|).
mlir::Value emitSilu(KernelBuilder &b, mlir::Value x);

/// Cosine and sine, absolute error 2e-7 for angles up to 1e5 in size; beyond, less is known of an f32's angle anyway.
std::pair<mlir::Value, mlir::Value> emitCosSin(KernelBuilder &b, mlir::Value x);

/// The names an `activation` parameter may have; the first, "none", changes nothing.
llvm::ArrayRef<llvm::StringRef> activationNames();
/// The activation of that name, which must be one of activationNames().
mlir::Value emitActivation(KernelBuilder &b, llvm::StringRef name, mlir::Value x);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_VECTORMATH_H
