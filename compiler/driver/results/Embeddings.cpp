//===- Embeddings.cpp - vectors of whole texts, or whatever else there is -----===//
#include "compiler/driver/JsonText.h"
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

constexpr llvm::StringLiteral embeddingOutput = "sentence_embedding";

/// Every output as it is.
class Outputs : public TextResults {
public:
  std::vector<std::string> outputs() const override { return {}; }

protected:
  struct Output {
    std::string name;
    TextOutput::Rows rows;
    int64_t width;
    std::vector<float> values;
  };
  std::vector<std::vector<Output>> results;

private:
  void addResult(const TokenizedText &, ArrayRef<TextOutput> outputs, TokenText) override {
    results.emplace_back();
    for (const TextOutput &output : outputs)
      results.back().push_back({output.name.str(), output.rows, output.width, output.values.vec()});
  }

  void describe(size_t index, Json &object) const override {
    for (const Output &output : results[index]) {
      Json &value = object[output.name == embeddingOutput ? "embedding" : output.name];
      if (output.rows == TextOutput::Rows::One)
        value = jsonArray(output.values);
      else if (output.rows == TextOutput::Rows::Tokens)
        value = rowsOf(output.values, output.width);
      else
        value = headsOf(output);
    }
  }

  static Json rowsOf(ArrayRef<float> values, size_t width) {
    Json rows = Json::array();
    for (; !values.empty(); values = values.drop_front(width))
      rows.push_back(jsonArray(values.take_front(width)));
    return rows;
  }

  static Json headsOf(const Output &output) {
    const size_t perHead = output.values.size() / output.width;
    Json heads = Json::array();
    for (int64_t head = 0; head < output.width; ++head)
      heads.push_back(rowsOf(ArrayRef(output.values).slice(head * perHead, perHead), tokensOf(output)));
    return heads;
  }

  /// Of attention probabilities, which are a square for each head.
  static size_t tokensOf(const Output &output) {
    return size_t(std::lround(std::sqrt(double(output.values.size()) / double(output.width))));
  }

  void print(size_t index, llvm::raw_ostream &os) const override {
    for (const Output &output : results[index])
      if (!output.values.empty()) // else a text without tokens
        os << "  " << output.name << whichRow(output) << ": " << rowText(firstRow(output)) << "\n";
  }

  static llvm::StringRef whichRow(const Output &output) {
    switch (output.rows) {
    case TextOutput::Rows::One:
      return "";
    case TextOutput::Rows::Tokens:
      return ", first token";
    case TextOutput::Rows::Scores:
      return ", first head and token";
    }
    llvm_unreachable("all rows are of something");
  }

  static ArrayRef<float> firstRow(const Output &output) {
    return ArrayRef(output.values)
        .take_front(output.rows == TextOutput::Rows::Scores ? tokensOf(output) : size_t(output.width));
  }

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
};

/// One vector for each text, and which texts are near each other.
class Embeddings final : public Outputs {
public:
  std::vector<std::string> outputs() const override { return {embeddingOutput.str()}; }

private:
  void printSummary(llvm::raw_ostream &os) const override {
    constexpr size_t mostTexts = 1000, mostPairs = 10; // pairs grow with the square
    if (texts.size() < 2 || texts.size() > mostTexts)
      return;
    struct Pair {
      double score;
      size_t a, b;
    };
    std::vector<Pair> pairs;
    for (size_t a = 0; a < texts.size(); ++a)
      for (size_t b = a + 1; b < texts.size(); ++b)
        pairs.push_back({cosine(results[a].front().values, results[b].front().values), a, b});
    size_t shown = std::min(mostPairs, pairs.size());
    std::partial_sort(pairs.begin(), pairs.begin() + shown, pairs.end(), [](const Pair &x, const Pair &y) {
      return std::tuple(-x.score, x.a, x.b) < std::tuple(-y.score, y.a, y.b);
    });
    os << "nearest pairs, by cosine\n";
    for (const Pair &pair : ArrayRef(pairs).take_front(shown))
      os << llvm::formatv("  {0:F4}  {1} | {2}\n", pair.score, printable(texts[pair.a].text),
                          printable(texts[pair.b].text));
  }
};

} // namespace

std::unique_ptr<TextResults> makeOutputs() { return std::make_unique<Outputs>(); }
std::unique_ptr<TextResults> makeEmbeddings() { return std::make_unique<Embeddings>(); }

} // namespace lathe
