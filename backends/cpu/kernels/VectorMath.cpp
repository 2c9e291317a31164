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

Value emitExp2(KernelBuilder &b, Value x) {
  // 2^r on [0, 1): minimax in relative error. It is half as much work as e^x: no clamping, since the instruction that
  // puts floor(x) into the exponent goes through all of them, and no ln 2.
  Value p = emitPolynomial(b, b.fraction(x), {0.9999251962f, 0.6958335638f, 0.2260671556f, 0.07802452147f});
  return b.timesPowerOf2(p, x);
}

Value emitLog(KernelBuilder &b, Value x) {
  // x = m 2^n with 2/3 <= m < 4/3, and log m = 2 artanh(s) with s = (m - 1) / (m + 1), which is at most 1/5 in size:
  // what the series leaves out is below 1e-8 of it.
  constexpr int32_t twoThirds = 0x3f2aaaab;
  Value bits = b.bitsOf(x),
        n = b.sub(b.shiftRight(b.sub(b.add(bits, b.splatBits(1 << 30)), b.splatBits(twoThirds)), 23),
                  b.splatBits(1 << 7));
  Value m = b.floatsOf(b.sub(bits, b.shiftLeft(n, 23)));
  Value s = b.div(b.sub(m, b.splat(1.0f)), b.add(m, b.splat(1.0f)));
  Value series = emitPolynomial(b, b.mul(s, s), {2.0f, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9});
  return b.fma(b.floatOf(n), b.splat(0.693147181f), b.mul(s, series));
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
  // x Phi(x) = x / 2 + |x| (Phi(|x|) - 1/2). What is in brackets is a minimax polynomial on each of sixteen pieces
  // about the multiples of 11/32, in the distance from these. Fewer multiplications than one polynomial for all needs:
  // the coefficients come by permutation, one each. From 165/32 on it is exactly 1/2, so far negative inputs give
  // exactly 0.
  constexpr float width = 0.34375f;
  static constexpr float coefficients[][16] = {
      {0.0f, 0.134482846f, 0.254116148f, 0.348788202f, 0.415434271f, 0.457170039f, 0.480419934f, 0.491941392f,
       0.497020245f, 0.499011785f, 0.499706447f, 0.499921978f, 0.499981463f, 0.499996066f, 0.499999255f, 0.5f},
      {0.398941696f, 0.376052767f, 0.314973265f, 0.234412774f, 0.155013934f, 0.091083765f, 0.04755437f, 0.0220606048f,
       0.00909325853f, 0.00333038508f, 0.00108377519f, 0.000313365046f, 8.05053642e-05f, 1.8376295e-05f, 3.726881e-06f,
       2.254018e-05f},
      {3.38226419e-05f, -0.0646326616f, -0.108269975f, -0.12086717f, -0.106570996f, -0.0782749355f, -0.0490408577f,
       -0.0265422482f, -0.0125037348f, -0.00515201455f, -0.00186290918f, -0.000592530938f, -0.00016607056f,
       -4.10686735e-05f, -8.9703708e-06f, 0.000624334614f},
      {-0.0670863464f, -0.0550039634f, -0.0276459046f, 0.0023186428f, 0.0227829926f, 0.029496273f, 0.0257243738f,
       0.0176236331f, 0.00998732727f, 0.00479605841f, 0.00197801832f, 0.000706472667f, 0.000219727983f, 5.97438157e-05f,
       1.42415984e-05f, 0.00578879192f},
      {0.00414456334f, 0.0153943961f, 0.0226422027f, 0.0194102358f, 0.00985707622f, 0.000364362699f, -0.00505800219f,
       -0.00613552937f, -0.00474773254f, -0.00282932771f, -0.00137850584f, -0.000564451737f, -0.000197230795f,
       -5.9371283e-05f, -1.54952613e-05f, 0.0167575348f},
  };
  Value magnitude = b.floatsOf(b.maskBits(b.bitsOf(x), 0x7fffffff));
  Value inside = b.min(b.splat(15 * width), magnitude);
  // Adding 1.5 * 2^23 rounds to an integer and leaves the number of the piece in the low bits of the sum.
  Value magic = b.splat(12582912.0f), shifted = b.fma(inside, b.splat(1 / width), magic), piece = b.bitsOf(shifted);
  Value distance = b.fma(b.sub(shifted, magic), b.splat(-width), inside);
  Value p = b.constantAt(coefficients[4], piece);
  for (int power = 3; power >= 0; --power)
    p = b.fma(p, distance, b.constantAt(coefficients[power], piece));
  return b.fma(magnitude, p, b.mul(x, b.splat(0.5f)));
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
