//===- Activations.cpp - activation functions as Hugging Face names them ------===//
//
// Those that kernels have a name for are that name; functions that differ in nothing but the rounding of a constant are
// the same one. The others are written down as Transformers computes them.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/Activations.h"

#include <cmath>

using namespace mlir;

namespace lathe {

using xf::CombineKind;
using xf::MapKind;

namespace {

template <xf::Activation activation> Value named(BlockBuilder &b, Value x) { return b.activate(x, activation); }

Value clipped(BlockBuilder &b, Value x, double low, double high) {
  return b.combine(CombineKind::Min, b.combine(CombineKind::Max, x, low), high);
}

Value gelu10(BlockBuilder &b, Value x) { return clipped(b, b.activate(x, xf::Activation::Gelu), -10, 10); }

/// The distribution function of a normal one with these moments (Ma et al. 2022).
Value laplace(BlockBuilder &b, Value x) {
  constexpr double mean = 0.707107, deviation = 0.282095;
  Value scaled = b.combine(CombineKind::Div, b.combine(CombineKind::Sub, x, mean), deviation * std::sqrt(2.0));
  return b.combine(CombineKind::Mul, b.combine(CombineKind::Add, b.map(MapKind::Erf, scaled), 1), 0.5);
}

Value leakyRelu(BlockBuilder &b, Value x) {
  return b.select(b.combine(CombineKind::Less, 0, x), x, b.combine(CombineKind::Mul, x, 0.01));
}

Value linear(BlockBuilder &, Value x) { return x; }

/// x tanh(softplus(x)) (Misra 2019).
Value mish(BlockBuilder &b, Value x) {
  Value softplus = b.map(MapKind::Log1p, b.map(MapKind::Exp, x));
  return b.combine(CombineKind::Mul, x, b.map(MapKind::Tanh, softplus));
}

Value quickGelu(BlockBuilder &b, Value x) {
  return b.combine(CombineKind::Mul, x, b.map(MapKind::Sigmoid, b.combine(CombineKind::Mul, x, 1.702)));
}

/// The square of relu (So et al. 2021).
Value relu2(BlockBuilder &b, Value x) {
  Value relu = b.activate(x, xf::Activation::Relu);
  return b.combine(CombineKind::Mul, relu, relu);
}

Value relu6(BlockBuilder &b, Value x) { return clipped(b, x, 0, 6); }

Value sigmoid(BlockBuilder &b, Value x) { return b.map(MapKind::Sigmoid, x); }

constexpr ActivationFunction functions[] = {
    {"gelu", named<xf::Activation::Gelu>},
    {"gelu_10", gelu10},
    {"gelu_accurate", named<xf::Activation::GeluTanh>},
    {"gelu_fast", named<xf::Activation::GeluTanh>},
    {"gelu_new", named<xf::Activation::GeluTanh>},
    {"gelu_python", named<xf::Activation::Gelu>},
    {"gelu_pytorch_tanh", named<xf::Activation::GeluTanh>},
    {"laplace", laplace},
    {"leaky_relu", leakyRelu},
    {"linear", linear},
    {"mish", mish},
    {"quick_gelu", quickGelu},
    {"relu", named<xf::Activation::Relu>},
    {"relu2", relu2},
    {"relu6", relu6},
    {"sigmoid", sigmoid},
    {"silu", named<xf::Activation::Silu>},
    {"swish", named<xf::Activation::Silu>},
    {"tanh", named<xf::Activation::Tanh>},
};

} // namespace

ArrayRef<ActivationFunction> allActivations() { return functions; }

const ActivationFunction &readActivation(JsonFields &fields, StringRef field, StringRef fallback) {
  SmallVector<std::pair<StringRef, const ActivationFunction *>> choices;
  for (const ActivationFunction &function : functions)
    choices.emplace_back(function.name, &function);
  return *fields.getChoice<const ActivationFunction *>(field, fallback, choices);
}

} // namespace lathe
