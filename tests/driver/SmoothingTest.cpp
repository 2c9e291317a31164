// What is smoothed, by how much, and what that is worth: against rounding done one number at a time.
#include "compiler/driver/Smoothing.h"

#include "compiler/driver/JoinedRows.h"
#include "compiler/driver/RunStage.h"
#include "passes/precision/Observed.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lathe;
using namespace mlir;

namespace {

constexpr int64_t width = 40, wide = 56;

// Layers whose norm's result the next layer reads, and one other value that a norm gives; `up` reads no norm's result,
// and `table` is looked up, too.
constexpr const char *modelText = R"mlir(
func.func private @layer(%x: tensor<?x40xf32>, %q: tensor<40x40xf32> {xf.weight = "q"},
    %k: tensor<16x40xf32> {xf.weight = "k"}, %mid: tensor<40x56xf32> {xf.weight = "mid"},
    %up: tensor<40x40xf32> {xf.weight = "up"}, %gain: tensor<40xf32> {xf.weight = "gain"}) -> tensor<?x40xf32> {
  %qk = xf.concat %q, %k : tensor<40x40xf32>, tensor<16x40xf32> -> tensor<56x40xf32>
  %a = xf.linear %x, %qk : tensor<?x40xf32>, tensor<56x40xf32> -> tensor<?x56xf32>
  %b = xf.linear %a, %mid : tensor<?x56xf32>, tensor<40x56xf32> -> tensor<?x40xf32>
  %n = xf.layer_norm %b, %gain, %gain eps 1.0e-5 : tensor<?x40xf32>, tensor<40xf32>, tensor<40xf32> -> tensor<?x40xf32>
  %c = xf.linear %n, %up residual(%n : tensor<?x40xf32>) : tensor<?x40xf32>, tensor<40x40xf32> -> tensor<?x40xf32>
  %y = xf.layer_norm %c, %gain, %gain eps 1.0e-5 : tensor<?x40xf32>, tensor<40xf32>, tensor<40xf32> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
func.func @encode(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x9xf32>, tensor<?x40xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<9x40xf32>
  %g = xf.load_weight @"0.gain" : tensor<40xf32>
  %h = xf.load_weight @head : tensor<40x40xf32>
  %e = xf.embed ids(%ids : tensor<?xi32>) tables(%t : tensor<9x40xf32>) norm(%g : tensor<40xf32>) bias(%g : tensor<40xf32>) eps 1.0e-05 -> tensor<?x40xf32>
  %y = xf.layers @layer(%e) weights ["0.", "1."] : (tensor<?x40xf32>) -> tensor<?x40xf32>
  %z = xf.linear %y, %h : tensor<?x40xf32>, tensor<40x40xf32> -> tensor<?x40xf32>
  %v = xf.linear %y, %t : tensor<?x40xf32>, tensor<9x40xf32> -> tensor<?x9xf32>
  return %v, %z : tensor<?x9xf32>, tensor<?x40xf32>
}
)mlir";

class SmoothingTest : public testing::Test {
protected:
  std::vector<float> normals(size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float &value : values)
      value = normal(engine);
    return values;
  }

  void SetUp() override {
    std::string declarations;
    for (auto [name, rows, columns] : {std::tuple<const char *, int64_t, int64_t>{"table", 9, width},
                                       {"head", width, width},
                                       {"0.q", width, width},
                                       {"1.q", width, width},
                                       {"0.k", 16, width},
                                       {"1.k", 16, width},
                                       {"0.mid", width, wide},
                                       {"1.mid", width, wide},
                                       {"0.up", width, width},
                                       {"1.up", width, width},
                                       {"0.gain", 0, width},
                                       {"1.gain", 0, width}}) {
      const std::string type = "tensor<" + (rows ? std::to_string(rows) + "x" : "") + std::to_string(columns) + "xf32>";
      declarations += "xf.weight @\"" + std::string(name) + "\" = dense<0.0> : " + type + "\n";
    }
    module = parseSourceString<ModuleOp>(declarations + modelText, context.get());
    ASSERT_TRUE(module);
    for (auto weight : module->getOps<xf::WeightOp>()) {
      auto type = weight.getLoadedType();
      const std::vector<float> values = normals(type.getNumElements());
      weight.setValueAttr(DenseResourceElementsAttr::get(
          type, weight.getSymName(), HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef(values))));
    }
  }

  /// What a linear reads: 50 rows of normal numbers, some channels twenty times as large.
  Calibration observed(std::initializer_list<int> largeChannels) {
    Calibration::Linears statistics;
    for (const char *name : {"0.q", "0.mid", "0.up", "1.q", "1.mid", "1.up", "head", "table"}) {
      const bool isWide = llvm::StringRef(name).ends_with("mid");
      FactorStatistics seen(isWide ? wide : width);
      for (int row = 0; row < 50; ++row) {
        std::vector<float> values = normals(isWide ? wide : width);
        for (int channel : largeChannels)
          values[channel] *= 20;
        seen.add(values);
        if (llvm::StringRef(name) == "1.q")
          rows.push_back(values);
      }
      statistics.insert({name, std::move(seen)});
    }
    return {"numbers", std::move(statistics)};
  }

  std::string smoothedBy(llvm::StringRef function, unsigned index) {
    std::vector<std::string> names;
    module->lookupSymbol<mlir::func::FuncOp>(function).walk([&](xf::LinearOp linear) {
      auto by = linear->getAttrOfType<FlatSymbolRefAttr>(smoothingAttr);
      names.push_back(by ? by.getValue().str() : "");
    });
    return names[index];
  }

  std::minstd_rand engine{1};
  std::unique_ptr<MLIRContext> context = createContext();
  OwningOpRef<ModuleOp> module;
  std::vector<std::vector<float>> rows; ///< that layer 1's q and k read
};

