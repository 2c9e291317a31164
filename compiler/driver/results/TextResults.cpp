//===- TextResults.cpp - what a model says of texts, for people and scripts ---===//
#include "compiler/driver/results/TextResults.h"

#include "compiler/import/safetensors/Quote.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace lathe {

//===----------------------------------------------------------------------===//
// What several kinds need
//===----------------------------------------------------------------------===//

std::vector<std::pair<int32_t, double>> topProbabilities(ArrayRef<float> logits, int64_t count) {
  if (logits.empty())
    return {};
  float largest = *llvm::max_element(logits);
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - largest);
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  auto end = order.begin() + std::min<int64_t>(count, order.size());
  std::partial_sort(order.begin(), end, order.end(),
                    [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  std::vector<std::pair<int32_t, double>> best;
  for (auto id = order.begin(); id != end; ++id)
    best.push_back({*id, std::exp(double(logits[*id]) - largest) / sum});
  return best;
}

double cosine(ArrayRef<float> a, ArrayRef<float> b) {
  double product = 0, aa = 0, bb = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    product += double(x) * y;
    aa += double(x) * x;
    bb += double(y) * y;
  }
  return aa && bb ? product / std::sqrt(aa * bb) : 0;
}

std::string labelOf(ArrayRef<std::string> labels, size_t index) {
  return index < labels.size() ? labels[index] : "LABEL_" + std::to_string(index);
}

Expected<int64_t> candidateCount(std::optional<int64_t> topK, int64_t otherwise) {
  if (topK && (*topK < 1 || *topK > TextResults::mostCandidates))
    return createStringError("--top-k is " + llvm::Twine(*topK) + "; accepted are 1 to " +
                             llvm::Twine(TextResults::mostCandidates));
  return topK.value_or(otherwise);
}

Json jsonToken(const std::optional<std::string> &token) { return token ? Json(*token) : Json(nullptr); }

StringRef codePoints(StringRef text, int32_t start, int32_t end) {
  // A code point begins at every byte that does not go on another.
  size_t from = text.size(), to = text.size();
  int32_t seen = 0;
  for (size_t byte = 0; byte < text.size(); ++byte) {
    if ((static_cast<uint8_t>(text[byte]) & 0xC0) == 0x80)
      continue;
    if (seen == start)
      from = byte;
    if (seen == end)
      to = byte;
    ++seen;
  }
  return text.slice(from, to);
}

using Token = std::optional<std::string>;
static bool marksContinuation(const Token &token) { return token && StringRef(*token).starts_with("##"); }
static bool marksBeginning(const Token &token) {
  return token && (StringRef(*token).starts_with("\u0120") || StringRef(*token).starts_with("\u2581"));
}

bool continuesWord(const TokenizedText &tokens, size_t position) {
  if (position == 0 || tokens.special[position] || tokens.special[position - 1])
    return false;
  const Token &token = tokens.tokens[position];
  if (marksContinuation(token))
    return true;
  // Tokenizers that mark the beginning of words instead: what touches the token before it goes on.
  return !marksBeginning(token) && tokens.offsets[position].first == tokens.offsets[position - 1].second &&
         llvm::any_of(tokens.tokens, marksBeginning) && llvm::none_of(tokens.tokens, marksContinuation);
}

//===----------------------------------------------------------------------===//
// All kinds
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<TextResults>> TextResults::create(const lathe_entry_info &entry,
                                                           const ResultOptions &options) {
  const bool hasLogits = hasOutput(entry, "logits");
  const bool fillsMasks = options.task == "masked-lm" && hasLogits;
  const bool scores = !options.score.empty() && hasLogits;
  const bool classifies = options.task == "sequence-classification" && hasLogits && !scores;
  if (options.topK && !fillsMasks && !classifies)
    return createStringError("--top-k is for models that fill in masks or classify texts (tasks masked-lm and "
                             "sequence-classification); this one's task is " +
                             quote(options.task) + (scores ? ", with one score" : ""));
  Expected<int64_t> count = candidateCount(options.topK, classifies ? mostCandidates : 5);
  if (!count)
    return count.takeError();
  if (hasOutput(entry, "sentence_embedding"))
    return makeEmbeddings();
  if (fillsMasks)
    return makeMasks(*count);
  if (scores)
    return makeScores(options.score);
  if (classifies)
    return makeClasses(options, *count);
  if (options.task == "token-classification" && hasLogits)
    return makeEntities(options);
  if (options.task == "question-answering" && hasOutput(entry, "start_logits"))
    return makeAnswers();
  return makeOutputs();
}

void TextResults::add(const std::string &text, const std::optional<std::string> &pair, const TokenizedText &tokens,
                      ArrayRef<TextOutput> outputs, TokenText token) {
  texts.push_back({text, pair, tokens.tokens});
  addResult(tokens, outputs, token);
}

Json TextResults::json() const {
  Json array = Json::array();
  for (const auto &[index, text] : llvm::enumerate(texts)) {
    Json object = {{"text", text.text}};
    if (text.pair)
      object["pair"] = *text.pair;
    object["tokens"] = Json::array();
    for (const std::optional<std::string> &token : text.tokens)
      object["tokens"].push_back(jsonToken(token));
    describe(index, object);
    array.push_back(std::move(object));
  }
  return array;
}

void TextResults::print(llvm::raw_ostream &os) const {
  for (const auto &[index, text] : llvm::enumerate(texts)) {
    os << quote(text.text);
    if (text.pair)
      os << " and " << quote(*text.pair);
    os << ", " << text.tokens.size() << " tokens\n";
    print(index, os);
  }
  printSummary(os);
}

} // namespace lathe
