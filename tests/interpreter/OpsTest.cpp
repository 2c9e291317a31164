// The meaning of each op, on cases small enough to be worked out by hand.
#include "ir/interpreter/Ops.h"
#include "ir/xf/Buckets.h"
#include "tests/interpreter/Parsed.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::reference;
using lathe::test::near;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Ops, LookupTakesRows) {
  Tensor table({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(near(lookup(Tensor({2, 2}, {2, 0, 1, 1}), table), Tensor({2, 2, 2}, {5, 6, 1, 2, 3, 4, 3, 4})));
  EXPECT_TRUE(near(lookup(Tensor({0}), table), Tensor({0, 2})));
}

TEST(Ops, LinearMultipliesWithTheTransposedWeight) {
  Tensor x({2, 2}, {1, 2, 3, 4}), weight({3, 2}, {1, 0, 0, 1, 10, 100}), bias({3}, {0.5, 0, -1});
  EXPECT_TRUE(near(linear(x, weight, nullptr), Tensor({2, 3}, {1, 2, 210, 3, 4, 430})));
  EXPECT_TRUE(near(linear(x, weight, &bias), Tensor({2, 3}, {1.5, 2, 209, 3.5, 4, 429})));
}

TEST(Ops, ConcatJoinsTheFirstAxisAndJoinTheLast) {
  Tensor a({1, 2}, {1, 2}), b({2, 2}, {3, 4, 5, 6}), c({2, 1}, {7, 8});
  EXPECT_TRUE(near(concat({&a, &b}), Tensor({3, 2}, {1, 2, 3, 4, 5, 6})));
  EXPECT_TRUE(near(join({&b, &c}), Tensor({2, 3}, {3, 4, 7, 5, 6, 8})));
}

TEST(Ops, SplitUndoesJoin) {
  Tensor whole({2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<Tensor> parts = split(whole, {1, 2});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(near(parts[0], Tensor({2, 1}, {1, 4})));
  EXPECT_TRUE(near(parts[1], Tensor({2, 2}, {2, 3, 5, 6})));
  EXPECT_TRUE(near(join({&parts[0], &parts[1]}), whole));
}

TEST(Ops, HeadsAreColumnBlocks) {
  Tensor x({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  Tensor heads = splitHeads(x, 2);
  EXPECT_TRUE(near(heads, Tensor({1, 2, 2, 2}, {1, 2, 5, 6, 3, 4, 7, 8})));
  EXPECT_TRUE(near(mergeHeads(heads), x));
}

TEST(Ops, HeadsMayBeRepeated) {
  Tensor x({1, 1, 4}, {1, 2, 3, 4});
  EXPECT_TRUE(near(splitHeads(x, 4, 2), Tensor({1, 4, 1, 2}, {1, 2, 1, 2, 3, 4, 3, 4})));
}

TEST(Ops, MatmulPerBatchAndHead) {
  Tensor a({1, 2, 1, 2}, {1, 2, 3, 4}), b({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_TRUE(near(matmul(a, b, false), Tensor({1, 2, 1, 2}, {7, 10, 43, 50})));
  EXPECT_TRUE(near(matmul(a, b, true), Tensor({1, 2, 1, 2}, {5, 11, 39, 53})));
}

TEST(Ops, MaskedScoresAreAbsentAndOthersUntouched) {
  Tensor scores({2, 1, 1, 2}, {1, 2, 3, 4}), mask({2, 2}, {1, 0, 0, 1});
  Tensor masked = maskScores(scores, mask);
  EXPECT_EQ(masked.values, (std::vector<double>{1, -infinity, -infinity, 4}));
}

TEST(Ops, SoftmaxOfRows) {
  double third = 1.0 / 3;
  // Differences count, not sizes: what overflows exp alone is no special case.
  Tensor x({3, 2}, {0, std::log(2.0), 1000, 1000 + std::log(2.0), -infinity, 5});
  EXPECT_TRUE(near(softmax(x), Tensor({3, 2}, {third, 2 * third, third, 2 * third, 0, 1}), 1e-13));
}

TEST(Ops, SoftmaxOfNothingIsZero) {
  EXPECT_TRUE(near(softmax(Tensor({1, 2}, {-infinity, -infinity})), Tensor({1, 2}, {0, 0})));
  EXPECT_TRUE(near(softmax(Tensor({2, 0})), Tensor({2, 0})));
}

TEST(Ops, ScaleAndAdd) {
  EXPECT_TRUE(near(scale(Tensor({2}, {1, -2}), -3), Tensor({2}, {-3, 6})));
  EXPECT_TRUE(near(add(Tensor({2}, {1, -2}), Tensor({2}, {10, 20})), Tensor({2}, {11, 18})));
}

TEST(Ops, Activations) {
  // Values of Phi and tanh to 15 digits, from tables.
  Tensor x({3}, {-1, 0, 2});
  EXPECT_TRUE(near(activate(xf::Activation::Gelu, x), Tensor({3}, {-0.158655253931457, 0, 1.954499736103642}), 1e-14));
  EXPECT_TRUE(
      near(activate(xf::Activation::GeluTanh, x), Tensor({3}, {-0.158808009391723, 0, 1.954597694087775}), 1e-14));
  EXPECT_TRUE(near(activate(xf::Activation::Relu, x), Tensor({3}, {0, 0, 2})));
  EXPECT_TRUE(near(activate(xf::Activation::Silu, x), Tensor({3}, {-0.268941421369995, 0, 1.761594155955765}), 1e-14));
  EXPECT_TRUE(near(activate(xf::Activation::Tanh, x), Tensor({3}, {-0.761594155955765, 0, 0.964027580075817}), 1e-14));
}

TEST(Ops, MapsEachElement) {
  auto values = [](xf::MapKind kind, std::vector<double> x) {
    return map(kind, Tensor({int64_t(x.size())}, x)).values;
  };
  using testing::ElementsAre;
  EXPECT_THAT(values(xf::MapKind::Neg, {1, -2}), ElementsAre(-1, 2));
  EXPECT_THAT(values(xf::MapKind::Abs, {1, -2}), ElementsAre(1, 2));
  EXPECT_THAT(values(xf::MapKind::Sign, {3, -2, 0}), ElementsAre(1, -1, 0));
  EXPECT_THAT(values(xf::MapKind::Floor, {1.5, -1.5}), ElementsAre(1, -2));
  EXPECT_THAT(values(xf::MapKind::Sqrt, {9, 0}), ElementsAre(3, 0));
  EXPECT_THAT(values(xf::MapKind::Rsqrt, {4, 0}), ElementsAre(0.5, infinity));
  EXPECT_THAT(values(xf::MapKind::Exp, {0, -infinity}), ElementsAre(1, 0));
  EXPECT_THAT(values(xf::MapKind::Log, {1, 0}), ElementsAre(0, -infinity));
  EXPECT_THAT(values(xf::MapKind::Log1p, {0, 1e-20}), ElementsAre(0, 1e-20));
  EXPECT_THAT(values(xf::MapKind::Tanh, {0, infinity}), ElementsAre(0, 1));
  EXPECT_THAT(values(xf::MapKind::Erf, {0, infinity}), ElementsAre(0, 1));
  EXPECT_THAT(values(xf::MapKind::Sigmoid, {0, infinity, -infinity}), ElementsAre(0.5, 1, 0));
}

TEST(Ops, CombinesEachPair) {
  auto values = [](xf::CombineKind kind) {
    return combine(kind, Tensor({3}, {2, -3, 4}), Tensor({3}, {2, 2, -0.5})).values;
  };
  using testing::ElementsAre;
  EXPECT_THAT(values(xf::CombineKind::Add), ElementsAre(4, -1, 3.5));
  EXPECT_THAT(values(xf::CombineKind::Sub), ElementsAre(0, -5, 4.5));
  EXPECT_THAT(values(xf::CombineKind::Mul), ElementsAre(4, -6, -2));
  EXPECT_THAT(values(xf::CombineKind::Div), ElementsAre(1, -1.5, -8));
  EXPECT_THAT(values(xf::CombineKind::Max), ElementsAre(2, 2, 4));
  EXPECT_THAT(values(xf::CombineKind::Min), ElementsAre(2, -3, -0.5));
  EXPECT_THAT(values(xf::CombineKind::Pow), ElementsAre(4, 9, 0.5));
  EXPECT_THAT(values(xf::CombineKind::Less), ElementsAre(0, 1, 0));
  EXPECT_THAT(values(xf::CombineKind::Equal), ElementsAre(1, 0, 0));
}

TEST(Ops, TheLargerOfAnythingAndNaNIsNaN) {
  Tensor nan({1}, {std::nan("")}), one({1}, {1});
  for (xf::CombineKind kind : {xf::CombineKind::Max, xf::CombineKind::Min}) {
    EXPECT_TRUE(std::isnan(combine(kind, nan, one).values[0]));
    EXPECT_TRUE(std::isnan(combine(kind, one, nan).values[0]));
  }
  Tensor row({1, 3}, {1, std::nan(""), 2});
  EXPECT_TRUE(std::isnan(reduce(xf::ReduceKind::Max, row).values[0]));
  EXPECT_TRUE(std::isnan(reduce(xf::ReduceKind::Min, row).values[0]));
}

TEST(Ops, RowsMeetVectorsAndNumbers) {
  Tensor rows({2, 2}, {1, 2, 3, 4}), one({2, 1}, {10, 20}), vector({2}, {100, 200}), number({1}, {1000});
  auto sum = [](const Tensor &a, const Tensor &b) { return combine(xf::CombineKind::Add, a, b); };
  EXPECT_TRUE(near(sum(rows, one), Tensor({2, 2}, {11, 12, 23, 24})));
  EXPECT_TRUE(near(sum(vector, rows), Tensor({2, 2}, {101, 202, 103, 204})));
  EXPECT_TRUE(near(sum(rows, number), Tensor({2, 2}, {1001, 1002, 1003, 1004})));
  EXPECT_TRUE(near(sum(one, vector), Tensor({2, 2}, {110, 210, 120, 220})));
  EXPECT_TRUE(near(sum(number, vector), Tensor({2}, {1100, 1200})));
}

TEST(Ops, SelectsByWhatIsNotZero) {
  Tensor condition({2, 2}, {1, 0, -3, 0}), x({2, 1}, {10, 20}), y({2}, {5, 6});
  EXPECT_TRUE(near(select(condition, x, y), Tensor({2, 2}, {10, 6, 20, 6})));
}

TEST(Ops, ReducesRows) {
  Tensor x({1, 2, 2}, {1, 3, -5, -7});
  EXPECT_TRUE(near(reduce(xf::ReduceKind::Sum, x), Tensor({1, 2, 1}, {4, -12})));
  EXPECT_TRUE(near(reduce(xf::ReduceKind::Mean, x), Tensor({1, 2, 1}, {2, -6})));
  EXPECT_TRUE(near(reduce(xf::ReduceKind::Max, x), Tensor({1, 2, 1}, {3, -5})));
  EXPECT_TRUE(near(reduce(xf::ReduceKind::Min, x), Tensor({1, 2, 1}, {1, -7})));
}

TEST(Ops, LayerNormUsesTheBiasedVariance) {
  // Mean 2, variance 1 (not 2): the rows become -1 and 1.
  Tensor x({1, 2}, {1, 3}), gain({2}, {2, 3}), bias({2}, {10, 20});
  EXPECT_TRUE(near(layerNorm(x, gain, &bias, 0), Tensor({1, 2}, {8, 23})));
  // An epsilon of 3 makes the divisor 2.
  EXPECT_TRUE(near(layerNorm(x, gain, &bias, 3), Tensor({1, 2}, {9, 21.5})));
  EXPECT_TRUE(near(layerNorm(x, gain, nullptr, 0), Tensor({1, 2}, {-2, 3}))) << "without a bias";
}

TEST(Ops, AnglesRotatePairsOfColumns) {
  // Quarter turns and none; pairs are columns 0 and 2, 1 and 3 of each head.
  Tensor turns = angles(Tensor({3}, {0, 1, 2}), Tensor({2}, {float(M_PI / 2), 0}));
  EXPECT_TRUE(near(turns, Tensor({3, 4}, {1, 1, 0, 0, 0, 1, 1, 0, -1, 1, 0, 0}), 1e-6));
  Tensor x({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8}), quarter({1, 4}, {0, 1, 1, 0});
  EXPECT_TRUE(near(rotate(x, quarter, 2), Tensor({1, 8}, {-3, 2, 1, 4, -7, 6, 5, 8})));
  // One pair in each head of four columns; the others stay.
  EXPECT_TRUE(near(rotate(x, Tensor({1, 2}, {0, 1}), 2), Tensor({1, 8}, {-2, 1, 3, 4, -6, 5, 7, 8})));
}

TEST(Ops, RandomFeaturesAreOfEachHead) {
  // Heads of 16 columns, so x' is half of x: (1, 0, ...) and (0, 2, ...).
  Tensor x({1, 32}), projection({2, 16});
  x.values[0] = 2, x.values[17] = 4;
  projection.row(0)[0] = 3, projection.row(1)[1] = -1;
  EXPECT_TRUE(near(randomFeatures(x, projection, 2), Tensor({1, 4}, {3 - 0.5, -0.5, -2, -2 - 2})));
}

TEST(Ops, LinearAttentionWeighsByFeatures) {
  // One head of one column: elu(x) + 1 of queries 2 and 1; of keys 3, 1 and, masked, 6.
  const Tensor q({1, 3, 1}, {1, 0, 7}), k({1, 3, 1}, {2, 0, 5}), v({1, 3, 2}, {4, 0, 8, 1, 100, 100});
  const Tensor mask({1, 3}, {1, 1, 0});
  auto attend = [&](xf::FeatureMap map, bool causal) {
    return linearAttention(map, q, k, v, &mask, nullptr, causal, 1);
  };
  // 3 : 1, for every query.
  EXPECT_TRUE(near(attend(xf::FeatureMap::Elu, false), Tensor({1, 3, 2}, {5, 0.25, 5, 0.25, 5, 0.25})));
  EXPECT_TRUE(near(attend(xf::FeatureMap::Elu, true), Tensor({1, 3, 2}, {4, 0, 5, 0.25, 5, 0.25})));
  const double first = std::exp(2.0) / (std::exp(2.0) + 1), mean = 4 * first + 8 * (1 - first);
  EXPECT_TRUE(near(attend(xf::FeatureMap::Exp, true), Tensor({1, 3, 2}, {4, 0, mean, 1 - first, mean, 1 - first})));
}

TEST(Ops, LinearAttentionSumsOverFeatures) {
  // Two features, whose exponents no double has: the query's 1 and 0, the keys' 1 and 2 relative to these.
  const Tensor cuSeqlens({2}, {0, 2});
  const Tensor q({2, 2}, {2001, 2000, 1, 0}), k({2, 2}, {-3999, -4000, -3998, -3999}), v({2, 2}, {0, 0, 1, 1});
  const double second = std::exp(1.0) / (1 + std::exp(1.0));
  EXPECT_TRUE(near(linearAttention(xf::FeatureMap::Exp, q, k, v, nullptr, &cuSeqlens, false, 1),
                   Tensor({2, 2}, {second, second, second, second})));
}

TEST(Ops, LinearAttentionWithoutKeysIsZero) {
  const Tensor x({1, 2, 1}, {1, 2}), mask({1, 2}, {0, 1});
  EXPECT_TRUE(near(linearAttention(xf::FeatureMap::Elu, x, x, x, &mask, nullptr, /*causal=*/true, 1),
                   Tensor({1, 2, 1}, {0, 2})));
}

TEST(Ops, ChunksOfColumnsSeeTheirNeighboursAround) {
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect>();
  // Columns 0, 1, 3 and 4 of a row of five and, padded, six: chunks of two see the one before, which of the first is
  // the last. Keys are alike, so that values have equal weights.
  const Tensor x({4, 1}, {0, 0, 0, 0}), v({4, 1}, {1, 2, 4, 8}), rows({1}, {5}), cuSeqlens({2}, {0, 4});
  const Tensor columns({4}, {0, 1, 3, 4});
  constexpr double sums = 1e-6; // whose logarithms are f32
  auto attend = [&](int64_t before, bool causal) {
    return chunkAttention(x, x, v, rows, {nullptr, &cuSeqlens, &columns, nullptr, nullptr}, {},
                          xf::ChunksAttr::get(&context, 2, before, 0, 2, 2), causal, 1, 1);
  };
  EXPECT_TRUE(near(attend(1, false), Tensor({4, 1}, {11.0 / 3, 11.0 / 3, 7.0 / 3, 6}), sums));
  EXPECT_TRUE(near(attend(1, true), Tensor({4, 1}, {1, 1.5, 7.0 / 3, 6}), sums));
  // From further around than there are chunks, a chunk sees itself again: 1 + 2 twice, and each other one.
  EXPECT_TRUE(near(attend(3, false), Tensor({4, 1}, {18.0 / 6, 18.0 / 6, 19.0 / 5, 23.0 / 5}), sums));
}

TEST(Ops, TokensThatSeeNothingElseSeeThemselves) {
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect>();
  // Of two columns R, products of the queries 1 and -1 are greatest, or greatest negated, in the first: buckets 0
  // and 2.
  const Tensor q({3, 1}, {1, -1, 1}), v({3, 1}, {1, 2, 4}), rows({1}, {4}), cuSeqlens({2}, {0, 3});
  const Tensor rotations({1, 4}, {2, 1, 2, 1});
  constexpr double sums = 1e-6; // whose logarithms are f32
  auto attend = [&](const Tensor &r, bool causal, const Tensor *given = nullptr) {
    return chunkAttention(q, q, v, rows, {nullptr, &cuSeqlens, nullptr, &r, given}, {4},
                          xf::ChunksAttr::get(&context, 2, 0, 0, 2, 2), causal, 1, 1);
  };
  // The first and the third token are of one chunk, the second is alone.
  EXPECT_TRUE(near(attend(Tensor({1, 2}, {2, 1}), false), Tensor({3, 1}, {4, 2, 1}), sums));
  EXPECT_TRUE(near(attend(Tensor({1, 2}, {2, 1}), true), Tensor({3, 1}, {1, 2, 1}), sums));
  // Given rotations count where there are any: all tokens are of one bucket, and the third is alone.
  const Tensor none({0, 2}), zeros({1, 2}, {0, 0});
  EXPECT_TRUE(near(attend(Tensor({1, 2}, {2, 1}), false, &none), Tensor({3, 1}, {4, 2, 1})));
  EXPECT_TRUE(near(attend(Tensor({1, 2}, {2, 1}), false, &zeros), Tensor({3, 1}, {2, 1, 4})));
  // In two rounds their weights are exp(-1e5 - L) each, L being -1e5 + log 2 in f32.
  const double both = 2 * std::exp(-1e5 - double(float(-1e5 + std::log(2.0))));
  EXPECT_LT(both, 0.998);
  EXPECT_TRUE(near(attend(rotations, true), Tensor({3, 1}, {both, 2 * both, 1}), sums));
}

TEST(Ops, AxisIdsAreCoordinates) {
  EXPECT_TRUE(near(axisIds(Tensor({4}, {0, 11, 12, 35}), 4, 3), Tensor({4}, {0, 2, 0, 2})));
}

TEST(Ops, HeadNormTakesEachHeadByItself) {
  // Mean squares 12.5 and, with the epsilon, 50.
  Tensor x({1, 4}, {3, 4, 5, 7}), gain({2}, {1, 10});
  const double first = std::sqrt(25.5), second = std::sqrt(50.0);
  EXPECT_TRUE(near(headNorm(x, gain, 2, 13), Tensor({1, 4}, {3 / first, 40 / first, 5 / second, 70 / second})));
}

TEST(Ops, NormalizeStopsAtEpsilon) {
  Tensor x({2, 2}, {3, 4, 0, 0});
  EXPECT_TRUE(near(normalize(x, 1e-12), Tensor({2, 2}, {0.6, 0.8, 0, 0})));
  EXPECT_TRUE(near(normalize(x, 10), Tensor({2, 2}, {0.3, 0.4, 0, 0})));
}

TEST(Ops, ArgmaxTakesTheFirstOfSeveral) {
  Tensor x({4, 3}, {1, 5, 5, -INFINITY, -INFINITY, -INFINITY, 2, NAN, 3, -2, -3, -1});
  const Tensor best = argmax(x);
  EXPECT_EQ(best.values, (std::vector<double>{5, 1, -INFINITY, 0, INFINITY, 1, -1, 2}));
}

TEST(Ops, FirstTokenDenseAndPacked) {
  Tensor dense({2, 2, 1}, {1, 2, 3, 4}), packed({3, 1}, {1, 2, 3}), offsets({4}, {0, 2, 2, 3});
  EXPECT_TRUE(near(firstToken(dense, nullptr), Tensor({2, 1}, {1, 3})));
  EXPECT_TRUE(near(firstToken(packed, &offsets), Tensor({3, 1}, {1, 0, 3}))) << "an empty sequence gives zeros";
}

TEST(Ops, PoolDense) {
  Tensor x({2, 3, 1}, {-1, -5, -9, 2, 4, 9}), mask({2, 3}, {1, 1, 0, 0, 0, 0});
  EXPECT_TRUE(near(pool(xf::PoolMode::Mean, x, nullptr, nullptr), Tensor({2, 1}, {-5, 5})));
  EXPECT_TRUE(near(pool(xf::PoolMode::Mean, x, &mask, nullptr), Tensor({2, 1}, {-3, 0})));
  // The maximum of negative numbers is negative: there is no zero to start from.
  EXPECT_TRUE(near(pool(xf::PoolMode::Max, x, &mask, nullptr), Tensor({2, 1}, {-1, 0})));
}

TEST(Ops, PoolPacked) {
  Tensor x({3, 2}, {1, -1, 3, -3, 8, -8}), offsets({4}, {0, 2, 2, 3});
  EXPECT_TRUE(near(pool(xf::PoolMode::Mean, x, nullptr, &offsets), Tensor({3, 2}, {2, -2, 0, 0, 8, -8})));
  EXPECT_TRUE(near(pool(xf::PoolMode::Max, x, nullptr, &offsets), Tensor({3, 2}, {3, -1, 0, 0, 8, -8})));
}

TEST(Ops, PoolOfEveryMode) {
  using enum xf::PoolMode;
  // The second sequence has one token, the third none; one of the first's takes no part.
  Tensor x({5, 1}, {1, 90, 3, 8, 7}), offsets({4}, {0, 4, 5, 5}), columns({5}, {0, 1, 2, 6, 0}),
      except({5}, {0, 2, 0, 0, 0});
  auto expect = [&](xf::PoolMode mode, double first) {
    EXPECT_TRUE(near(pool(mode, x, nullptr, &offsets, &columns, &except), Tensor({3, 1}, {first, 7, 0})))
        << stringifyPoolMode(mode).str();
  };
  expect(Mean, 4);
  expect(Max, 8);
  expect(MeanSqrt, 12 / std::sqrt(3.0));
  expect(WeightedMean, (1.0 * 1 + 3 * 3 + 7 * 8) / 11);
  expect(First, 1);
  expect(Last, 8);
  Tensor dense({1, 4, 1}, {1, 90, 3, 8}), mask({1, 4}, {0, 1, 1, 0}), all({1, 4}, {1, 1, 0, 0}),
      at({1, 4}, {0, 1, 2, 3});
  EXPECT_TRUE(near(pool(First, dense, &mask, nullptr), Tensor({1, 1}, {90})));
  EXPECT_TRUE(near(pool(First, dense, &mask, nullptr, nullptr, &all), Tensor({1, 1}, {3})));
  EXPECT_TRUE(near(pool(Last, dense, &mask, nullptr), Tensor({1, 1}, {3})));
  EXPECT_TRUE(near(pool(WeightedMean, dense, &mask, nullptr, &at), Tensor({1, 1}, {(2 * 90.0 + 3 * 3) / 5})));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

TEST(Attention, ByHand) {
  // One head of one. Query 0 weighs both keys equally; query log 2 weighs key 1 twice as much as key 0.
  Tensor q({1, 2, 1}, {0, std::log(2.0)}), k({1, 2, 1}, {0, 1}), v({1, 2, 1}, {3, 6});
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, 1, 1.0), Tensor({1, 2, 1}, {4.5, 5})));
  // A scale of 2 squares the weights: 1 to 4.
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, 1, 2.0), Tensor({1, 2, 1}, {4.5, 5.4})));
}

TEST(Attention, MaskedKeysAreAbsentAndARowWithoutKeysIsZero) {
  Tensor x({2, 2, 1}, {1, 2, 3, 4}), mask({2, 2}, {0, 1, 0, 0});
  EXPECT_TRUE(near(attention(x, x, x, &mask, nullptr, 1, 1.0), Tensor({2, 2, 1}, {2, 2, 0, 0})));
}

TEST(Attention, RaggedSequencesSeeThemselvesOnly) {
  // Of lengths 1, 0 and 2; a key of zeros weighs all alike.
  Tensor q({3, 1}, {5, 5, 5}), k({3, 1}), v({3, 1}, {1, 10, 20}), offsets({4}, {0, 1, 1, 3});
  EXPECT_TRUE(near(attention(q, k, v, nullptr, &offsets, 1, 1.0), Tensor({3, 1}, {1, 15, 15})));
}

TEST(Attention, IsItsParts) {
  test::Random random(1);
  for (int64_t heads : {1, 3}) {
    Tensor q = test::randomTensor(random, {2, 5, 6}), k = test::randomTensor(random, {2, 5, 6}),
           v = test::randomTensor(random, {2, 5, 6}), mask({2, 5}, {1, 1, 0, 1, 0, 0, 0, 0, 0, 0});
    Tensor scores = matmul(splitHeads(q, heads), splitHeads(k, heads), true);
    Tensor parts = mergeHeads(matmul(softmax(maskScores(scale(scores, 0.7), mask)), splitHeads(v, heads), false));
    EXPECT_TRUE(near(attention(q, k, v, &mask, nullptr, heads, 0.7), parts)) << heads << " heads";
  }
}

TEST(Attention, ByDistanceIsItsParts) {
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect>();
  const auto buckets = xf::BucketsAttr::get(&context, xf::BucketScheme::TwoSided, 6, 3);
  test::Random random(12);
  const int64_t heads = 2, seq = 7;
  Tensor q = test::randomTensor(random, {2, seq, 4}), k = test::randomTensor(random, {2, seq, 4}),
         v = test::randomTensor(random, {2, seq, 4}), table = test::randomTensor(random, {6, heads}),
         columns({2, seq}, {0, 1, 2, 3, 4, 5, 6, 1, 2, 5, 6, 9, 13, 14});
  Tensor scores = scale(matmul(splitHeads(q, heads), splitHeads(k, heads), true), 0.7);
  const Tensor slopes({heads}, {0.2, -0.1}), prefix({2}, {3, 0});
  scores = slopeScores(biasScores(capScores(scores, 0.9), table, columns, buckets), slopes, columns);
  scores = windowScores(scores, columns, 4, /*causal=*/true, &prefix);
  Tensor parts = mergeHeads(matmul(softmax(scores), splitHeads(v, heads), false));
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, heads, 0.7, std::nullopt,
                             {.columns = &columns,
                              .bias = &table,
                              .buckets = buckets,
                              .reach = 4,
                              .causal = true,
                              .prefix = &prefix,
                              .slopes = &slopes},
                             /*cap=*/0.9),
                   parts));
}

