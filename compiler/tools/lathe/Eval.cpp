//===- Eval.cpp - lathe eval --------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/StsTask.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace lathe {

namespace {
struct Flags {
  std::string directory, task, file;
  std::optional<int64_t> threads;
  bool json = false;

  llvm::Error run(const PromptChoice &prompt) const;
};
} // namespace

llvm::Error Flags::run(const PromptChoice &prompt) const {
  using Clock = std::chrono::steady_clock;
  if (task != "sts")
    return llvm::createStringError("--task " + quote(task) + " is unknown; accepted is sts");
  if (llvm::Error error = checkThreads(threads))
    return error;
  llvm::Expected<LoadedArtifact> model = LoadedArtifact::load(directory);
  if (!model)
    return model.takeError();
  llvm::Expected<StsTask> sts = StsTask::read(file);
  if (!sts)
    return sts.takeError();
  Clock::time_point began = Clock::now();
  llvm::Expected<double> rho = sts->spearman(*model, {.threads = threads.value_or(0)}, prompt);
  if (!rho)
    return llvm::createStringError(quote(directory) + ": " + llvm::toString(rho.takeError()));
  double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (json)
    llvm::outs() << jsonText({{"task", task}, {"n", sts->pairs()}, {"spearman", *rho}, {"seconds", seconds}});
  else
    llvm::outs() << llvm::formatv("Spearman {0:F5} over {1} pairs, in {2:F2} s\n", *rho, sts->pairs(), seconds);
  return llvm::Error::success();
}

void addEval(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("eval", "Measure how well a model's embeddings agree with people");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact that gives sentence embeddings")->required();
  verb->add_option("FILE", flags->file, "A CSV file with the columns sentence, sentence, score")->required();
  verb->add_option("--task", flags->task, "sts: Spearman's correlation of cosines with scores")->required();
  verb->add_option("--threads", flags->threads, "Threads to run on (default: as many as the process may use)");
  verb->add_flag("--json", flags->json, "The result as JSON");
  declarePrompt(*verb, line);
  verb->callback([flags, &line] { line.action = [flags, &line] { return flags->run(line.prompt); }; });
}

} // namespace lathe
