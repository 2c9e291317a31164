//===- RowMath.cpp - elementwise functions in Halide's words ------------------===//
//
// Code is generated in strict mode, so sums stay as they are written; products and sums in one may become one rounded
// operation (see linkRowGroups), which every formula here tolerates.
//
//===----------------------------------------------------------------------===//
#include "backends/halide/RowMath.h"

#include <cmath>
#include <limits>
#include <optional>

using Halide::Expr;
using Halide::reinterpret;
using Halide::select;

namespace lathe {

static constexpr float infinity = std::numeric_limits<float>::infinity();
static Expr notANumber() { return reinterpret<float>(Expr(uint32_t(0x7FC00000))); }

/// c[0] + c[1] x + c[2] x^2 ..., by Horner's rule.
static Expr polynomial(const Expr &x, const std::vector<float> &coefficients) {
  Expr sum = coefficients.back();
  for (size_t index = coefficients.size() - 1; index-- > 0;)
    sum = sum * x + coefficients[index];
  return sum;
}

/// |x| within the limits; NaN stays NaN. One instruction each, since the machine's maximum takes its second operand
/// where either is NaN.
static Expr clamp(const Expr &x, float low, float high) {
  Expr above = select(Expr(low) > x, low, x);
  return select(Expr(high) < above, high, above);
}

Expr rowExp(const Expr &x) {
  // As emitExp in VectorMath.cpp: e^x = 2^n e^r with n = round(x / ln 2), found in the low bits of a sum with 1.5 *
  // 2^23. The power of two comes in two factors, 2^(n-1) and 2, so that n = 128 still has an exponent and beyond is
  // infinite.
  Expr clamped = clamp(x, -87.33f, 89.0f);
  Expr magic = 12582912.0f;
  Expr shifted = clamped * 1.44269504f + magic;
  Expr n = shifted - magic;
  Expr r = n * -0.693359375f + clamped;
  r = n * 2.12194440e-4f + r;
  Expr p = polynomial(r, {0.49999228f, 0.16667116f, 0.04189055f, 0.008312478f});
  p = p * (r * r) + (r + 1.0f);
  Expr exponent = (reinterpret<uint32_t>(shifted) << 23) + Expr(uint32_t(126) << 23);
  return (p * reinterpret<float>(exponent)) * 2.0f;
}

Expr rowLog(const Expr &x) {
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)), so that log m is small where e is 0. With t = m - 1,
  // log m = t - t^2 / 2 + t^3 q(t); minimax in relative error, 8e-9.
  Expr bits = reinterpret<uint32_t>(x);
  Expr e = reinterpret<int32_t>(bits - Expr(uint32_t(0x3F3504F3))) >> 23;
  Expr t = reinterpret<float>(bits - (reinterpret<uint32_t>(e) << 23)) - 1.0f;
  Expr q = polynomial(
      t, {0.33333331f, -0.25000823f, 0.20001227f, -0.16623357f, 0.14201756f, -0.13160187f, 0.12761602f, -0.076345146f});
  Expr square = t * t;
  Expr scale = Halide::cast<float>(e);
  // ln 2 in two parts, the first exact in few bits.
  Expr small = scale * -2.12194440e-4f + (square * -0.5f + (square * t) * q);
  Expr result = scale * 0.693359375f + (t + small);
  return select(x > 0.0f, select(x < infinity, result, x), select(x == 0.0f, -infinity, notANumber()));
}

Expr rowLog1p(const Expr &x) {
  // u = 1 + x loses digits of x; what was lost, over u, is the first term of what is missing.
  Expr u = 1.0f + x;
  Expr lost = x - (u - 1.0f);
  return select(u > 0.0f && u < infinity, rowLog(u) + lost / u, rowLog(u));
}

Expr rowTanh(const Expr &x) {
  // Near 0 a polynomial keeps the relative error small; elsewhere 1 - 2 / (1 + e^2x), which saturates to exactly +-1.
  Expr square = x * x;
  Expr p = polynomial(square, {-0.3333326f, 0.1333083f, -0.053688023f, 0.02046942f, -0.0055151638f});
  Expr nearZero = (p * square) * x + x;
  Expr far = 1.0f - 2.0f / (rowExp(x + x) + 1.0f);
  return select(square < 0.64f * 0.64f, nearZero, far);
}

