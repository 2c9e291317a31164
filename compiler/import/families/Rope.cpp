//===- Rope.cpp - what turns queries and keys, as configs say it --------------===//
//
// Transformers: modeling_rope_utils.py. Whatever depends on the longest sequence of a batch is left out, so that a
// sequence's numbers do not depend on its neighbours: there are limits on lengths instead.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Rope.h"

#include <algorithm>
#include <cmath>

namespace lathe {

static constexpr double maxTheta = 1e12, maxFactor = 1e6;
static constexpr int64_t maxPositions = 1 << 28;

std::vector<float> plainFrequencies(int64_t width, double theta) {
  std::vector<float> frequencies; // in f32, as models are trained
  for (int64_t i = 0; i < width / 2; ++i)
    frequencies.push_back(1 / float(std::pow(double(float(theta)), double(float(2 * i) / float(width)))));
  return frequencies;
}

/// A frequency as it is, or `factor` times slower, or between.
static double blend(double frequency, double factor, double kept) {
  return frequency * kept + frequency / factor * (1 - kept);
}

/// Llama 3.1's: waves that are long against the texts of training slow down.
static void stretchLongWaves(JsonFields &rope, Rope &result) {
  const double factor = rope.getFloat("factor", std::nullopt, 1, maxFactor);
  const double low = rope.getFloat("low_freq_factor", std::nullopt, 0, maxFactor);
  const double high = rope.getFloat("high_freq_factor", std::nullopt, 0, maxFactor);
  const int64_t trained = rope.getInt("original_max_position_embeddings", std::nullopt, 1, maxPositions);
  if (high <= low)
    return rope.reject("high_freq_factor", "is not larger than low_freq_factor, which is needed");
  for (float &frequency : result.frequencies) {
    const double waves = trained * double(frequency) / (2 * M_PI);
    frequency = float(blend(frequency, factor, std::clamp((waves - low) / (high - low), 0.0, 1.0)));
  }
}

/// YaRN (Peng et al. 2023): pairs that turn few times within the texts of training slow down, and scores sharpen.
static void stretchSlowPairs(JsonFields &rope, const RopeShape &shape, double theta, Rope &result) {
  double factor = rope.getFloat("factor", std::nullopt, 1, maxFactor);
  int64_t trained = shape.positions;
  if (auto original = rope.getOptionalInt("original_max_position_embeddings", 1, maxPositions)) {
    trained = std::max<int64_t>(*original, 1);
    factor = double(shape.positions) / double(trained); // whatever the file says
  }
  auto pairThatTurns = [&](double times) {
    return double(shape.width) * std::log(double(trained) / (times * 2 * M_PI)) / (2 * std::log(theta));
  };
  auto betaOr = [&](const char *name, double fallback) {
    const double value = rope.getOptionalFloat(name, 0, maxFactor).value_or(0);
    return value ? value : fallback; // 0 counts as absent
  };
  double first = pairThatTurns(betaOr("beta_fast", 32)), last = pairThatTurns(betaOr("beta_slow", 1));
  if (rope.getBool("truncate", true))
    first = std::floor(first), last = std::ceil(last);
  first = std::max(first, 0.0), last = std::min(last, double(shape.width - 1));
  if (first == last)
    last += 0.001;
  for (size_t i = 0; i < result.frequencies.size(); ++i) {
    const double slowed = std::clamp((double(i) - first) / (last - first), 0.0, 1.0);
    result.frequencies[i] = float(blend(result.frequencies[i], factor, 1 - slowed));
  }

  auto sharpness = [&](double weight) { return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1; };
  const double weight = rope.getOptionalFloat("mscale", 0, maxFactor).value_or(0);
  const double allWeight = rope.getOptionalFloat("mscale_all_dim", 0, maxFactor).value_or(0);
  result.factor = weight && allWeight ? sharpness(weight) / sharpness(allWeight) : sharpness(1);
  if (auto stated = rope.getOptionalFloat("attention_factor", 0, maxFactor))
    result.factor = *stated;
}

/// LongRoPE (Ding et al. 2024): a factor of its own for each pair, of two lists: these are for texts as long as those
/// of training, and `longestRotated` lets no others in.
static void stretchEachPair(JsonFields &fields, JsonFields &rope, const RopeShape &shape, Rope &result) {
  const std::vector<double> factors = rope.getFloats("short_factor", 1e-6, maxFactor);
  if (factors.size() != result.frequencies.size())
    return rope.reject("short_factor", "has " + llvm::Twine(factors.size()) + " numbers; accepted is one for each of " +
                                           llvm::Twine(result.frequencies.size()) + " pairs of columns");
  for (auto [frequency, factor] : llvm::zip(result.frequencies, factors))
    frequency = float(1 / (factor / double(frequency)));

  double trained = double(shape.positions), factor = 1;
  if (shape.trained || fields.has("original_max_position_embeddings")) {
    trained = double(fields.getInt("original_max_position_embeddings", shape.trained, 2, maxPositions));
    factor = double(shape.positions) / trained;
  } else {
    factor = rope.getFloat("factor", std::nullopt, 0, maxFactor);
  }
  result.factor = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(trained));
  if (auto stated = rope.getOptionalFloat("attention_factor", 0, maxFactor))
    result.factor = *stated;
}

/// Of a rope_scaling: linear and the like.
static std::string kindOf(JsonFields &rope, const RopeShape &shape) {
  const std::string kind = rope.getString(rope.has("rope_type") ? "rope_type" : "type", "default");
  return shape.isPhis && (kind == "su" || kind == "yarn") ? "longrope" : kind; // what it was called before
}

Rope readRope(JsonFields &fields, const RopeShape &shape) {
  double theta = fields.getFloat(shape.thetaName, shape.theta, 1, maxTheta);
  fields.readObject("rope_parameters", [&](JsonFields &rope) {
    theta = rope.getFloat("rope_theta", theta, 1, maxTheta);
    if (std::string kind = kindOf(rope, shape); kind != "default")
      rope.reject(rope.has("rope_type") ? "rope_type" : "type",
                  "found \"" + kind + "\", which is supported in rope_scaling only; accepted is \"default\"");
  });
  Rope result = {.frequencies = plainFrequencies(shape.width, theta)};
  fields.readObject("rope_scaling", [&](JsonFields &rope) {
    const std::string kind = kindOf(rope, shape);
    if (kind == "linear") {
      const double factor = rope.getFloat("factor", std::nullopt, 1e-6, maxFactor);
      for (float &frequency : result.frequencies)
        frequency /= float(factor);
    } else if (kind == "llama3") {
      stretchLongWaves(rope, result);
    } else if (kind == "yarn") {
      stretchSlowPairs(rope, shape, theta, result);
    } else if (kind == "longrope") {
      stretchEachPair(fields, rope, shape, result);
    } else if (kind != "default" && kind != "dynamic") { // up to max_position_embeddings dynamic is as default
      rope.reject(rope.has("rope_type") ? "rope_type" : "type",
                  "found \"" + kind +
                      "\", which is not supported yet; accepted are default, dynamic, linear, llama3, longrope, yarn");
    }
  });
  return result;
}

int64_t longestRotated(JsonFields &fields, const RopeShape &shape) {
  int64_t longest = fields.getInt("max_position_embeddings", shape.positions, 1, maxPositions);
  fields.readObject("rope_scaling", [&](JsonFields &rope) {
    if (kindOf(rope, shape) == "longrope")
      longest = std::min(
          longest, fields.getInt("original_max_position_embeddings", shape.trained.value_or(longest), 2, maxPositions));
  });
  return longest;
}

} // namespace lathe
