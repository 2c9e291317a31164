// benchmarks/contexts, once around: that it measures, not what.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

ProcessResult contextsApp(Arguments arguments) {
  arguments.insert(arguments.begin(), (Path(LATHE_BINARY_DIR) / "bin" / "contexts-app").string());
  return runProcess(arguments);
}

TEST(ContextsApp, ComparesContextsAndTimesOpening) {
  const ProcessResult result = contextsApp({compiled(goldens() / "demo-model"), "2", "8", "3", "0.02"});
  EXPECT_EQ(result.exitCode, 0) << result.err;
  for (const char *part : {"2 x 8 on", "one context", "3 contexts on 3 threads", "files in memory", "not in memory"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " in\n" << result.out;
}

TEST(ContextsApp, SaysWhatIsWrong) {
  EXPECT_EQ(contextsApp({}).exitCode, 2);
  EXPECT_EQ(contextsApp({goldens(), "0", "8"}).exitCode, 2);
  const ProcessResult none = contextsApp({goldens()});
  EXPECT_EQ(none.exitCode, 1);
  EXPECT_NE(none.err.find("no artifact"), std::string::npos) << none.err;
  const ProcessResult tooLong = contextsApp({compiled(goldens() / "demo-model"), "1", "65"});
  EXPECT_EQ(tooLong.exitCode, 1);
  EXPECT_NE(tooLong.err.find("65"), std::string::npos) << tooLong.err;
}

} // namespace
} // namespace lathe::test
