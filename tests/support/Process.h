// Runs a program as a user's shell would, and reports everything a test may want to know about the run.
#ifndef LATHE_TESTS_SUPPORT_PROCESS_H
#define LATHE_TESTS_SUPPORT_PROCESS_H

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace lathe::test {

struct ProcessOptions {
  /// SIGKILL after this long. Tests that kill a program half-way set it on purpose.
  double timeoutSeconds = 120;
  /// Set over the test's own environment.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::string workingDirectory = {};
  std::optional<mode_t> umask = {};
  /// No file may grow beyond this many bytes; writes then fail with EFBIG instead of raising SIGXFSZ.
  std::optional<unsigned long> fileSizeLimit = {};
};

struct ProcessResult {
  /// What the program returned, or -1 where a signal ended it.
  int exitCode = -1;
  int signal = 0;
  bool timedOut = false;
  std::string out, err;
  double seconds = 0;
  /// Peak resident memory.
  long peakKilobytes = 0;
};

/// Runs `arguments[0]` (found on PATH) to its end. Throws std::runtime_error where it cannot be started.
ProcessResult runProcess(const std::vector<std::string> &arguments, const ProcessOptions &options = {});

/// The command and what came of it, for failure messages.
std::string describe(const std::vector<std::string> &arguments, const ProcessResult &result);

} // namespace lathe::test

#endif
