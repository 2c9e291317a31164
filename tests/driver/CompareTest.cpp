// Differences between outputs: order, distance, place, and what cannot be compared.
#include "compiler/driver/Compare.h"
#include "tests/driver/Errors.h"

#include <limits>

namespace lathe::test {
namespace {

FloatTensor tensor(const char *name, std::vector<int64_t> shape, const std::vector<float> &values) {
  FloatTensor made = llvm::cantFail(makeFloatTensor(name, shape));
  std::copy(values.begin(), values.end(), made.data.get());
  return made;
}

TEST(Compare, FindsTheLargestDifferenceAndItsPlace) {
  FloatTensor a = tensor("x", {2, 3}, {0, 1, 2, 3, 4, 5}), b = tensor("x", {2, 3}, {0, 1, 2.5, 3, 4, 10});
  OutputDifference found = compareOutputs(a, b).front();
  EXPECT_EQ(found.largest, 5);
  EXPECT_EQ(found.relative, 0.5);
  EXPECT_EQ(found.position, (llvm::SmallVector<int64_t, 3>{1, 2}));
  EXPECT_EQ(found.a, 5);
  EXPECT_EQ(found.b, 10);
}

TEST(Compare, SmallValuesAreNotBlownUp) {
  FloatTensor a = tensor("x", {1}, {0.25f}), b = tensor("x", {1}, {0.125f});
  EXPECT_EQ(compareOutputs(a, b).front().relative, 0.125);
}

TEST(Compare, WhatIsNoNumberIsFarFromEverything) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  FloatTensor number = tensor("x", {1}, {1}), nan = tensor("x", {1}, {std::numeric_limits<float>::quiet_NaN()}),
              inf = tensor("x", {1}, {infinity});
  for (auto [a, b] : {std::pair{&number, &nan}, {&nan, &number}, {&nan, &nan}, {&inf, &number}, {&number, &inf}})
    EXPECT_EQ(compareOutputs(*a, *b).front().relative, infinity);
  EXPECT_EQ(compareOutputs(inf, inf).front().relative, 0);
}

TEST(Compare, GoesInTheOrderOfTheModel) {
  std::vector<FloatTensor> a, b;
  for (const char *name : {"last_hidden_state", "hidden_states.10", "hidden_states.2", "pooler_output"})
    a.push_back(tensor(name, {1}, {1}));
  b.push_back(tensor("hidden_states.2", {1}, {1}));
  b.push_back(tensor("pooler_output", {2}, {1, 1}));
  b.push_back(tensor("logits", {1}, {1}));
  std::vector<std::string> names, mismatches;
  for (const OutputDifference &difference : compareOutputs(a, b)) {
    names.push_back(difference.name);
    mismatches.push_back(difference.mismatch);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"hidden_states.2", "hidden_states.10", "last_hidden_state", "logits",
                                             "pooler_output"}));
  EXPECT_EQ(mismatches,
            (std::vector<std::string>{"", "only A has it", "only A has it", "only B has it", "[1] in A, [2] in B"}));
}

TEST(Compare, EmptyOutputsAreEqual) {
  FloatTensor a = tensor("x", {0, 3}, {}), b = tensor("x", {0, 3}, {});
  EXPECT_EQ(compareOutputs(a, b).front().largest, 0);
}

TEST(FloatTensor, TooLargeForAnyMachineIsAnError) {
  expectError(makeFloatTensor("logits", {int64_t(1) << 40, int64_t(1) << 40}), {"logits", "1099511627776"});
}

} // namespace
} // namespace lathe::test
