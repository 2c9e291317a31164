// What a bench rests on: the same valid inputs for all, percentiles, and turns.
#include "compiler/driver/Bench.h"
#include "tests/driver/Errors.h"

namespace lathe::test {
namespace {

std::vector<int64_t> values(const InputTensors &inputs, const char *name) {
  std::vector<int64_t> all;
  if (const InputTensors::Array *array = inputs.find(name))
    for (int64_t index = 0; index < array->count(); ++index)
      all.push_back(array->at(index));
  return all;
}

TEST(Workload, OfEqualLengthsHasNoPadding) {
  Workload workload = makeWorkload({3, 3}, 10);
  EXPECT_EQ(workload.inputs.find("input_ids")->shape, (llvm::SmallVector<int64_t, 3>{2, 3}));
  EXPECT_EQ(workload.inputs.arrays().size(), 1u);
  EXPECT_EQ(values(workload.inputs, "input_ids"), values(workload.padded, "input_ids"));
  EXPECT_EQ(workload.tokens(), 6);
}

TEST(Workload, OfOtherLengthsIsRaggedOrPadded) {
  Workload workload = makeWorkload({1, 3}, 1000);
  std::vector<int64_t> ragged = values(workload.inputs, "input_ids"), padded = values(workload.padded, "input_ids");
  EXPECT_EQ(values(workload.inputs, "cu_seqlens"), (std::vector<int64_t>{0, 1, 4}));
  EXPECT_EQ(values(workload.padded, "attention_mask"), (std::vector<int64_t>{1, 0, 0, 1, 1, 1}));
  EXPECT_EQ(padded, (std::vector<int64_t>{ragged[0], 0, 0, ragged[1], ragged[2], ragged[3]}));
  EXPECT_EQ(workload.longest(), 3);
}

TEST(Workload, IsTheSameEachTimeAndWithinTheLimit) {
  std::vector<int64_t> ids = values(makeWorkload({500, 500}, 7).inputs, "input_ids");
  EXPECT_EQ(ids, values(makeWorkload({500, 500}, 7).inputs, "input_ids"));
  EXPECT_EQ(*std::min_element(ids.begin(), ids.end()), 0);
  EXPECT_EQ(*std::max_element(ids.begin(), ids.end()), 6);
}

TEST(Lengths, AreOneALine) {
  EXPECT_EQ(llvm::cantFail(parseLengths("3\r\n\n 12 \n7", "f")), (std::vector<int64_t>{3, 12, 7}));
  expectError(parseLengths("3\n0\n", "f"), {"f", "line 2", "'0'"});
  expectError(parseLengths("3\n4 5\n", "f"), {"line 2"});
  expectError(parseLengths("99999999999999999999", "f"), {"line 1"});
  expectError(parseLengths("\n", "f"), {"no lengths"});
}

TEST(Summarize, GivesTimesThatOccurred) {
  Timing one = summarize({3});
  EXPECT_EQ(one.min, 3);
  EXPECT_EQ(one.median, 3);
  EXPECT_EQ(one.p99, 3);
  std::vector<double> hundred;
  for (int i = 200; i > 0; --i)
    hundred.push_back(i);
  Timing timing = summarize(hundred);
  EXPECT_EQ(timing.min, 1);
  EXPECT_EQ(timing.median, 100);
  EXPECT_EQ(timing.p99, 198);
}

/// Claims a time per run without taking it, and notes its turns.
class FakeContender : public Contender {
public:
  FakeContender(const char *name, double seconds, std::string &turns) : label(name), seconds(seconds), turns(turns) {}
  llvm::StringRef name() const override { return label; }
  llvm::Expected<std::vector<double>> time(int64_t count) override {
    turns += label;
    runs += count;
    if (fails)
      return llvm::createStringError("broken");
    return std::vector<double>(count, seconds);
  }
  llvm::Expected<std::vector<FloatTensor>> outputs() override { return std::vector<FloatTensor>(); }
  llvm::Expected<double> residentBytes() override { return 0; }
  double loadSeconds() const override { return 0; }

  int64_t runs = 0;
  bool fails = false;

private:
  std::string label;
  double seconds;
  std::string &turns;
};

TEST(TimeInTurns, AlternatesUntilAllHaveEnough) {
  std::string turns;
  FakeContender fast("f", 0.001, turns), slow("s", 2, turns);
  std::vector<Timing> timings = llvm::cantFail(timeInTurns({&fast, &slow}));
  EXPECT_EQ(timings[0].median, 0.001);
  EXPECT_EQ(timings[1].p99, 2);
  EXPECT_EQ(turns.substr(0, 10), "fsfsfsfsfs");
  EXPECT_GE(slow.runs, 5);
  EXPECT_GE(fast.runs, 1000) << "a second's worth";
}

TEST(TimeInTurns, EndsWithTheFirstError) {
  std::string turns;
  FakeContender broken("b", 1, turns);
  broken.fails = true;
  expectError(timeInTurns({&broken}), {"broken"});
}

TEST(Machine, IsKnown) {
  EXPECT_GT(residentBytes(), 1e5);
  EXPECT_GE(availableThreads(), 1);
  EXPECT_NE(cpuName(), "");
}

} // namespace
} // namespace lathe::test
