// Statistics of what linears read: against naive loops, and of a whole model against the hidden states that it gives.
#include "compiler/driver/Calibration.h"

#include "compiler/driver/Compile.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lathe;

namespace {

std::vector<float> normals(size_t count, std::minstd_rand &engine) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(engine);
  return values;
}

/// The mean of squared distances from 255 steps, number by number.
double naiveError(const std::vector<float> &values, NumberRange range) {
  const double scale = (double(range.greatest) - range.least) / 255, zero = std::round(-range.least / scale);
  double sum = 0;
  for (double value : values) {
    const double step = std::min(255.0, std::max(0.0, std::round(value / scale) + zero)) - zero;
    sum += (value - scale * step) * (value - scale * step);
  }
  return sum / double(values.size());
}

TEST(FactorStatistics, AreThoseOfTheRows) {
  FactorStatistics statistics(3);
  statistics.add({1, -2, 0});
  statistics.add({-3, 1, 0});
  EXPECT_EQ(statistics.rows(), 2u);
  EXPECT_EQ(statistics.channels(), 3);
  EXPECT_EQ(statistics.largest(0), 3);
  EXPECT_EQ(statistics.largest(1), 2);
  EXPECT_EQ(statistics.largest(2), 0);
  EXPECT_EQ(statistics.meanSquare(0), 5);
  EXPECT_EQ(statistics.meanSquare(1), 2.5);
  EXPECT_EQ(statistics.range(), (NumberRange{-3, 1}));
}

TEST(FactorStatistics, ARangeHasZeroInIt) {
  FactorStatistics positive(1), none(1);
  positive.add({3.0f});
  EXPECT_EQ(positive.range(), (NumberRange{0, 3}));
  EXPECT_EQ(none.range(), NumberRange());
  EXPECT_EQ(none.bestRange(), NumberRange());
  EXPECT_EQ(none.meanSquare(0), 0);
}

TEST(FactorStatistics, ErrorsAreThoseOfEachNumber) {
  std::minstd_rand engine(1);
  const std::vector<float> values = normals(20000, engine);
  FactorStatistics statistics(1);
  for (float value : values)
    statistics.add({value});
  for (NumberRange range : {statistics.range(), {-1, 1}, {-2.5, 0.25f}, {0, 4}})
    EXPECT_NEAR(statistics.errorOf(range) / naiveError(values, range), 1, 0.05) << range.least << " " << range.greatest;
}

TEST(FactorStatistics, TheBestRangeCutsOffWhatIsRare) {
  std::minstd_rand engine(2);
  std::vector<float> values = normals(1000000, engine);
  values[17] = 40;
  FactorStatistics statistics(1);
  for (float value : values)
    statistics.add({value});
  const NumberRange best = statistics.bestRange();
  EXPECT_LT(best.greatest, 30) << "one number of 40 is not worth the steps that it takes from the others";
  EXPECT_LT(best.least, -2);
  EXPECT_LT(naiveError(values, best), 0.6 * naiveError(values, statistics.range()));
}

/// An observed model, its layers' prefixes, and inputs for it: two sequences without padding.
struct Observed {
  lathe::test::TemporaryDirectory scratch;
  std::optional<LoadedArtifact> artifact;
  LayerPrefixes prefixes;
  DriftInputs inputs;

  /// "" or why there is none.
  std::string make(const std::string &model) {
    CompileOptions options;
    options.model = model;
    options.output = (scratch.path() / "observed").string();
    options.observe = true;
    options.import.hiddenStates = true;
    options.levels = {IsaLevel::Avx512};
    if (std::string message = lathe::test::messageOf(compileModel(options, llvm::nulls())); !message.empty())
      return message;
    llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(options.output);
    if (!loaded)
      return llvm::toString(loaded.takeError());
    artifact = std::move(*loaded);
    for (int layer = 0; layer < 5; ++layer)
      prefixes["bert_layer"].push_back("encoder.layer." + std::to_string(layer) + ".");
    inputs.description = "numbers";
    std::minstd_rand engine(3);
    for (int64_t length : {7, 30}) {
      std::vector<int32_t> ids(2 * length);
      for (int32_t &id : ids)
        id = int32_t(engine() % 97);
      inputs.batches.emplace_back();
      inputs.batches.back().add("input_ids", {2, length}, ids);
    }
    return "";
  }
};

TEST(Calibration, IsOfWhatEveryLinearReads) {
  Observed observed;
  const std::string problem = observed.make(LATHE_SOURCE_DIR "/tests/goldens/bert/base-deep/model");
  if (problem.find("AVX-512") != std::string::npos)
    GTEST_SKIP() << problem;
  ASSERT_EQ(problem, "");
  llvm::Expected<Calibration> calibration = Calibration::gather(*observed.artifact, observed.inputs, observed.prefixes);
  ASSERT_TRUE(bool(calibration)) << llvm::toString(calibration.takeError());
  EXPECT_EQ(calibration->inputs(), "numbers");
  EXPECT_EQ(calibration->linears().size(), 5 * 4 + 1u) << "four linears in each layer, and the pooler's";
  EXPECT_EQ(calibration->find("encoder.layer.5.output.dense.weight"), nullptr);

  // A layer's projections read the hidden state before it, the pooler the first tokens of the last one.
  std::map<std::string, FactorStatistics> expected;
  auto expect = [&](const std::string &weight, llvm::ArrayRef<float> row) {
    expected.try_emplace(weight, int64_t(row.size())).first->second.add(row);
  };
  for (const InputTensors &batch : observed.inputs.batches) {
    llvm::Expected<std::vector<FloatTensor>> outputs = runModel(observed.artifact->model, "", {}, batch);
    ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
    for (const FloatTensor &output : *outputs) {
      const llvm::StringRef name = output.name;
      const bool last = name == "last_hidden_state";
      for (int layer = 0; layer < 5 || last; ++layer) {
        const std::string number = std::to_string(layer);
        if (!last && name != "hidden_states." + number)
          continue;
        const int64_t seq = output.shape[1], width = output.shape[2];
        for (int64_t row = 0; row < output.shape[0] * seq; ++row) {
          const llvm::ArrayRef<float> values = output.values().slice(row * width, width);
          if (!last)
            expect("encoder.layer." + number + ".attention.self.query.weight", values);
          else if (row % seq == 0)
            expect("pooler.dense.weight", values);
        }
        break;
      }
    }
  }
  ASSERT_EQ(expected.size(), 6u);
  for (const auto &[weight, of] : expected) {
    SCOPED_TRACE(weight);
    const FactorStatistics *found = calibration->find(weight);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->rows(), of.rows());
    ASSERT_EQ(found->channels(), of.channels());
    EXPECT_EQ(found->range(), of.range());
    for (int64_t channel = 0; channel < of.channels(); ++channel) {
      EXPECT_EQ(found->largest(channel), of.largest(channel)) << channel;
      EXPECT_DOUBLE_EQ(found->meanSquare(channel), of.meanSquare(channel)) << channel;
    }
  }
}

} // namespace