/// The sum of squares of what is wrong with x * weight^T where x / s and weight * s are rounded.
double naiveLoss(const std::vector<std::vector<float>> &rows, const JoinedRows &weight, std::vector<double> s) {
  s.resize(weight.width(), 1);
  double sum = 0;
  for (int64_t n = 0; n < weight.count(); ++n) {
    std::vector<float> w(weight.width());
    weight.read(n, w);
    double largest = 0;
    for (size_t k = 0; k < w.size(); ++k)
      largest = std::max(largest, std::fabs(w[k] * s[k]));
    for (const std::vector<float> &x : rows) {
      double above = 0, below = 0, error = 0;
      for (size_t k = 0; k < w.size(); ++k)
        above = std::max(above, x[k] / s[k]), below = std::min(below, x[k] / s[k]);
      const double xStep = (above - below) / 255, zero = std::nearbyint(-below / xStep), wStep = largest / 127;
      for (size_t k = 0; k < w.size(); ++k) {
        const double q = xStep * (std::clamp(std::nearbyint(x[k] / s[k] / xStep) + zero, 0.0, 255.0) - zero);
        error += q * wStep * std::nearbyint(w[k] * s[k] / wStep) - double(x[k]) * w[k];
      }
      sum += error * error;
    }
  }
  return sum;
}

TEST_F(SmoothingTest, WhatNormsGiveIsSmoothed) {
  const std::vector<Smoothing> found = smoothFactors(*module, observed({3, 17}));
  ASSERT_EQ(found.size(), 2u) << "what layers hand on, and what is inside them";
  EXPECT_EQ(found[0].linears, (std::vector<std::string>{"0.q", "1.q", "head"}))
      << "not the table's product, whose weight lookups read as it is";
  EXPECT_EQ(found[1].linears, (std::vector<std::string>{"0.up", "1.up"}));
  const std::string handedOn = "0.q.input_smoothing", inside = "0.up.input_smoothing";
  EXPECT_EQ(smoothedBy("layer", 0), handedOn);
  EXPECT_EQ(smoothedBy("layer", 1), "") << "mid reads no norm's result";
  EXPECT_EQ(smoothedBy("layer", 2), inside);
  EXPECT_EQ(smoothedBy("encode", 0), handedOn);
  EXPECT_EQ(smoothedBy("encode", 1), "");
  EXPECT_EQ(readVector(module->lookupSymbol<xf::WeightOp>(handedOn)), found[0].factors);
  for (const Smoothing &smoothing : found) {
    EXPECT_GT(smoothing.strength, 0.2);
    EXPECT_LT(smoothing.after, 0.5 * smoothing.before);
    EXPECT_LT(smoothing.factors[3], 0.5 * smoothing.factors[4]) << "large channels become small ones";
    EXPECT_LT(smoothing.factors[17], 0.5 * smoothing.factors[18]);
  }
}

TEST_F(SmoothingTest, LessIsLostAsEstimated) {
  const std::vector<Smoothing> found = smoothFactors(*module, observed({3, 17}));
  ASSERT_FALSE(found.empty());
  const JoinedRows weight({module->lookupSymbol<xf::WeightOp>("1.q"), module->lookupSymbol<xf::WeightOp>("1.k")});
  std::vector<double> s;
  for (float factor : found[0].factors)
    s.push_back(1 / double(factor));
  const double gain = naiveLoss(rows, weight, s) / naiveLoss(rows, weight, {});
  EXPECT_NEAR(gain / (found[0].after / found[0].before), 1, 0.4);
}

TEST_F(SmoothingTest, WhatIsEvenIsLeft) {
  EXPECT_TRUE(smoothFactors(*module, observed({})).empty());
  EXPECT_EQ(smoothedBy("layer", 0), "");
}

TEST_F(SmoothingTest, WhatCalibrationHasNotSeenIsLeft) {
  EXPECT_TRUE(smoothFactors(*module, Calibration("nothing", {})).empty());
}

TEST_F(SmoothingTest, ChannelsOfZerosAreNoProblem) {
  Calibration::Linears statistics;
  for (const char *name : {"0.up", "1.up"}) {
    FactorStatistics seen(width);
    for (int row = 0; row < 50; ++row) {
      std::vector<float> values = normals(width);
      values[3] *= 30, values[5] = 0;
      seen.add(values);
    }
    statistics.insert({name, std::move(seen)});
  }
  const std::vector<Smoothing> found = smoothFactors(*module, {"numbers", std::move(statistics)});
  ASSERT_EQ(found.size(), 1u);
  for (float factor : found[0].factors)
    EXPECT_TRUE(std::isfinite(factor) && factor > 0);
}

TEST(FactorStatistics, SomeRowsAreKeptEvenlySpread) {
  FactorStatistics statistics(2);
  for (int row = 0; row < 1000; ++row)
    statistics.add({float(row), 1});
  const ArrayRef<float> sample = statistics.sample();
  ASSERT_GE(sample.size(), 2 * 32u);
  ASSERT_LE(sample.size(), 2 * 64u);
  for (size_t at = 0; at < sample.size() / 2; ++at)
    EXPECT_EQ(sample[2 * at], at * sample[2]);
  EXPECT_GT(sample[sample.size() - 2], 900);
}

} // namespace
