#include "compiler/driver/results/MaskFilling.h"

#include "compiler/driver/results/TextResults.h"

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

namespace lathe {

std::vector<size_t> maskPositions(const TokenizedText &text) {
  std::vector<size_t> positions;
  for (auto [position, token] : llvm::enumerate(text.tokens))
    if (token == "[MASK]" || token == "<mask>")
      positions.push_back(position);
  return positions;
}

namespace {

/// A text on its way.
struct Partly {
  size_t index; ///< of the text
  TokenizedText tokens;
  std::vector<size_t> left; ///< masks

  /// Fills in the mask whose likeliest id is likelier than that of any other.
  FilledMask fillOne(const TextOutput &logits, int64_t candidates) {
    FilledMask surest;
    size_t which = 0;
    for (auto [at, position] : llvm::enumerate(left)) {
      const int32_t mask = tokens.ids[position];
      auto best = topProbabilities(logits.values.slice(position * logits.width, logits.width), candidates + 1);
      llvm::erase_if(best, [&](const auto &candidate) { return candidate.first == mask; });
      best.resize(std::min<size_t>(best.size(), candidates));
      if (!best.empty() && (surest.candidates.empty() || best[0].second > surest.candidates[0].second)) {
        surest = {position, *tokens.tokens[position], std::move(best)};
        which = at;
      }
    }
    if (!surest.candidates.empty())
      tokens.ids[surest.position] = surest.candidates[0].first;
    left.erase(left.begin() + which);
    return surest;
  }
};

} // namespace

Expected<std::vector<FilledText>> fillMasks(const RunContext &context, const lathe_entry_info &entry,
                                            ArrayRef<TokenizedText> texts, int64_t candidates) {
  std::vector<FilledText> filled(texts.size());
  std::vector<Partly> partly;
  for (auto [index, text] : llvm::enumerate(texts)) {
    partly.push_back({index, text, maskPositions(text)});
    if (partly.back().left.empty())
      return llvm::createStringError("text " + llvm::Twine(index + 1) + " of " + llvm::Twine(texts.size()) +
                                     " has no mask to fill in; accepted are texts with [MASK], or <mask>, as the "
                                     "model's tokenizer has it");
  }
  while (!partly.empty()) {
    const auto tokens = llvm::map_to_vector(partly, [](const Partly &one) { return one.tokens; });
    auto receive = [&](size_t index, ArrayRef<TextOutput> outputs) {
      Partly &one = partly[index];
      FilledMask mask = one.fillOne(outputs.front(), candidates);
      FilledText &text = filled[one.index];
      text.score *= mask.candidates.empty() ? 0 : mask.candidates[0].second;
      text.masks.push_back(std::move(mask));
      text.ids = one.tokens.ids;
      return Error::success();
    };
    if (Error error = runTexts(context, entry, tokens, {"logits"}, receive))
      return std::move(error);
    llvm::erase_if(partly, [](const Partly &one) { return one.left.empty(); });
  }
  return filled;
}

} // namespace lathe
