#include "backends/cpu/kernels/VectorMath.h"

using namespace mlir;

namespace lathe {

/// c[0] + c[1] x + c[2] x^2 ..., by Horner's rule.
static Value emitPolynomial(KernelBuilder &b, Value x, ArrayRef<float> coefficients) {
  Value sum = b.splat(coefficients.back());
  for (float coefficient : llvm::reverse(coefficients.drop_back()))
    sum = b.fma(sum, x, b.splat(coefficient));
  return sum;
}

/// |x| <= limit; NaN stays NaN.
static Value clamp(KernelBuilder &b, Value x, float low, float high) {
  return b.min(b.splat(high), b.max(b.splat(low), x));
}

Value emitExp(KernelBuilder &b, Value x) {
  // e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. Adding 1.5 * 2^23 rounds to an integer and leaves n in
  // the low bits of the sum, from where a shift puts it into the exponent. At the lower limit n = -127, whose exponent
  // field is zero: everything below becomes exactly 0, which softmax relies on for keys that are masked.
  x = clamp(b, x, -88.0f, 88.0f);
  Value magic = b.splat(12582912.0f);
  Value shifted = b.fma(x, b.splat(1.44269504f), magic);
  Value n = b.sub(shifted, magic);
  // ln 2 in two parts, the first exact in few bits, so that n * ln 2 is subtracted without losing digits.
  Value r = b.fma(n, b.splat(-0.693359375f), x);
  r = b.fma(n, b.splat(2.12194440e-4f), r);
  // 1 + r + r^2 p(r): minimax in relative error, 1.1e-7.
  Value p = emitPolynomial(b, r, {0.49999228f, 0.16667116f, 0.04189055f, 0.008312478f});
  p = b.fma(p, b.mul(r, r), b.add(r, b.splat(1.0f)));
  Value exponent = b.add(b.shiftLeft(b.bitsOf(shifted), 23), b.splatBits(127 << 23));
  return b.mul(p, b.floatsOf(exponent));
}

Value emitTanh(KernelBuilder &b, Value x) {
  // Near 0 a polynomial keeps the relative error small; elsewhere 1 - 2 / (1 + e^2x), which saturates to exactly +-1.
  Value square = b.mul(x, x);
  Value p = emitPolynomial(b, square, {-0.3333326f, 0.1333083f, -0.053688023f, 0.02046942f, -0.0055151638f});
  Value nearZero = b.fma(b.mul(p, square), x, x);
  Value e = emitExp(b, b.add(x, x));
  Value far = b.sub(b.splat(1.0f), b.div(b.splat(2.0f), b.add(e, b.splat(1.0f))));
  return b.select(b.less(square, b.splat(0.64f * 0.64f)), nearZero, far);
}

Value emitGelu(KernelBuilder &b, Value x) {
  // Phi(x) - 1/2 is odd: x P(x^2). On |x| <= 5.25 a minimax polynomial in t = 2 (x / 5.25)^2 - 1 needs no division, and
  // the shifted argument keeps its Horner sums small. The last coefficient is nudged so that the value at the limit is
  // exactly 1/2: far negative inputs give exactly 0.
  Value inside = clamp(b, x, -5.25f, 5.25f);
  Value t = b.fma(b.mul(inside, inside), b.splat(0.07256236f), b.splat(-1.0f));
  Value p = emitPolynomial(b, t,
                           {0.13465936f, -0.06712664f, 0.049644172f, -0.039769083f, 0.032060143f, -0.024989443f,
                            0.01834798f, -0.012981042f, 0.009018353f, -0.0050601936f, 0.0019252674f, -0.0013883881f,
                            0.0014344571f, -0.00053685374f});
  return b.mul(x, b.add(b.mul(inside, p), b.splat(0.5f)));
}

Value emitGeluTanh(KernelBuilder &b, Value x) {
  // (1 + tanh u) / 2 = 1 / (1 + e^-2u); the factor -2 sqrt(2/pi) is folded into the cubic.
  Value cubic = b.fma(b.mul(x, x), b.splat(-0.0713548162726f), b.splat(-1.5957691216057308f));
  Value e = emitExp(b, b.mul(x, cubic));
  return b.div(x, b.add(e, b.splat(1.0f)));
}

Value emitRelu(KernelBuilder &b, Value x) { return b.max(b.splat(0.0f), x); }

Value emitSilu(KernelBuilder &b, Value x) {
  Value e = emitExp(b, b.sub(b.splat(0.0f), x));
  return b.div(x, b.add(e, b.splat(1.0f)));
}

namespace {
struct Activation {
  StringRef name;
  Value (*emit)(KernelBuilder &, Value);
};
} // namespace

static Value emitNothing(KernelBuilder &, Value x) { return x; }

static constexpr Activation activations[] = {{"none", emitNothing}, {"gelu", emitGelu}, {"gelu_tanh", emitGeluTanh},
                                             {"relu", emitRelu},    {"silu", emitSilu}, {"tanh", emitTanh}};

std::pair<Value, Value> emitCosSin(KernelBuilder &b, Value x) {
  // x = k pi/2 + r with |r| <= pi/4. pi/2 is taken off in three parts, the first two of which k multiplies exactly
  // inside an fma, so that r keeps its digits.
  Value k = b.round(b.mul(x, b.splat(0.636619772f)));
  Value r = x;
  for (float part : {0x1.921fb6p0f, -0x1.777a5cp-25f, -0x1.ee59dap-50f})
    r = b.fma(k, b.splat(-part), r);
  // Taylor's series; what is left out is below 3e-8.
  Value square = b.mul(r, r);
  auto series = [&](std::initializer_list<double> factorials) {
    Value sum;
    for (double factorial : factorials)
      sum = sum ? b.fma(sum, square, b.splat(float(1 / factorial))) : b.splat(float(1 / factorial));
    return sum;
  };
  Value sine = b.mul(r, series({362880, -5040, 120, -6, 1})), cosine = series({40320, -720, 24, -2, 1});
  // k modulo 4, as -0.25, 0, 0.25 or 0.5 of either sign: quarters of a turn.
  Value turns = b.mul(k, b.splat(0.25f)), quarter = b.sub(turns, b.round(turns)), size = b.mul(quarter, quarter);
  Value isOdd = b.equal(size, b.splat(0.0625f)), isHalf = b.equal(size, b.splat(0.25f));
  auto signedBy = [&](Value isNegative, Value v) {
    return b.select(isHalf, b.sub(b.splat(0.0f), v), b.select(isNegative, b.sub(b.splat(0.0f), v), v));
  };
  return {signedBy(b.equal(quarter, b.splat(0.25f)), b.select(isOdd, sine, cosine)),
          signedBy(b.equal(quarter, b.splat(-0.25f)), b.select(isOdd, cosine, sine))};
}

ArrayRef<StringRef> activationNames() {
  static const SmallVector<StringRef> names(llvm::map_range(activations, [](const Activation &a) { return a.name; }));
  return names;
}

Value emitActivation(KernelBuilder &b, StringRef name, Value x) {
  const Activation *found = llvm::find_if(activations, [&](const Activation &a) { return a.name == name; });
  assert(found != std::end(activations) && "the family's parameters were verified");
  return found->emit(b, x);
}

} // namespace lathe