/// Global keys are seen however far, and global queries see none; those that are chosen see all.
TEST(Attention, OfMarkedTokensIsItsParts) {
  test::Random random(14);
  const int64_t heads = 2, seq = 6;
  const Tensor q = test::randomTensor(random, {2, seq, 4}), k = test::randomTensor(random, {2, seq, 4}),
               v = test::randomTensor(random, {2, seq, 4}), marks({2, seq}, {0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}),
               columns({2, seq}, {0, 1, 2, 3, 4, 5, 1, 2, 5, 6, 9, 13});
  const Tensor scores = matmul(splitHeads(q, heads), splitHeads(k, heads), true);
  auto attended = [&](const Tensor &scores) {
    return mergeHeads(matmul(softmax(scores), splitHeads(v, heads), false));
  };
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, heads, 1, std::nullopt,
                             {.columns = &columns, .reach = 1, .globals = &marks}),
                   attended(windowScores(scores, columns, 1, /*causal=*/false, nullptr, &marks))));
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, heads, 1, std::nullopt, {}, std::nullopt, nullptr, &marks),
                   attended(chooseQueries(scores, marks))));
  EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, heads, 1, std::nullopt,
                             {.columns = &columns, .reach = 1, .block = 2, .globals = &marks}),
                   attended(windowScores(scores, columns, 1, /*causal=*/false, nullptr, &marks, /*block=*/2))));
}

