//===- StsTask.cpp - how well embeddings agree with people --------------------===//
#include "compiler/driver/StsTask.h"

#include "compiler/driver/Texts.h"
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/BLAKE3.h"

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace lathe {

namespace {

/// Embeddings of texts, each computed once.
class Embedder {
public:
  Embedder(const PromptedTokenizer &tokenizer, const lathe_entry_info &entry, const RunContext &context)
      : tokenizer(tokenizer), entry(entry), context(context) {}

  Error add(const std::string &text) {
    if (!index.try_emplace(text, texts.size()).second)
      return Error::success();
    Expected<TokenizedText> tokens = tokenizer.tokenize(text, std::nullopt);
    if (!tokens)
      return tokens.takeError();
    texts.push_back(std::move(*tokens));
    return Error::success();
  }
  Error run() {
    embeddings.resize(texts.size());
    return runTexts(context, entry, texts, {"sentence_embedding"}, [&](size_t text, ArrayRef<TextOutput> outputs) {
      embeddings[text] = outputs.front().values.vec();
      return Error::success();
    });
  }
  ArrayRef<float> operator[](const std::string &text) const { return embeddings[index.lookup(text)]; }

private:
  const PromptedTokenizer &tokenizer;
  const lathe_entry_info &entry;
  const RunContext &context;
  llvm::StringMap<size_t> index;
  std::vector<TokenizedText> texts;
  std::vector<std::vector<float>> embeddings;
};

} // namespace

Expected<StsTask> StsTask::read(const std::string &file) {
  Expected<MappedFile> csv = MappedFile::open(file);
  if (!csv)
    return csv.takeError();
  Expected<std::vector<SentencePair>> pairs = parseSentencePairs(csv->text(), file);
  if (!pairs)
    return pairs.takeError();
  StsTask task;
  task.file = file;
  task.fileHash = llvm::toHex(llvm::BLAKE3::hash<16>(llvm::arrayRefFromStringRef(csv->text())), /*LowerCase=*/true);
  task.scored = std::move(*pairs);
  return task;
}

Expected<double> StsTask::spearman(const LoadedArtifact &loaded, const RunOptions &options,
                                   const PromptChoice &prompt) const {
  Expected<const lathe_entry_info *> entry = loaded.model.entry("");
  if (!entry)
    return entry.takeError();
  if (!hasOutput(**entry, "sentence_embedding"))
    return createStringError("a model of task " + quote(loaded.artifact.task) +
                             " gives no sentence_embedding; compile a sentence-transformers directory, or with "
                             "--pooling");
  Expected<RunContext> context = loaded.model.createContext(options);
  if (!context)
    return context.takeError();
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(loaded.model);
  Expected<PromptedTokenizer> prompted = PromptedTokenizer::create(loaded.model, *tokenizer, prompt);
  if (!prompted)
    return prompted.takeError();
  Embedder embedder(*prompted, **entry, *context);
  for (const SentencePair &pair : scored)
    for (const std::string &text : {pair.a, pair.b})
      if (Error error = embedder.add(text))
        return std::move(error);
  if (Error error = embedder.run())
    return std::move(error);
  std::vector<double> cosines, scores;
  for (const SentencePair &pair : scored) {
    cosines.push_back(cosine(embedder[pair.a], embedder[pair.b]));
    scores.push_back(pair.score);
  }
  Expected<double> rho = lathe::spearman(cosines, scores);
  if (!rho)
    return createStringError(quote(file) + ": " + llvm::toString(rho.takeError()));
  return *rho;
}

} // namespace lathe
