//===- TextResults.cpp - what a model says of texts, for people and scripts ---===//
#include "compiler/driver/TextResults.h"

#include "compiler/driver/JsonText.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace lathe {

constexpr StringRef embeddingOutput = "sentence_embedding", logitsOutput = "logits";

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

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

Expected<TextResults> TextResults::create(const lathe_entry_info &entry, StringRef task, std::optional<int64_t> topK) {
  Kind kind = hasOutput(entry, embeddingOutput)                       ? Kind::Embedding
              : task == "masked-lm" && hasOutput(entry, logitsOutput) ? Kind::MaskedLm
                                                                      : Kind::Outputs;
  if (topK && kind != Kind::MaskedLm)
    return createStringError("--top-k is for models that fill in masks (task masked-lm); this one's task is " +
                             quote(task));
  constexpr int64_t defaultCandidates = 5;
  int64_t count = topK.value_or(defaultCandidates);
  if (count < 1 || count > mostCandidates)
    return createStringError("--top-k is " + llvm::Twine(count) + "; accepted are 1 to " + llvm::Twine(mostCandidates));
  return TextResults(kind, count);
}

std::vector<std::string> TextResults::outputs() const {
  switch (kind) {
  case Kind::Embedding:
    return {embeddingOutput.str()};
  case Kind::MaskedLm:
    return {logitsOutput.str()};
  case Kind::Outputs:
    return {}; // all
  }
  llvm_unreachable("all kinds are listed");
}

/// Tokens to be filled in, as the families of tokenizers spell them.
static bool isMask(const std::optional<std::string> &token) { return token == "[MASK]" || token == "<mask>"; }

std::vector<TextResults::Candidate>
TextResults::bestTokens(ArrayRef<float> logits, llvm::function_ref<std::optional<std::string>(int32_t)> token) const {
  std::vector<Candidate> candidates;
  for (auto [id, score] : topProbabilities(logits, topK))
    candidates.push_back({token(id), id, score});
  return candidates;
}

void TextResults::add(const std::string &text, const std::optional<std::string> &pair, const TokenizedText &tokens,
                      ArrayRef<TextOutput> outputs, llvm::function_ref<std::optional<std::string>(int32_t)> token) {
  Record record{text, pair, tokens.tokens, {}, {}};
  if (kind == Kind::MaskedLm) {
    const TextOutput &logits = outputs.front();
    for (size_t position = 0; position < tokens.tokens.size(); ++position)
      if (isMask(tokens.tokens[position]))
        record.masks.push_back(
            {position, bestTokens(logits.values.slice(position * logits.width, logits.width), token)});
  } else {
    for (const TextOutput &output : outputs)
      record.outputs.push_back({output.name.str(), output.perToken, output.width, output.values.vec()});
  }
  records.push_back(std::move(record));
}

//===----------------------------------------------------------------------===//
// For scripts
//===----------------------------------------------------------------------===//

static Json jsonToken(const std::optional<std::string> &token) { return token ? Json(*token) : Json(nullptr); }

Json TextResults::json() const {
  Json array = Json::array();
  for (const Record &record : records) {
    Json object = {{"text", record.text}};
    if (record.pair)
      object["pair"] = *record.pair;
    object["tokens"] = Json::array();
    for (const std::optional<std::string> &token : record.tokens)
      object["tokens"].push_back(jsonToken(token));
    if (kind == Kind::MaskedLm) {
      object["masks"] = Json::array();
      for (const Mask &mask : record.masks) {
        Json candidates = Json::array();
        for (const Candidate &candidate : mask.candidates)
          candidates.push_back({{"token", jsonToken(candidate.token)}, {"score", candidate.score}});
        object["masks"].push_back({{"position", mask.position}, {"candidates", candidates}});
      }
    }
    for (const Output &output : record.outputs) {
      Json &value = object[kind == Kind::Embedding ? "embedding" : output.name];
      if (!output.perToken) {
        value = jsonArray(output.values);
        continue;
      }
      value = Json::array();
      for (size_t begin = 0; begin < output.values.size(); begin += output.width)
        value.push_back(jsonArray(ArrayRef(output.values).slice(begin, output.width)));
    }
    array.push_back(std::move(object));
  }
  return array;
}

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// The first numbers of a row, and its length as a vector.
static std::string rowText(ArrayRef<float> row) {
  constexpr size_t shown = 4;
  std::string text;
  double squares = 0;
  for (auto [index, value] : llvm::enumerate(row)) {
    squares += double(value) * value;
    if (index < shown)
      text += llvm::formatv("{0}{1:F4}", index ? ", " : "[", value);
  }
  return text +
         llvm::formatv("{0}] of {1}, norm {2:F4}", row.size() > shown ? ", ..." : "", row.size(), std::sqrt(squares))
             .str();
}

void TextResults::print(llvm::raw_ostream &os) const {
  for (const Record &record : records) {
    os << quote(record.text);
    if (record.pair)
      os << " and " << quote(*record.pair);
    os << ", " << record.tokens.size() << " tokens\n";
    if (kind == Kind::MaskedLm && record.masks.empty())
      os << "  no [MASK] to fill in\n";
    for (const Mask &mask : record.masks) {
      os << "  [MASK] at " << mask.position << ":";
      for (auto [index, candidate] : llvm::enumerate(mask.candidates))
        os << llvm::formatv("{0} {1} {2:F4}", index ? "," : "",
                            candidate.token ? printable(*candidate.token) : "#" + std::to_string(candidate.id),
                            candidate.score);
      os << "\n";
    }
    for (const Output &output : record.outputs) {
      if (output.values.empty())
        continue; // a text without tokens
      os << "  " << output.name << (output.perToken ? ", first token: " : ": ")
         << rowText(ArrayRef(output.values).take_front(output.width)) << "\n";
    }
  }
  if (kind == Kind::Embedding)
    printNearestPairs(os);
}

void TextResults::printNearestPairs(llvm::raw_ostream &os) const {
  constexpr size_t mostTexts = 1000, mostPairs = 10; // pairs grow with the square
  if (records.size() < 2 || records.size() > mostTexts)
    return;
  struct Pair {
    double score;
    size_t a, b;
  };
  std::vector<Pair> pairs;
  for (size_t a = 0; a < records.size(); ++a)
    for (size_t b = a + 1; b < records.size(); ++b)
      pairs.push_back({cosine(records[a].outputs.front().values, records[b].outputs.front().values), a, b});
  size_t shown = std::min(mostPairs, pairs.size());
  std::partial_sort(pairs.begin(), pairs.begin() + shown, pairs.end(), [](const Pair &x, const Pair &y) {
    return std::tuple(-x.score, x.a, x.b) < std::tuple(-y.score, y.a, y.b);
  });
  os << "nearest pairs, by cosine\n";
  for (const Pair &pair : ArrayRef(pairs).take_front(shown))
    os << llvm::formatv("  {0:F4}  {1} | {2}\n", pair.score, printable(records[pair.a].text),
                        printable(records[pair.b].text));
}

} // namespace lathe
