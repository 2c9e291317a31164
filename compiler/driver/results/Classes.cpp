//===- Classes.cpp - which classes a text belongs to --------------------------===//
//
// As Transformers' text-classification pipeline.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

class Classes final : public TextResults {
public:
  Classes(const ResultOptions &options, int64_t count)
      : labels(options.labels), problem(options.problem), count(count) {}
  std::vector<std::string> outputs() const override { return {"logits"}; }

private:
  void addResult(const TokenizedText &, ArrayRef<TextOutput> outputs, TokenText) override {
    results.push_back(classScores(problem, outputs.front().values, count));
  }
  void describe(size_t index, Json &object) const override {
    object["labels"] = Json::array();
    for (auto [label, score] : results[index])
      object["labels"].push_back({{"label", labelOf(labels, label)}, {"score", score}});
  }
  void print(size_t index, llvm::raw_ostream &os) const override {
    for (auto [label, score] : results[index])
      os << llvm::formatv("  {0} {1:F4}\n", printable(labelOf(labels, label)), score);
  }

  std::vector<std::string> labels;
  std::string problem;
  int64_t count;
  std::vector<std::vector<std::pair<int32_t, double>>> results;
};

} // namespace

std::vector<std::pair<int32_t, double>> classScores(StringRef problem, ArrayRef<float> logits, int64_t count) {
  if (problem != "regression" && problem != "multi_label_classification" && logits.size() > 1)
    return topProbabilities(logits, count);
  std::vector<std::pair<int32_t, double>> scores;
  for (auto [index, logit] : llvm::enumerate(logits))
    scores.push_back({int32_t(index), problem == "regression" ? double(logit) : 1 / (1 + std::exp(-double(logit)))});
  if (problem != "regression") // whose numbers are told apart by their place
    llvm::sort(scores, [](const auto &a, const auto &b) {
      return std::pair(-a.second, a.first) < std::pair(-b.second, b.first);
    });
  scores.resize(std::min<size_t>(scores.size(), count));
  return scores;
}

std::unique_ptr<TextResults> makeClasses(const ResultOptions &options, int64_t count) {
  return std::make_unique<Classes>(options, count);
}

} // namespace lathe
