//===- PythonContender.cpp - PyTorch, as lathe bench times it -----------------===//
#include "compiler/driver/bench/PythonContender.h"

#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

/// Eager.py's text.
static constexpr char script[] =
#include "EagerScript.inc"
    ;

namespace {

/// A child process that is spoken to line by line. Killed, if it still runs, when the object ends.
class LineProcess {
public:
  LineProcess() = default;
  LineProcess(const LineProcess &) = delete;
  ~LineProcess() {
    for (int descriptor : {toChild, fromChild})
      if (descriptor >= 0)
        close(descriptor);
    if (child > 0) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }

  Error start(ArrayRef<std::string> command);
  Error writeLine(StringRef line);
  Expected<std::string> readLine(int seconds);

private:
  pid_t child = -1;
  int toChild = -1, fromChild = -1;
  std::string buffered;
};

} // namespace

static Error systemError(const llvm::Twine &what, int code) {
  return createStringError(what + ": " + std::generic_category().message(code));
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

Error LineProcess::writeLine(StringRef line) {
  std::string text = (line + "\n").str();
  if (write(toChild, text.data(), text.size()) != ssize_t(text.size()))
    return createStringError("the contender 'eager' has ended; its last words are above");
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
      return createStringError("the contender 'eager' has not answered for " + llvm::Twine(seconds) + " s");
    char bytes[4096];
    ssize_t got = read(fromChild, bytes, sizeof bytes);
    if (got <= 0)
      return createStringError("the contender 'eager' has ended; its last words are above");
    buffered.append(bytes, got);
  }
}

//===----------------------------------------------------------------------===//
// The contender
//===----------------------------------------------------------------------===//

/// Numbers between spaces.
static Expected<std::vector<double>> parseNumbers(StringRef line, size_t expected) {
  std::vector<double> numbers;
  for (StringRef word : llvm::split(line, ' '))
    if (double number; !word.getAsDouble(number))
      numbers.push_back(number);
  if (numbers.size() != expected)
    return createStringError("the contender 'eager' answered " + quote(line) + " where " + llvm::Twine(expected) +
                             " numbers were expected");
  return numbers;
}

/// Tensors of f32 out of a file.
static Expected<std::vector<FloatTensor>> readFloatTensors(StringRef path) {
  Expected<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  std::vector<FloatTensor> tensors;
  for (const TensorView &view : file->tensors()) {
    if (view.dtype != DType::F32)
      return createStringError(quote(path) + ": " + quote(view.name) + " is " + dtypeName(view.dtype) + ", not F32");
    Expected<FloatTensor> tensor = makeFloatTensor(view.name, view.shape);
    if (!tensor)
      return tensor.takeError();
    std::memcpy(tensor->data.get(), view.bytes.data(), view.bytes.size());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

namespace {

class EagerContender final : public Contender {
public:
  ~EagerContender() override {
    if (!work.empty())
      llvm::sys::fs::remove_directories(work);
  }

  Error start(const EagerOptions &options, const Workload &workload);

  StringRef name() const override { return "eager"; }
  Expected<std::vector<double>> time(int64_t count) override {
    if (Error error = process.writeLine(std::to_string(count)))
      return std::move(error);
    Expected<std::string> line = process.readLine(patience);
    return line ? parseNumbers(*line, count) : line.takeError();
  }
  Expected<std::vector<FloatTensor>> outputs() override { return readFloatTensors(work + "/outputs.safetensors"); }
  Expected<double> residentBytes() override { return resident; }
  double loadSeconds() const override { return loading; }

private:
  static constexpr int patience = 600; // seconds for a line; importing torch on a slow disk takes a minute

  LineProcess process;
  std::string work;
  double loading = 0, resident = 0;
};

} // namespace

Error EagerContender::start(const EagerOptions &options, const Workload &workload) {
  Expected<std::optional<SentenceTransformer>> sentence = readSentenceTransformer(options.model);
  if (!sentence)
    return sentence.takeError();
  std::string directory = options.model, poolings;
  bool normalize = false;
  if (*sentence) {
    directory = (*sentence)->transformerPath;
    normalize = (*sentence)->normalize;
    if (options.task == "embedding")
      for (PoolingMode mode : (*sentence)->poolings)
        poolings += (poolings.empty() ? "" : ",") + std::string(mode == PoolingMode::Cls   ? "cls"
                                                                : mode == PoolingMode::Max ? "max"
                                                                                           : "mean");
  }
  llvm::SmallString<128> made;
  if (std::error_code error = llvm::sys::fs::createUniqueDirectory("lathe-bench", made))
    return createStringError("cannot make a temporary directory: " + error.message());
  work = made.str().str();
  if (Error error = workload.padded.write(work + "/inputs.safetensors"))
    return error;
  if (Error error = process.start({options.python, "-c", script, directory, options.task,
                                   std::to_string(options.threads), work, poolings, normalize ? "1" : "0"}))
    return error;
  Expected<std::string> line = process.readLine(patience);
  if (!line)
    return line.takeError();
  StringRef answer = *line;
  if (!answer.consume_front("ready "))
    return createStringError("the contender 'eager' answered " + quote(answer) + " where 'ready' was expected");
  Expected<std::vector<double>> numbers = parseNumbers(answer, 2);
  if (!numbers)
    return numbers.takeError();
  loading = (*numbers)[0];
  resident = (*numbers)[1];
  return Error::success();
}

Expected<std::unique_ptr<Contender>> makeEagerContender(const EagerOptions &options, const Workload &workload) {
  auto contender = std::make_unique<EagerContender>();
  if (Error error = contender->start(options, workload))
    return std::move(error);
  return contender;
}

} // namespace lathe
