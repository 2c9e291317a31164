//===- Precision.cpp - what products are computed from ------------------------===//
#include "compiler/driver/bench/Precision.h"

#include <utility>

namespace lathe {

const char *nameOf(Precision precision) {
  switch (precision) {
  case Precision::F32:
    return "f32";
  case Precision::BF16:
    return "bf16";
  case Precision::Int8:
    return "int8";
  case Precision::Int4:
    return "int4";
  }
  return "";
}

std::optional<Precision> precisionNamed(std::string_view name) {
  for (Precision precision : allPrecisions)
    if (name == nameOf(precision))
      return precision;
  return std::nullopt;
}

/// Where a symbol names the first type that it stores or multiplies, and its precision.
static std::pair<size_t, Precision> firstPrecision(std::string_view symbol) {
  constexpr std::pair<std::string_view, Precision> types[] = {{"_f32", Precision::F32},
                                                              {"_bf16", Precision::BF16},
                                                              {"_s8", Precision::Int8},
                                                              {"_u8", Precision::Int8},
                                                              {"_s4", Precision::Int4}};
  std::pair first(std::string_view::npos, Precision::F32);
  for (auto [type, precision] : types)
    if (size_t at = symbol.find(type); at < first.first)
      first = {at, precision};
  return first;
}

Precision precisionOfKernel(std::string_view symbol) { return firstPrecision(symbol).second; }
std::string_view kernelStem(std::string_view symbol) { return symbol.substr(0, firstPrecision(symbol).first); }

double bytesPerWeight(Precision precision) {
  constexpr double int4Group = 64; // weights that share a byte, their step and zero
  switch (precision) {
  case Precision::F32:
    return 4;
  case Precision::BF16:
    return 2;
  case Precision::Int8:
    return 1; // a scale for each channel is nothing beside its weights
  case Precision::Int4:
    return 0.5 + 1 / int4Group;
  }
  return 0;
}

} // namespace lathe
