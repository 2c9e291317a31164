// tokenizer.json, the `tokenizers` library's own format.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/StringSet.h"
#include <algorithm>
#include <cstdlib>

using namespace lathe;

/// A number as the library's parser reads it: its digits as one integer, as many as fit, times a power of ten. One in
/// four scores of a Unigram model is another double than the nearest, and tells spellings apart that would be equal.
static double readFloat(llvm::StringRef text) {
  bool isNegative = text.consume_front("-");
  uint64_t digits = 0;
  int exponent = 0;
  bool isFull = false, isFraction = false;
  for (; !text.empty() && text[0] != 'e' && text[0] != 'E'; text = text.drop_front()) {
    if (text[0] == '.') {
      // What the integer's digits left out is lost; the fraction's may still fit.
      isFull = false;
      isFraction = true;
      continue;
    }
    unsigned digit = unsigned(text[0] - '0');
    isFull |= digits > UINT64_MAX / 10 || (digits == UINT64_MAX / 10 && digit > UINT64_MAX % 10);
    if (!isFull)
      digits = digits * 10 + digit;
    exponent += isFraction ? (isFull ? 0 : -1) : (isFull ? 1 : 0);
  }
  if (!text.empty()) {
    int written = 0;
    text = text.drop_front();
    text.consume_front("+");
    if (text.getAsInteger(10, written)) // beyond any double: the parser before us took it for zero
      return 0;
    exponent += std::clamp(written, -100000, 100000);
  }
  double value = double(digits);
  for (; exponent < -308 && value != 0; exponent += 308)
    value /= 1e308;
  double power = std::strtod(("1e" + std::to_string(std::abs(exponent))).c_str(), nullptr); // the nearest double
  if (value != 0)
    value = exponent < 0 ? value / power : value * power;
  return isNegative ? -value : value;
}

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
  if (!bpe->continuingPrefix.empty() || bpe->fallsBack)
    json.failKind(root["model"],
                  "has a continuing_subword_prefix or byte_fallback, which is not accepted with ByteLevel");
}

llvm::Expected<TokenizerSpec> lathe::readTokenizerJson(llvm::StringRef path, const TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path, readFloat);
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
