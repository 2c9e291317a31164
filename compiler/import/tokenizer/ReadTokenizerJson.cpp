// tokenizer.json, the `tokenizers` library's own format. Components are named by their "type"; one that is not covered
// is an error that names it, never an approximation.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include <algorithm>

using namespace lathe;

static void readNormalizer(JsonView view, std::vector<NormalizerStep> &steps) {
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  if (type == "Sequence") {
    for (const JsonView &inner : view["normalizers"].elements())
      readNormalizer(inner, steps);
    return;
  }
  std::vector<NormalizerStep> added;
  if (type == "BertNormalizer") {
    BertNormalizerFlags flags;
    flags.cleanText = view["clean_text"].boolean();
    flags.handleChineseChars = view["handle_chinese_chars"].boolean();
    flags.lowercase = view["lowercase"].boolean();
    if (JsonView strip = view["strip_accents"]; !strip.isNull())
      flags.stripAccents = strip.boolean();
    added = bertNormalizer(flags);
  } else if (type == "Lowercase") {
    added = {NormalizerStep::Lowercase};
  } else if (type == "NFD") {
    added = {NormalizerStep::Decompose};
  } else if (type == "StripAccents") {
    added = {NormalizerStep::DropCombiningMarks};
  } else {
    view["type"].reject("BertNormalizer, Lowercase, NFD, StripAccents or a Sequence of them");
  }
  steps.insert(steps.end(), added.begin(), added.end());
}

static void readPreTokenizer(JsonView view, PreTokenizer &result) {
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  if (type == "Sequence") {
    for (const JsonView &inner : view["pretokenizers"].elements())
      readPreTokenizer(inner, result);
  } else if (type == "BertPreTokenizer") {
    result.splitsSpaces = result.isolatesPunctuation = true;
  } else if (type == "WhitespaceSplit") {
    result.splitsSpaces = true;
  } else if (type == "Whitespace") {
    result.separatesSymbols = true;
  } else if (type == "Punctuation") {
    if (JsonView behavior = view["behavior"]; behavior.string("Isolated") != "Isolated")
      behavior.reject("Isolated");
    result.isolatesPunctuation = true;
  } else {
    view["type"].reject("BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation or a Sequence of them");
  }
}

static void readDecoder(JsonView view, Decoder &decoder) {
  decoder.isWordPiece = !view.isNull();
  if (view.isNull())
    return;
  if (view["type"].string() != "WordPiece")
    return view["type"].reject("WordPiece, or no decoder");
  decoder.prefix = view["prefix"].string();
  decoder.cleansUp = view["cleanup"].boolean();
}

/// The model's vocabulary and the added tokens, as one list without holes.
static void readVocabulary(JsonView model, JsonView added, TokenizerSpec &spec) {
  std::vector<std::pair<std::string, JsonView>> tokens = model["vocab"].fields();
  spec.modelTokens = uint32_t(tokens.size());
  std::vector<bool> isGiven(tokens.size());
  spec.vocabulary.resize(tokens.size());
  for (const auto &[text, view] : tokens) {
    uint32_t id = view.number(INT32_MAX);
    if (id >= tokens.size())
      return view.fail("has id " + llvm::Twine(id) + ", beyond the " + llvm::Twine(tokens.size()) +
                       " tokens of the vocabulary: ids must be 0 to " + llvm::Twine(tokens.size() - 1) +
                       " without holes");
    if (isGiven[id])
      return view.fail("has id " + llvm::Twine(id) + ", which " + quote(spec.vocabulary[id]) + " has already");
    isGiven[id] = true;
    spec.vocabulary[id] = text;
    spec.ids[text] = id;
  }
  if (added.isNull())
    return;
  llvm::StringSet<> listed;
  for (const JsonView &view : added.elements()) {
    AddedToken token;
    token.content = view["content"].string();
    token.id = view["id"].number(INT32_MAX);
    token.special = view["special"].boolean();
    token.singleWord = view["single_word"].boolean();
    token.stripsLeft = view["lstrip"].boolean();
    token.stripsRight = view["rstrip"].boolean();
    token.normalized = view["normalized"].boolean();
    if (token.content.empty())
      return view["content"].reject("a string that is not empty");
    if (!listed.insert(token.content).second)
      return view["content"].fail("lists " + quote(token.content) + " a second time");
    // `tokenizers` numbers added tokens itself; a file that says otherwise would not mean what it says.
    uint32_t id = spec.idOf(token.content).value_or(uint32_t(spec.vocabulary.size()));
    if (token.id != id)
      return view["id"].reject(llvm::Twine(id) + ", the id that " + quote(token.content) + " gets");
    if (id == spec.vocabulary.size()) {
      spec.vocabulary.push_back(token.content);
      spec.ids[token.content] = id;
    }
    spec.added.push_back(std::move(token));
  }
}

static void readModel(JsonView model, JsonView added, TokenizerSpec &spec) {
  // Old files leave the type out; a WordPiece model is known by a field that no other has.
  JsonView type = model["type"];
  if (type.isNull() && model["max_input_chars_per_word"].isNull())
    return model.fail(
        "has neither a type nor max_input_chars_per_word, so it is no WordPiece model; accepted: WordPiece");
  if (!type.isNull() && type.string() != "WordPiece")
    return type.reject("WordPiece");
  spec.unknown = model["unk_token"].string();
  spec.continuingPrefix = model["continuing_subword_prefix"].string();
  spec.maxWordChars = model["max_input_chars_per_word"].number(INT32_MAX);
  readVocabulary(model, added, spec);
  std::optional<uint32_t> unknown = spec.idOf(spec.unknown);
  if (!unknown || *unknown >= spec.modelTokens)
    model["unk_token"].reject("a token of the vocabulary");
}

