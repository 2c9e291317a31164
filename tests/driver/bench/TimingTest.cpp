// Percentiles that occurred, and turns.
#include "compiler/driver/bench/Timing.h"
#include "tests/driver/Errors.h"

namespace lathe::test {
namespace {

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
class FakeRunner : public Runner {
public:
  FakeRunner(const char *name, double seconds, std::string &turns) : label(name), seconds(seconds), turns(turns) {}
  llvm::Expected<std::vector<double>> time(int64_t count) override {
    turns += label;
    runs += count;
    if (fails)
      return llvm::createStringError("broken");
    return std::vector<double>(count, seconds);
  }

  int64_t runs = 0;
  bool fails = false;

private:
  std::string label;
  double seconds;
  std::string &turns;
};

TEST(TimeInTurns, AlternatesUntilAllHaveEnough) {
  std::string turns;
  FakeRunner fast("f", 0.001, turns), slow("s", 2, turns);
  std::vector<Timing> timings = llvm::cantFail(timeInTurns({&fast, &slow}, [&] { turns += 'm'; }, {}));
  EXPECT_EQ(timings[0].median, 0.001);
  EXPECT_EQ(timings[1].p99, 2);
  EXPECT_EQ(turns.substr(0, 15), "mfsmfsmfsmfsmfs") << "the machine has its turn in every round";
  EXPECT_GE(slow.runs, 5);
  EXPECT_GE(fast.runs, 2000) << "two seconds' worth";
}

TEST(TimeInTurns, EndsWithTheFirstError) {
  std::string turns;
  FakeRunner broken("b", 1, turns);
  broken.fails = true;
  expectError(timeInTurns({&broken}, [] {}, {}), {"broken"});
}

} // namespace
} // namespace lathe::test
