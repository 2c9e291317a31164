// tokenizer.json, the `tokenizers` library's own format.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/StringSet.h"

using namespace lathe;

static void readAddedTokens(JsonView added, TokenizerSpec &spec) {
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

/// Byte-level words are spelled by a vocabulary of bytes, and by no other.
static void checkBytes(JsonView root, TokenizerJson &json) {
  auto *bpe = std::get_if<BpeModel>(&json.spec.model);
  if (!json.spellsBytes)
    return;
  if (!bpe)
    return json.failKind(root["pre_tokenizer"], "is ByteLevel, which is accepted with a BPE model only");
  bpe->isByteLevel = true;
  if (!bpe->continuingPrefix.empty() || !bpe->wordEnd.empty() || bpe->fallsBack)
    json.failKind(root["model"], "has a continuing_subword_prefix, end_of_word_suffix or byte_fallback, which is not "
                                 "accepted with ByteLevel");
}

llvm::Expected<TokenizerSpec> lathe::readTokenizerJson(llvm::StringRef path, const TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  TokenizerJson json(config);
  JsonView root(*document, json.problem);
  TokenizerSpec &spec = json.spec;
  json.readModel(root["model"]);
  readAddedTokens(root["added_tokens"], spec);
  json.readNormalizer(root["normalizer"]);
  json.readPreTokenizer(root["pre_tokenizer"]);
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  json.readPostProcessor(root["post_processor"]);
  json.readDecoder(root["decoder"]);
  checkBytes(root, json);
  if (JsonView truncation = root["truncation"]; !truncation.isNull()) {
    spec.truncationLength = truncation["max_length"].number(INT32_MAX);
    spec.truncatesLeft = truncation["direction"].string("Right") == "Left";
  }
  spec.truncatesLeft = config.truncatesLeft.value_or(spec.truncatesLeft);
  if (json.isOtherKind)
    return llvm::make_error<UnsupportedTokenizer>(path, json.problem);
  if (llvm::Error error = takeProblem(*document, json.problem))
    return error;
  return std::move(spec);
}
