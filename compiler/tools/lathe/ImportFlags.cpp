//===- ImportFlags.cpp - options that say how a model directory is read -------===//
#include "compiler/tools/lathe/ImportFlags.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/tools/lathe/Verbs.h"

#include "llvm/ADT/StringExtras.h"

namespace lathe {

void ImportFlags::declare(CLI::App &verb) {
  verb.add_option("--task", task, "What to compute (default: what the directory says): base, masked-lm, embedding");
  verb.add_option("--pooling", pooling,
                  "Sentence embedding of a plain model: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken, "
                  "or a list "
                  "to join")
      ->allow_extra_args(false);
  verb.add_option("--emit", emit, "More outputs: hidden_states, attentions or both")->allow_extra_args(false);
  verb.add_option("--features", features,
                  "One more output, a vector for each token: embeddings, last, second-to-last, sum-last-4, "
                  "concat-last-4 or sum-all");
}

/// The values of an option that takes "a,b" or is repeated.
static std::vector<std::string> splitList(const std::vector<std::string> &values) {
  std::vector<std::string> items;
  for (const std::string &value : values)
    for (llvm::StringRef item : llvm::split(value, ','))
      items.push_back(item.str());
  return items;
}

llvm::Expected<ImportOptions> ImportFlags::resolve() const {
  ImportOptions options;
  if (!task.empty()) {
    llvm::Expected<Task> parsed = parseTask(task);
    if (!parsed)
      return parsed.takeError();
    options.task = *parsed;
  }
  for (const std::string &name : splitList(pooling)) {
    llvm::Expected<PoolingMode> mode = parsePooling(name);
    if (!mode)
      return mode.takeError();
    options.pooling.push_back(*mode);
  }
  if (!features.empty()) {
    llvm::Expected<Features> parsed = parseFeatures(features);
    if (!parsed)
      return parsed.takeError();
    options.features = *parsed;
  }
  for (const std::string &name : splitList(emit)) {
    if (name != "hidden_states" && name != "attentions")
      return llvm::createStringError("--emit: there is no " + quote(name) +
                                     "; accepted are hidden_states and attentions");
    (name == "attentions" ? options.attentions : options.hiddenStates) = true;
  }
  return options;
}

} // namespace lathe