/// Phi(x) - 1/2 for the normal distribution's Phi: x P(x^2), as emitGelu in VectorMath.cpp; exactly 1/2 from 5.25 on.
static Expr halfNormal(const Expr &x) {
  Expr inside = clamp(x, -5.25f, 5.25f);
  Expr t = (inside * inside) * 0.07256236f + -1.0f;
  return inside * polynomial(t, {0.13465936f, -0.06712664f, 0.049644172f, -0.039769083f, 0.032060143f, -0.024989443f,
                                 0.01834798f, -0.012981042f, 0.009018353f, -0.0050601936f, 0.0019252674f,
                                 -0.0013883881f, 0.0014344571f, -0.00053685374f});
}

Expr rowErf(const Expr &x) { return halfNormal(x * 1.41421356f) * 2.0f; }
Expr rowGelu(const Expr &x) { return x * (halfNormal(x) + 0.5f); }
Expr rowSigmoid(const Expr &x) { return 1.0f / (rowExp(0.0f - x) + 1.0f); }

Expr larger(const Expr &x, const Expr &y) {
  Expr value = select(x > y, x, y); // y where either is NaN
  return Halide::Internal::is_const(x) ? value : select(x == x, value, x);
}

Expr smaller(const Expr &x, const Expr &y) {
  Expr value = select(x < y, x, y);
  return Halide::Internal::is_const(x) ? value : select(x == x, value, x);
}

/// x^n as few products.
static Expr power(const Expr &x, int n) {
  if (n == 1)
    return x;
  Expr half = power(x, n / 2);
  return n % 2 ? half * half * x : half * half;
}

Expr rowPow(const Expr &x, const Expr &y) {
  if (std::optional<double> exponent = Halide::Internal::as_const_float(y)) {
    if (*exponent == 0.5)
      return Halide::sqrt(x);
    if (*exponent == std::floor(*exponent) && *exponent >= 1 && *exponent <= 8)
      return power(x, int(*exponent));
  }
  Expr distance = Halide::abs(x);
  Expr size = select(distance == 1.0f, 1.0f, rowExp(y * rowLog(distance))); // to every power, endless ones too
  Expr whole = Halide::floor(y) == y, odd = Halide::floor(y * 0.5f) * 2.0f != y;
  Expr below = select(whole, select(odd, 0.0f - size, size), select(distance < infinity, notANumber(), size));
  return select(y == 0.0f, 1.0f, select(x < 0.0f, below, size));
}

Expr applyRowOp(RowOp op, const std::vector<Expr> &operands) {
  const Expr &x = operands[0];
  auto second = [&]() -> const Expr & { return operands[1]; };
  // The constant first, whichever it is: it is cheaper there, and the order does not matter.
  bool swap = operands.size() == 2 && Halide::Internal::is_const(operands[1]);
  switch (op) {
  case RowOp::neg:
    return 0.0f - x;
  case RowOp::abs:
    return Halide::abs(x);
  case RowOp::sign:
    return select(x > 0.0f, 1.0f, select(x < 0.0f, -1.0f, x));
  case RowOp::floor:
    return Halide::floor(x);
  case RowOp::sqrt:
    return Halide::sqrt(x);
  case RowOp::rsqrt:
    return 1.0f / Halide::sqrt(x);
  case RowOp::exp:
    return rowExp(x);
  case RowOp::log:
    return rowLog(x);
  case RowOp::log1p:
    return rowLog1p(x);
  case RowOp::tanh:
    return rowTanh(x);
  case RowOp::erf:
    return rowErf(x);
  case RowOp::sigmoid:
    return rowSigmoid(x);
  case RowOp::gelu:
    return rowGelu(x);
  case RowOp::add:
    return x + second();
  case RowOp::sub:
    return x - second();
  case RowOp::mul:
    return x * second();
  case RowOp::div:
    return x / second();
  case RowOp::max:
    return swap ? larger(second(), x) : larger(x, second());
  case RowOp::min:
    return swap ? smaller(second(), x) : smaller(x, second());
  case RowOp::pow:
    return rowPow(x, second());
  case RowOp::less:
    return select(x < second(), 1.0f, 0.0f);
  case RowOp::equal:
    return select(x == second(), 1.0f, 0.0f);
  case RowOp::select:
    return select(x != 0.0f, second(), operands[2]);
  default:
    throw Halide::InternalError("no elementwise op of a row program");
  }
}

} // namespace lathe
