#include "tests/support/Process.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lathe::test {
namespace {

[[noreturn]] void fail(const std::string &what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

/// An output stream of the child. A memory file and not a pipe: the child never blocks on a reader, so no thread is
/// needed.
class Capture {
public:
  Capture() : descriptor(memfd_create("capture", MFD_CLOEXEC)) {
    if (descriptor < 0)
      fail("memfd_create");
  }
  ~Capture() { close(descriptor); }
  Capture(const Capture &) = delete;
  Capture &operator=(const Capture &) = delete;

  int handle() const { return descriptor; }

  std::string text() const {
    struct stat status;
    if (fstat(descriptor, &status) != 0)
      fail("fstat");
    std::string bytes(status.st_size, '\0');
    if (pread(descriptor, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      fail("pread");
    return bytes;
  }

private:
  int descriptor;
};

/// Everything between fork and exec. Returns only where it failed.
void becomeProgram(char *const *arguments, const ProcessOptions &options, const Capture &out, const Capture &err) {
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input < 0 || dup2(input, 0) < 0 || dup2(out.handle(), 1) < 0 || dup2(err.handle(), 2) < 0)
    return;
  for (const auto &[name, value] : options.environment)
    setenv(name.c_str(), value.c_str(), 1);
  if (!options.workingDirectory.empty() && chdir(options.workingDirectory.c_str()) != 0)
    return;
  if (options.umask)
    umask(*options.umask);
  if (options.fileSizeLimit) {
    signal(SIGXFSZ, SIG_IGN); // an ignored signal stays ignored across exec
    const rlimit limit = {*options.fileSizeLimit, *options.fileSizeLimit};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
      return;
  }
  execvp(arguments[0], arguments);
}

/// Waits for the child's end; false where the time was up first.
bool waitUntil(pid_t child, double timeoutSeconds) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (descriptor < 0)
    fail("pidfd_open");
  pollfd event = {descriptor, POLLIN, 0};
  const int ready = poll(&event, 1, static_cast<int>(timeoutSeconds * 1000));
  close(descriptor);
  return ready > 0;
}

} // namespace

ProcessResult runProcess(const std::vector<std::string> &arguments, const ProcessOptions &options) {
  std::vector<char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(const_cast<char *>(argument.c_str()));
  pointers.push_back(nullptr);

  Capture out, err;
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0)
    fail("fork");
  if (child == 0) {
    becomeProgram(pointers.data(), options, out, err);
    dprintf(2, "cannot start %s: %s\n", pointers[0], std::strerror(errno));
    _exit(127);
  }

  ProcessResult result;
  result.timedOut = !waitUntil(child, options.timeoutSeconds);
  if (result.timedOut)
    kill(child, SIGKILL);
  int status = 0;
  rusage usage = {};
  if (wait4(child, &status, 0, &usage) != child)
    fail("wait4");
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.peakKilobytes = usage.ru_maxrss;
  result.out = out.text();
  result.err = err.text();
  return result;
}

std::string describe(const std::vector<std::string> &arguments, const ProcessResult &result) {
  std::ostringstream text;
  text << "$";
  for (const std::string &argument : arguments)
    text << " '" << argument << "'";
  text << "\nexit code " << result.exitCode << ", signal " << result.signal << (result.timedOut ? ", timed out" : "")
       << " after " << result.seconds << " s\nstdout: " << result.out.substr(0, 4000)
       << "\nstderr: " << result.err.substr(0, 4000) << "\n";
  return text.str();
}

} // namespace lathe::test
