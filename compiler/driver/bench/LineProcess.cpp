//===- LineProcess.cpp - a child process that is spoken to line by line -------===//
#include "compiler/driver/bench/LineProcess.h"

#include "compiler/import/safetensors/Quote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char **environ;

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

static Error systemError(const llvm::Twine &what, int code) {
  return createStringError(what + ": " + std::generic_category().message(code));
}

LineProcess::~LineProcess() {
  for (int descriptor : {toChild, fromChild})
    if (descriptor >= 0)
      close(descriptor);
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
}

Error LineProcess::start(ArrayRef<std::string> command) {
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) != 0)
    return systemError("cannot make a pipe", errno);
  toChild = input[1];
  if (pipe2(output, O_CLOEXEC) != 0) {
    close(input[0]);
    return systemError("cannot make a pipe", errno);
  }
  fromChild = output[0];
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  int code = posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(input[0]);
  close(output[1]);
  if (code) {
    child = -1;
    return systemError("cannot start " + quote(command.front()), code);
  }
  return Error::success();
}

Error LineProcess::hasEnded() const {
  return createStringError("the contender '" + name + "' has ended; its last words are above");
}

Error LineProcess::writeLine(StringRef line) {
  std::string text = (line + "\n").str();
  if (write(toChild, text.data(), text.size()) != ssize_t(text.size()))
    return hasEnded();
  return Error::success();
}

Expected<std::string> LineProcess::readLine(int seconds) {
  while (true) {
    if (size_t end = buffered.find('\n'); end != std::string::npos) {
      std::string line = buffered.substr(0, end);
      buffered.erase(0, end + 1);
      return line;
    }
    pollfd ready = {fromChild, POLLIN, 0};
    int count = poll(&ready, 1, seconds * 1000);
    if (count < 0 && errno == EINTR)
      continue;
    if (count == 0)
      return createStringError("the contender '" + name + "' has not answered for " + llvm::Twine(seconds) + " s");
    char bytes[4096];
    ssize_t got = read(fromChild, bytes, sizeof bytes);
    if (got <= 0)
      return hasEnded();
    buffered.append(bytes, got);
  }
}

} // namespace lathe
