// The search for precisions, on models that are only numbers: what each part does to the drift is known here.
#include "compiler/driver/PrecisionSearch.h"

#include "tests/driver/Errors.h"

#include <numeric>

namespace lathe::test {
namespace {

/// A model whose parts drift by so much in a precision, and a rule of what they do together.
struct Model {
  struct Part {
    std::string name;
    int64_t elements;
    double inInt8, inBf16;
  };
  std::vector<Part> parts;
  std::function<double(const std::vector<double> &)> together = [](const std::vector<double> &drifts) {
    return std::accumulate(drifts.begin(), drifts.end(), 0.0);
  };
  double truth = 1; ///< what is measured, of what is estimated
  int measured = 0, prepared = 0;

  double drift(const PrecisionPlan &plan) const {
    std::vector<double> drifts;
    for (const Part &part : parts) {
      const llvm::StringRef precision = plan.of(part.name);
      drifts.push_back(precision == "int8" ? part.inInt8 : precision == "bf16" ? part.inBf16 : 0);
    }
    return together(drifts);
  }
  llvm::Expected<SearchReport> search(double bound, const std::string &cheapest = "int8") {
    SearchProblem problem = {.cheapest = cheapest, .bound = bound};
    for (const Part &part : parts)
      problem.groups.push_back({{part.name}, part.elements});
    problem.measure = [this](const PrecisionPlan &plan) -> llvm::Expected<double> {
      ++measured;
      return truth * drift(plan);
    };
    problem.prepare = [this] { return ++prepared, llvm::Error::success(); };
    problem.estimate = [this](const PrecisionPlan &plan) -> llvm::Expected<double> {
      EXPECT_EQ(prepared, 1);
      return drift(plan);
    };
    return searchPrecisions(problem);
  }
};

using Overrides = std::map<std::string, std::string>;

Model fourParts() {
  return {{{"embeddings", 50, 0.02, 0.002},
           {"layer 0", 10, 0.1, 0.01},
           {"layer 1", 10, 0.4, 0.04},
           {"head", 5, 0.05, 0.005}}};
}

TEST(PrecisionSearch, KeepsTheCheapestThatHolds) {
  Model model = fourParts();
  const SearchReport report = llvm::cantFail(model.search(0.58));
  EXPECT_EQ(report.plan, (PrecisionPlan{"int8", {}}));
  EXPECT_EQ(model.measured, 1);
  EXPECT_EQ(model.prepared, 0) << "nothing else is to be compiled";
}

TEST(PrecisionSearch, RaisesTheMostSensitive) {
  Model model = fourParts();
  const SearchReport report = llvm::cantFail(model.search(0.3));
  EXPECT_EQ(report.plan, (PrecisionPlan{"int8", {{"layer 1", "bf16"}}}));
  ASSERT_EQ(report.sensitivities.size(), 4u);
  EXPECT_EQ(report.sensitivities[2].drift, (std::map<std::string, double>{{"int8", 0.4}, {"bf16", 0.04}}));
  ASSERT_EQ(report.measured.size(), 2u);
  EXPECT_EQ(report.measured.back().plan, report.plan);
  EXPECT_LE(report.measured.back().drift, 0.3);
}

TEST(PrecisionSearch, RaisesAsFarAsF32) {
  Model model = fourParts();
  EXPECT_EQ(llvm::cantFail(model.search(0.006)).plan,
            (PrecisionPlan{"bf16", {{"layer 0", "f32"}, {"layer 1", "f32"}, {"head", "f32"}}}));
}

TEST(PrecisionSearch, GoesNoLowerThanAsked) {
  Model model = fourParts();
  EXPECT_EQ(llvm::cantFail(model.search(0.02, "bf16")).plan, (PrecisionPlan{"bf16", {{"layer 1", "f32"}}}));
}

TEST(PrecisionSearch, LowersAgainWhatDidNotMatter) {
  Model model = {{{"a", 10, 0.5, 0}, {"b", 10, 0.3, 0}, {"c", 10, 0.25, 0}}};
  model.together = [](const std::vector<double> &drifts) { return std::max(drifts[0], drifts[1] + drifts[2]); };
  EXPECT_EQ(llvm::cantFail(model.search(0.52)).plan.overrides, (Overrides{{"b", "bf16"}})) << "a was raised first";
}

TEST(PrecisionSearch, OfEqualOnesLowersTheLargest) {
  Model model = {{{"small", 10, 0.5, 0}, {"large", 90, 0.5, 0}, {"b", 1, 0.3, 0}, {"c", 1, 0.25, 0}}};
  model.together = [](const std::vector<double> &drifts) {
    return std::max(drifts[0] + 0.1 * drifts[1], drifts[2] + drifts[3]) + 0.1 * drifts[1];
  };
  const Overrides found = llvm::cantFail(model.search(0.36)).plan.overrides;
  EXPECT_TRUE(found.contains("small"));
  EXPECT_FALSE(found.contains("large"));
}

TEST(PrecisionSearch, RaisesSmallPartsRatherThanALargeOneThatDriftsMore) {
  Model model = {{{"embeddings", 1000, 0.3, 0}, {"a", 10, 0.2, 0}, {"b", 10, 0.2, 0}}};
  EXPECT_EQ(llvm::cantFail(model.search(0.35)).plan.overrides, (Overrides{{"a", "bf16"}, {"b", "bf16"}}));
}

TEST(PrecisionSearch, BelievesWhatIsMeasured) {
  Model model = fourParts();
  model.truth = 1.7;
  const SearchReport report = llvm::cantFail(model.search(0.3));
  EXPECT_LE(1.7 * model.drift(report.plan), 0.3);
  EXPECT_GT(report.measured.size(), 2u) << "the first plan was not within it";
  EXPECT_EQ(report.measured.back().plan, report.plan);
}

TEST(PrecisionSearch, LowersWhatOnlyTheEstimateRaised) {
  Model model = fourParts();
  model.truth = 0.7;
  const SearchReport report = llvm::cantFail(model.search(0.15));
  EXPECT_EQ(report.plan, (PrecisionPlan{"int8", {{"layer 1", "bf16"}}})) << "layer 0 was, by the estimate";
  EXPECT_EQ(report.measured.back().plan, report.plan);
}

TEST(PrecisionSearch, WhatTurnsOutToDriftMoreIsNotLowered) {
  Model model = fourParts();
  const SearchReport report = llvm::cantFail(model.search(0.15));
  EXPECT_EQ(report.plan, (PrecisionPlan{"int8", {{"layer 0", "bf16"}, {"layer 1", "bf16"}}}));
  EXPECT_LE(model.drift(report.plan), 0.15);
  EXPECT_GT(report.measured.back().drift, 0.15) << "layer 0 in int8 was tried";
}

TEST(PrecisionSearch, FailsWhereOnlyF32Holds) {
  Model model = fourParts();
  expectError(model.search(0.001),
              {"--max-drift 1.00e-03", "f32, bf16, int8", "2.00e-03", "bf16", "f32: head, layer 0 to 1"});
  model = fourParts();
  expectError(model.search(0), {"--max-drift 0.00e+00"});
}

TEST(PrecisionSearch, OnePartLessThanF32IsAnAnswer) {
  Model model = fourParts();
  EXPECT_EQ(llvm::cantFail(model.search(0.002)).plan,
            (PrecisionPlan{"bf16", {{"layer 0", "f32"}, {"layer 1", "f32"}, {"head", "f32"}}}));
}

TEST(PrecisionSearch, OfWhatIsNoNumberNothingHolds) {
  Model model = fourParts();
  model.truth = std::numeric_limits<double>::infinity();
  expectError(model.search(0.3), {"no mixture", "INF"});
}

TEST(PrecisionSearch, UnitsOfOneMatrixStayTogether) {
  const std::vector<UnitGroup> groups = groupUnits({{"embeddings", {{"words", 100}, {"positions", 10}}},
                                                    {"layer 0", {{"shared.w", 16}}},
                                                    {"layer 1", {{"w", 8}}},
                                                    {"layer 2", {{"shared.w", 16}}},
                                                    {"head", {{"dense", 4}, {"words", 100}}}});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].units, (std::vector<std::string>{"embeddings", "head"}));
  EXPECT_EQ(groups[0].elements, 114);
  EXPECT_EQ(groups[1].units, (std::vector<std::string>{"layer 0", "layer 2"}));
  EXPECT_EQ(groups[1].elements, 16);
  EXPECT_EQ(groups[2].units, (std::vector<std::string>{"layer 1"}));
}

} // namespace
} // namespace lathe::test
