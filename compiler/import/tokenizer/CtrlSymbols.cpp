#include "compiler/import/tokenizer/CtrlSymbols.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

static bool isOneCharacter(llvm::StringRef text) {
  uint32_t codePoint;
  return !text.empty() && decodeUtf8(text.begin(), text.end(), codePoint) == text.size();
}

namespace {
class Numbering {
public:
  Numbering(BpeModel &model, const TokenizerSpec &spec)
      : model(model), spec(spec), isTaken(spec.vocabulary.size()), unknown(*spec.idOf(*model.unknown)) {}

  void add(const std::string &symbol) {
    auto [place, isNew] = model.symbols.try_emplace(symbol);
    if (!isNew)
      return;
    const uint32_t token = spec.idOf(tokenOf(symbol)).value_or(unknown);
    if (token != unknown && !isTaken[token]) {
      isTaken[token] = true;
      place->second = token;
      return;
    }
    place->second = uint32_t(spec.vocabulary.size() + model.symbolTokens.size());
    model.symbolTokens.push_back(token);
  }
  /// A word's last symbol has a character at least before its mark: "</w>" alone was spelled so.
  bool isLast(llvm::StringRef symbol) const {
    return symbol.size() > model.wordEnd.size() && symbol.ends_with(model.wordEnd);
  }

private:
  std::string tokenOf(llvm::StringRef symbol) const {
    return isLast(symbol) ? symbol.drop_back(model.wordEnd.size()).str() : (symbol + ctrlMark).str();
  }

  BpeModel &model;
  const TokenizerSpec &spec;
  std::vector<bool> isTaken; // by token: a symbol has its number
  uint32_t unknown;
};
} // namespace

llvm::Error lathe::setCtrlSymbols(BpeModel &model, const TokenizerSpec &spec, llvm::StringRef mergesPath) {
  Numbering numbering(model, spec);
  for (const std::string &token : spec.vocabulary) {
    llvm::StringRef inside = token;
    if (inside.consume_back(ctrlMark) && isOneCharacter(inside))
      numbering.add(inside.str());
    if (isOneCharacter(token))
      numbering.add(token + model.wordEnd);
  }
  for (auto [rank, merge] : llvm::enumerate(model.merges)) {
    const auto &[left, right] = merge;
    const std::string made = mergedToken(model, merge);
    if (numbering.isLast(made) && !numbering.isLast(right))
      return fileError(mergesPath, "merge " + llvm::Twine(rank) + " makes " + quote(made) +
                                       " inside of words, which is also how a word's last symbol is spelled; accepted: "
                                       "merges that tell the two apart");
    for (const std::string &symbol : {left, right, made})
      numbering.add(symbol);
  }
  return llvm::Error::success();
}
