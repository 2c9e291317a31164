// The models of a tokenizer.json.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/TokenizerJson.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

/// A vocabulary of texts and their ids, as a list without holes.
void TokenizerJson::readVocabulary(JsonView view) {
  std::vector<std::pair<std::string, JsonView>> tokens = view.fields();
  spec.modelTokens = uint32_t(tokens.size());
  std::vector<bool> isGiven(tokens.size());
  spec.vocabulary.resize(tokens.size());
  for (const auto &[text, number] : tokens) {
    uint32_t id = number.number(INT32_MAX);
    if (id >= tokens.size())
      return number.fail("has id " + llvm::Twine(id) + ", beyond the " + llvm::Twine(tokens.size()) +
                         " tokens of the vocabulary: ids must be 0 to " + llvm::Twine(tokens.size() - 1) +
                         " without holes");
    if (isGiven[id])
      return number.fail("has id " + llvm::Twine(id) + ", which " + quote(spec.vocabulary[id]) + " has already");
    isGiven[id] = true;
    spec.vocabulary[id] = text;
    spec.ids[text] = id;
  }
}

static void requireToken(JsonView view, const TokenizerSpec &spec, const std::string &token) {
  std::optional<uint32_t> id = spec.idOf(token);
  if (!id || *id >= spec.modelTokens)
    view.reject("a token of the vocabulary");
}

void TokenizerJson::readWordPiece(JsonView view) {
  WordPieceModel model;
  model.unknown = view["unk_token"].string();
  model.continuingPrefix = view["continuing_subword_prefix"].string();
  model.maxWordChars = view["max_input_chars_per_word"].number(INT32_MAX);
  readVocabulary(view["vocab"]);
  requireToken(view["unk_token"], spec, model.unknown);
  spec.model = std::move(model);
}

/// Two tokens as a list, or in one string with a space between.
static std::pair<std::string, std::string> readMerge(JsonView view) {
  if (!view.isString()) {
    std::vector<JsonView> parts = view.elements();
    if (parts.size() != 2) {
      view.reject("a pair of tokens");
      return {};
    }
    return {parts[0].string(), parts[1].string()};
  }
  auto [left, right] = llvm::StringRef(view.text()).split(' ');
  if (left.empty() || right.empty() || right.contains(' '))
    view.reject("two tokens with a space between");
  return {left.str(), right.str()};
}

void TokenizerJson::readBpe(JsonView view) {
  BpeModel model;
  if (JsonView dropout = view["dropout"]; !dropout.isNull() && dropout.real() != 0)
    dropout.reject("no dropout: it makes ids random");
  if (JsonView unknown = view["unk_token"]; !unknown.isNull())
    model.unknown = unknown.string();
  model.continuingPrefix = view["continuing_subword_prefix"].string("");
  model.wordEnd = view["end_of_word_suffix"].string("");
  model.fusesUnknown = view["fuse_unk"].boolean(false);
  model.fallsBack = view["byte_fallback"].boolean(false);
  model.ignoresMerges = view["ignore_merges"].boolean(false);
  readVocabulary(view["vocab"]);
  if (model.unknown)
    requireToken(view["unk_token"], spec, *model.unknown);
  for (const JsonView &merge : view["merges"].elements())
    model.merges.push_back(readMerge(merge));
  if (std::optional<std::string> problem = findMergeProblem(model, spec))
    view["merges"].fail(*problem);
  spec.model = std::move(model);
}

void TokenizerJson::readUnigram(JsonView view) {
  UnigramModel model;
  model.fallsBack = view["byte_fallback"].boolean(false);
  for (const JsonView &entry : view["vocab"].elements()) {
    std::vector<JsonView> parts = entry.elements();
    if (parts.size() != 2)
      return entry.reject("a token and its score");
    std::string token = parts[0].string();
    spec.ids[token] = uint32_t(spec.vocabulary.size()); // of equal tokens the last counts, as in `tokenizers`
    spec.vocabulary.push_back(std::move(token));
    model.scores.push_back(parts[1].real());
  }
  spec.modelTokens = uint32_t(spec.vocabulary.size());
  model.unknownId = view["unk_id"].number(INT32_MAX);
  if (model.unknownId >= spec.modelTokens)
    return view["unk_id"].reject("an id of the vocabulary");
  model.unknown = spec.vocabulary[model.unknownId];
  spec.model = std::move(model);
}

void TokenizerJson::readWordLevel(JsonView view) {
  WordLevelModel model;
  model.unknown = view["unk_token"].string();
  readVocabulary(view["vocab"]);
  requireToken(view["unk_token"], spec, model.unknown);
  spec.model = std::move(model);
}

void TokenizerJson::readModel(JsonView view) {
  // Old files leave the type out; a model is known by a field that no other has.
  JsonView type = view["type"];
  std::string name = !type.isNull()                               ? type.string()
                     : !view["max_input_chars_per_word"].isNull() ? "WordPiece"
                     : !view["merges"].isNull()                   ? "BPE"
                     : !view["unk_id"].isNull()                   ? "Unigram"
                                                                  : "";
  if (name == "WordPiece")
    readWordPiece(view);
  else if (name == "BPE")
    readBpe(view);
  else if (name == "Unigram")
    readUnigram(view);
  else if (name == "WordLevel")
    readWordLevel(view);
  else if (type.isNull())
    view.fail("has neither a type nor max_input_chars_per_word or merges, which would tell it; accepted: WordPiece, "
              "BPE, Unigram, WordLevel");
  else
    rejectKind(type, "WordPiece, BPE, Unigram or WordLevel");
}