/// One of TemplateProcessing's two templates.
static std::vector<TemplateItem> readTemplate(JsonView items, JsonView specialTokens, const TokenizerSpec &spec,
                                              bool isPair) {
  std::vector<TemplateItem> result;
  for (const JsonView &item : items.elements()) {
    if (JsonView sequence = item["Sequence"]; !sequence.isAbsent()) {
      std::string name = sequence["id"].string();
      if (name != "A" && name != "B")
        sequence["id"].reject("'A' or 'B'");
      result.push_back({name == "A" ? templateFirst : templateSecond, int32_t(sequence["type_id"].number(INT32_MAX))});
      continue;
    }
    JsonView special = item["SpecialToken"];
    if (special.isAbsent()) {
      item.reject("a Sequence or a SpecialToken");
      continue;
    }
    for (const JsonView &id : specialTokens[special["id"].string()]["ids"].elements()) {
      uint32_t number = id.number(INT32_MAX);
      if (number >= spec.vocabulary.size())
        id.reject("an id of the vocabulary");
      result.push_back({int32_t(number), int32_t(special["type_id"].number(INT32_MAX))});
    }
  }
  auto count = [&](int32_t id) { return llvm::count_if(result, [&](TemplateItem item) { return item.id == id; }); };
  if (count(templateFirst) != 1 || count(templateSecond) != isPair)
    items.reject(isPair ? "a template with the sequences A and B once each" : "a template with the sequence A once");
  return result;
}

static void readPostProcessor(JsonView view, TokenizerSpec &spec) {
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  if (view.isNull())
    return;
  std::string type = view["type"].string();
  if (type == "TemplateProcessing") {
    spec.single = readTemplate(view["single"], view["special_tokens"], spec, /*isPair=*/false);
    spec.pair = readTemplate(view["pair"], view["special_tokens"], spec, /*isPair=*/true);
  } else if (type == "BertProcessing") {
    auto read = [&](const char *name) {
      std::vector<JsonView> parts = view[name].elements();
      uint32_t id = parts.size() == 2 ? parts[1].number(INT32_MAX) : UINT32_MAX;
      if (id >= spec.vocabulary.size())
        view[name].reject("a token and its id");
      return int32_t(id);
    };
    int32_t cls = read("cls"), sep = read("sep");
    spec.single = {{cls, 0}, {templateFirst, 0}, {sep, 0}};
    spec.pair = {{cls, 0}, {templateFirst, 0}, {sep, 0}, {templateSecond, 1}, {sep, 1}};
  } else {
    view["type"].reject("TemplateProcessing, BertProcessing, or no post-processor");
  }
}

/// Transformers rebuilds a BertNormalizer whose flags differ from the tokenizer's config, which therefore wins.
static void applyConfig(JsonView normalizer, const TokenizerConfig &config, TokenizerSpec &spec) {
  if (normalizer.isNull() || normalizer["type"].string() != "BertNormalizer" ||
      config.tokenizerClass == "PreTrainedTokenizerFast")
    return;
  BertNormalizerFlags flags;
  flags.cleanText = normalizer["clean_text"].boolean();
  flags.handleChineseChars = config.handleChineseChars.value_or(normalizer["handle_chinese_chars"].boolean());
  flags.lowercase = config.lowercase.value_or(normalizer["lowercase"].boolean());
  if (JsonView strip = normalizer["strip_accents"]; !strip.isNull())
    flags.stripAccents = strip.boolean();
  flags.stripAccents = config.stripAccents.value_or(flags.stripAccents);
  spec.normalizer = bertNormalizer(flags);
}

/// Whether this is a model as the library writes it, but none of WordPiece. Old files have no type: BPE's have merges.
static bool isOtherModel(JsonView model) {
  if (!model.isObject())
    return false;
  JsonView type = model["type"];
  return type.isString() ? type.string() != "WordPiece" : type.isNull() && !model["merges"].isNull();
}

llvm::Expected<TokenizerSpec> lathe::readTokenizerJson(llvm::StringRef path, const TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  std::string problem;
  JsonView root(*document, problem);
  TokenizerSpec spec;
  readModel(root["model"], root["added_tokens"], spec);
  if (isOtherModel(root["model"]))
    return llvm::make_error<UnsupportedTokenizer>(path, problem);
  readNormalizer(root["normalizer"], spec.normalizer);
  if (llvm::count(spec.normalizer, NormalizerStep::Decompose) > 1)
    root["normalizer"].fail("decomposes (NFD) twice; once is accepted");
  applyConfig(root["normalizer"], config, spec);
  readPreTokenizer(root["pre_tokenizer"], spec.preTokenizer);
  readPostProcessor(root["post_processor"], spec);
  readDecoder(root["decoder"], spec.decoder);
  if (JsonView truncation = root["truncation"]; !truncation.isNull()) {
    spec.truncationLength = truncation["max_length"].number(INT32_MAX);
    spec.truncatesLeft = truncation["direction"].string("Right") == "Left";
  }
  spec.truncatesLeft = config.truncatesLeft.value_or(spec.truncatesLeft);
  if (llvm::Error error = takeProblem(*document, problem))
    return error;
  return spec;
}
