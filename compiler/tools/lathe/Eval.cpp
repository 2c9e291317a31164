//===- Eval.cpp - lathe eval --------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/SentencePairs.h"
#include "compiler/driver/TextResults.h"
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringMap.h"
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

  llvm::Error run() const;
};

/// Embeddings of texts, each computed once.
class Embedder {
public:
  Embedder(const LoadedModel &model, const lathe_entry_info &entry, const RunContext &context)
      : tokenizer(tokenizerOf(model)), entry(entry), context(context) {}

  llvm::Error add(const std::string &text) {
    if (!index.try_emplace(text, texts.size()).second)
      return llvm::Error::success();
    llvm::Expected<TokenizedText> tokens = tokenizer->tokenize(text, std::nullopt, {});
    if (!tokens)
      return tokens.takeError();
    texts.push_back(std::move(*tokens));
    return llvm::Error::success();
  }
  llvm::Error run() {
    embeddings.resize(texts.size());
    return runTexts(context, entry, texts, {"sentence_embedding"},
                    [&](size_t text, llvm::ArrayRef<TextOutput> outputs) {
                      embeddings[text] = outputs.front().values.vec();
                      return llvm::Error::success();
                    });
  }
  llvm::ArrayRef<float> operator[](const std::string &text) const { return embeddings[index.lookup(text)]; }

private:
  std::unique_ptr<TextTokenizer> tokenizer;
  const lathe_entry_info &entry;
  const RunContext &context;
  llvm::StringMap<size_t> index;
  std::vector<TokenizedText> texts;
  std::vector<std::vector<float>> embeddings;
};
} // namespace

llvm::Error Flags::run() const {
  using Clock = std::chrono::steady_clock;
  if (task != "sts")
    return llvm::createStringError("--task " + quote(task) + " is unknown; accepted is sts");
  if (llvm::Error error = checkThreads(threads))
    return error;
  llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  if (!loaded)
    return loaded.takeError();
  const LoadedModel &model = loaded->model;
  llvm::Expected<const lathe_entry_info *> entry = model.entry("");
  if (!entry)
    return entry.takeError();
  if (!hasOutput(**entry, "sentence_embedding"))
    return llvm::createStringError(quote(directory) + " gives no sentence_embedding, its task is " +
                                   quote(loaded->artifact.task) +
                                   "; compile a sentence-transformers directory, or with --pooling");
  llvm::Expected<MappedFile> csv = MappedFile::open(file);
  if (!csv)
    return csv.takeError();
  llvm::Expected<std::vector<SentencePair>> pairs = parseSentencePairs(csv->text(), file);
  if (!pairs)
    return pairs.takeError();
  llvm::Expected<RunContext> context = model.createContext({.threads = threads.value_or(0)});
  if (!context)
    return context.takeError();

  Clock::time_point began = Clock::now();
  Embedder embedder(model, **entry, *context);
  for (const SentencePair &pair : *pairs)
    for (const std::string &text : {pair.a, pair.b})
      if (llvm::Error error = embedder.add(text))
        return error;
  if (llvm::Error error = embedder.run())
    return error;
  std::vector<double> cosines, scores;
  for (const SentencePair &pair : *pairs) {
    cosines.push_back(cosine(embedder[pair.a], embedder[pair.b]));
    scores.push_back(pair.score);
  }
  double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  llvm::Expected<double> rho = spearman(cosines, scores);
  if (!rho)
    return llvm::createStringError(quote(file) + ": " + llvm::toString(rho.takeError()));
  if (json)
    llvm::outs() << jsonText({{"task", task}, {"n", pairs->size()}, {"spearman", *rho}, {"seconds", seconds}});
  else
    llvm::outs() << llvm::formatv("Spearman {0:F5} over {1} pairs, in {2:F2} s\n", *rho, pairs->size(), seconds);
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
  verb->callback([flags, &line] { line.action = [flags] { return flags->run(); }; });
}

} // namespace lathe
