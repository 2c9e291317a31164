//===- FillMasks.cpp - lathe generate of a masked language model --------------===//
#include "compiler/tools/lathe/FillMasks.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/results/MaskFilling.h"
#include "compiler/driver/results/TextResults.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace lathe {

namespace {

/// `ids` of a vocabulary, with their probabilities.
std::string listed(const TextTokenizer &tokenizer, const FilledMask &mask) {
  std::string list;
  for (auto [id, probability] : mask.candidates)
    list += llvm::formatv("{0} {1} {2:F4}", list.empty() ? "" : ",",
                          printable(tokenizer.token(id).value_or("#" + std::to_string(id))), probability);
  return list;
}

Json described(const TextTokenizer &tokenizer, const FilledMask &mask) {
  Json candidates = Json::array();
  for (auto [id, probability] : mask.candidates)
    candidates.push_back({{"token", jsonToken(tokenizer.token(id))}, {"score", probability}});
  return {{"position", mask.position}, {"candidates", candidates}};
}

} // namespace

llvm::Error fillMasksOf(const LoadedArtifact &loaded, const std::vector<TextArgument> &texts,
                        std::optional<int64_t> topK, bool json) {
  llvm::Expected<int64_t> count = candidateCount(topK, 1);
  if (!count)
    return count.takeError();
  llvm::Expected<const lathe_entry_info *> entry = loaded.model.entry("");
  if (!entry)
    return entry.takeError();
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(loaded.model);
  std::vector<TokenizedText> tokenized;
  for (const TextArgument &text : texts) {
    llvm::Expected<TokenizedText> tokens = tokenizer->tokenize(text.text, text.pair, {});
    if (!tokens)
      return tokens.takeError();
    tokenized.push_back(std::move(*tokens));
  }
  llvm::Expected<RunContext> context = loaded.model.createContext({});
  if (!context)
    return context.takeError();
  llvm::Expected<std::vector<FilledText>> filled = fillMasks(*context, **entry, tokenized, *count);
  if (!filled)
    return filled.takeError();

  Json array = Json::array();
  for (const FilledText &text : *filled) {
    llvm::Expected<std::string> decoded = tokenizer->decode(text.ids, /*skipSpecialTokens=*/true);
    if (!decoded)
      return decoded.takeError();
    Json object = {{"text", *decoded}, {"ids", text.ids}, {"score", text.score}};
    if (!json)
      llvm::outs() << printable(*decoded) << "\n";
    for (const FilledMask &mask : text.masks) {
      if (topK)
        object["masks"].push_back(described(*tokenizer, mask));
      if (topK && !json)
        llvm::outs() << "  " << mask.spelling << " at " << mask.position << ":" << listed(*tokenizer, mask) << "\n";
    }
    array.push_back(std::move(object));
  }
  if (json)
    llvm::outs() << jsonText(array);
  return llvm::Error::success();
}

} // namespace lathe
