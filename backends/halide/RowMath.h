//===- RowMath.h - elementwise functions in Halide's words --------------------===//
//
// Functions as polynomials in line: generated code may not call the C library. They hold for all of f32, infinities and
// NaN among them, which the kernels' own (backends/cpu/kernels/VectorMath.h) need not; denormals count as zero, as the
// runtime sets the processor. tests/backends/halide measures the errors.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_ROWMATH_H
#define LATHE_BACKENDS_HALIDE_ROWMATH_H

#include "backends/halide/RowProgram.h"

#include "Halide.h"

namespace lathe {

/// e^x: relative error 2.5e-7 from -86.6 to where f32 ends, infinite beyond; exactly 1 at 0 and exactly 0 below -86.7.
Halide::Expr rowExp(const Halide::Expr &x);
/// The natural logarithm: error 2e-7 * max(1, |log x|), relative near 1. -inf at 0, NaN below.
Halide::Expr rowLog(const Halide::Expr &x);
/// log(1 + x): relative error 4e-7, also near 0.
Halide::Expr rowLog1p(const Halide::Expr &x);
/// Absolute and relative error 4e-7.
Halide::Expr rowTanh(const Halide::Expr &x);
/// Absolute error 4e-7, relative 2.5e-6.
Halide::Expr rowErf(const Halide::Expr &x);
/// 1 / (1 + e^-x); relative error 4e-7.
Halide::Expr rowSigmoid(const Halide::Expr &x);
/// x Phi(x) with the normal distribution's Phi; error 3e-7 * max(1, |x|).
Halide::Expr rowGelu(const Halide::Expr &x);
/// |x|^y with x's sign where y is odd; NaN where x < 0 is finite and y no integer. Error 2e-7 * max(1, |y log |x||).
Halide::Expr rowPow(const Halide::Expr &x, const Halide::Expr &y);
/// The larger and the smaller; NaN where either is. Cheapest with a constant first.
Halide::Expr larger(const Halide::Expr &x, const Halide::Expr &y);
Halide::Expr smaller(const Halide::Expr &x, const Halide::Expr &y);

/// An elementwise instruction applied to its operands' elements; `op` is neither an input nor a reduction.
Halide::Expr applyRowOp(RowOp op, const std::vector<Halide::Expr> &operands);

} // namespace lathe

#endif