/// Blocks are seen whole: here columns 0 and 1, 2 and 3, 4 and 5, each with its neighbours at most.
TEST(Attention, WindowsMayBeOfBlocks) {
  const Tensor columns({1, 6}, {0, 1, 2, 3, 4, 5}), scores({1, 1, 6, 6});
  const Tensor own = windowScores(scores, columns, 0, /*causal=*/false, nullptr, nullptr, /*block=*/2);
  const Tensor beside = windowScores(scores, columns, 1, /*causal=*/false, nullptr, nullptr, /*block=*/2);
  for (int64_t query = 0; query < 6; ++query)
    for (int64_t key = 0; key < 6; ++key) {
      EXPECT_EQ(own.row(query)[key] == 0, query / 2 == key / 2) << query << " " << key;
      EXPECT_EQ(beside.row(query)[key] == 0, std::abs(query / 2 - key / 2) <= 1) << query << " " << key;
    }
}

/// A global key whose number is n is n keys.
TEST(Attention, GlobalKeysCountAsOftenAsTheirNumberSays) {
  const Tensor columns({1, 3}, {0, 50, 51}), marks({1, 3}, {3, 0, 0}),
      scores({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor weights = softmax(windowScores(scores, columns, 1, /*causal=*/false, nullptr, &marks));
  const double sum = 3 * std::exp(4) + std::exp(5) + std::exp(6);
  EXPECT_NEAR(weights.row(1)[0], 3 * std::exp(4) / sum, 1e-12);
  EXPECT_NEAR(weights.row(1)[2], std::exp(6) / sum, 1e-12);
}

TEST(Attention, WithTermsIsItsParts) {
  test::Random random(13);
  const int64_t heads = 2, seq = 5;
  Tensor q = test::randomTensor(random, {2, seq, 4}), k = test::randomTensor(random, {2, seq, 4}),
         v = test::randomTensor(random, {2, seq, 4}), ofQueries = test::randomTensor(random, {2, seq, heads * 3}),
         ofKeys = test::randomTensor(random, {2, seq, heads * 3}), index({5}, {0, 0, 1, 2, 1}),
         columns({2, seq}, {0, 1, 2, 3, 4, 1, 2, 5, 6, 9});
  for (auto [queryTerms, keyTerms] : {std::pair(&ofQueries, &ofKeys), {&ofQueries, nullptr}, {nullptr, &ofKeys}}) {
    Tensor scores =
        addTerms(matmul(splitHeads(q, heads), splitHeads(k, heads), true), queryTerms, keyTerms, columns, index);
    Tensor parts = mergeHeads(matmul(softmax(scale(scores, 0.7)), splitHeads(v, heads), false));
    EXPECT_TRUE(near(attention(q, k, v, nullptr, nullptr, heads, 0.7, std::nullopt,
                               {.columns = &columns, .queryTerms = queryTerms, .keyTerms = keyTerms, .index = &index}),
                     parts));
  }
}

/// By hand: a row of memory before two tokens, and none before one; and likewise of two texts alike.
TEST(Remember, TokensStandBehindMemories) {
  const Tensor starts({3}, {0, 2, 3}), memoryStarts({3}, {0, 3, 4});
  EXPECT_TRUE(near(remember(Tensor({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), Tensor({3, 2}, {-1, -2, -3, -4, -5, -6}),
                            &memoryStarts, &starts),
                   Tensor({4, 2}, {1, 2, -1, -2, -3, -4, -5, -6})));
  EXPECT_TRUE(
      near(remember(Tensor({2, 3, 1}, {1, 2, 3, 4, 5, 6}), Tensor({2, 2, 1}, {-1, -2, -3, -4}), nullptr, nullptr),
           Tensor({2, 3, 1}, {1, -1, -2, 4, -3, -4})));
}

/// By hand: two queries behind two keys that come before them.
TEST(Scores, OfKeysBeforeQueries) {
  const Tensor zeros({1, 1, 2, 4}), columns({1, 2}, {0, 1}), keyColumns({1, 4}, {-2, -1, 0, 1});
  EXPECT_EQ(windowScores(zeros, columns, 2, /*causal=*/true, nullptr, nullptr, /*block=*/1, &keyColumns).values,
            (std::vector<double>{0, 0, 0, -infinity, -infinity, 0, 0, 0}));
  const Tensor terms({1, 2, 3}, {1, 2, 3, 10, 20, 30}), index({3}, {0, 1, 2});
  EXPECT_TRUE(near(addTerms(zeros, &terms, nullptr, columns, index, &keyColumns),
                   Tensor({1, 1, 2, 4}, {1, 1, 2, 3, 10, 10, 10, 20})));
}

/// By hand: terms of distances -1 and less, 0, and 1 and more, of two heads.
TEST(Scores, WithTerms) {
  Tensor zeros({1, 2, 2, 2}), columns({1, 2}, {3, 5}), index({3}, {0, 1, 2});
  Tensor ofQueries({1, 2, 6}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
  EXPECT_TRUE(
      near(addTerms(zeros, &ofQueries, nullptr, columns, index), Tensor({1, 2, 2, 2}, {2, 3, 10, 20, 5, 6, 40, 50})));
  EXPECT_TRUE(
      near(addTerms(zeros, nullptr, &ofQueries, columns, index), Tensor({1, 2, 2, 2}, {2, 30, 1, 20, 5, 60, 4, 50})));
}

/// By hand: a bias of its own for -2 to 1, of which 2 is the last, and a window.
TEST(Scores, ByDistance) {
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect>();
  const auto buckets = xf::BucketsAttr::get(&context, xf::BucketScheme::TwoSided, 4, 2);
  Tensor zeros({1, 1, 3, 3}), columns({1, 3}, {0, 1, 4}), table({4, 1}, {10, 11, 12, 13});
  EXPECT_TRUE(
      near(biasScores(zeros, table, columns, buckets), Tensor({1, 1, 3, 3}, {10, 13, 13, 11, 10, 13, 11, 11, 10})));
  EXPECT_EQ(windowScores(zeros, columns, 3).values, (std::vector<double>{0, 0, -infinity, 0, 0, 0, -infinity, 0, 0}));
  EXPECT_EQ(windowScores(zeros, columns, std::nullopt, /*causal=*/true).values,
            (std::vector<double>{0, -infinity, -infinity, 0, 0, -infinity, 0, 0, 0}));
  const Tensor prefix({1}, {2}); // in front of it both columns below it are seen, however far, and the window is behind
  EXPECT_EQ(windowScores(zeros, columns, 3, /*causal=*/true, &prefix).values,
            (std::vector<double>{0, 0, -infinity, 0, 0, -infinity, -infinity, 0, 0}));
  const Tensor marks({1, 3}, {0, 0, 1});
  EXPECT_EQ(windowScores(zeros, columns, 0, /*causal=*/false, nullptr, &marks).values,
            (std::vector<double>{0, -infinity, 0, -infinity, 0, 0, -infinity, -infinity, -infinity}));
  EXPECT_EQ(chooseQueries(zeros, marks).values,
            (std::vector<double>{-infinity, -infinity, -infinity, -infinity, -infinity, -infinity, 0, 0, 0}));
  EXPECT_TRUE(near(slopeScores(zeros, Tensor({1}, {0.5}), columns),
                   Tensor({1, 1, 3, 3}, {0, 0.5, 2, -0.5, 0, 1.5, -2, -1.5, 0})));
  EXPECT_TRUE(
      near(capScores(Tensor({1, 1, 1, 3}, {-100, 0, 1}), 2), Tensor({1, 1, 1, 3}, {-2, 0, 2 * std::tanh(0.5)})));
}

/// What T5 and MPNet compute in f32 for 32 buckets up to 128: where each bucket begins, on the keys' side in front.
TEST(Buckets, BeginWhereTransformersHasThem) {
  const int64_t begins[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
  for (int64_t away = 0; away < 1000; ++away) {
    const int64_t bucket = llvm::upper_bound(begins, away) - begins - 1;
    EXPECT_EQ(xf::twoSidedBucket(-away, 32, 128), bucket) << away;
    if (away)
      EXPECT_EQ(xf::twoSidedBucket(away, 32, 128), 16 + bucket) << away;
  }
}

TEST(Attention, RowsSumToOne) {
  test::Random random(2);
  Tensor q = test::randomTensor(random, {7, 4}), k = test::randomTensor(random, {7, 4}), offsets({3}, {0, 3, 7});
  Tensor ones({7, 4}, std::vector<double>(28, 1.0));
  EXPECT_TRUE(near(attention(q, k, ones, nullptr, &offsets, 2, 0.5), ones));
}

TEST(Attention, PermutingTokensPermutesResults) {
  test::Random random(3);
  Tensor x = test::randomTensor(random, {1, 4, 6});
  auto permuted = [](const Tensor &tensor) {
    Tensor result(tensor.shape);
    for (auto [to, from] : llvm::enumerate(std::vector{2, 0, 3, 1}))
      std::copy_n(tensor.row(from), tensor.width(), result.row(to));
    return result;
  };
  Tensor y = permuted(x);
  EXPECT_TRUE(
      near(attention(y, y, y, nullptr, nullptr, 2, 0.5), permuted(attention(x, x, x, nullptr, nullptr, 2, 0.5))));
}

TEST(Attention, ASequenceAloneIsTheSameInABatch) {
  test::Random random(4);
  Tensor x = test::randomTensor(random, {6, 4}), offsets({4}, {0, 1, 4, 6}), one({2}, {0, 3});
  Tensor alone({3, 4}, std::vector<double>(x.row(1), x.row(4)));
  Tensor batch = attention(x, x, x, nullptr, &offsets, 2, 0.5),
         single = attention(alone, alone, alone, nullptr, &one, 2, 0.5);
  EXPECT_EQ(std::vector<double>(batch.row(1), batch.row(4)), single.values) << "to the last bit";
}

} // namespace
