//===- Scores.cpp - how well a text goes with its pair ------------------------===//
//
// As sentence-transformers' CrossEncoder.predict: an activation of the one logit, sigmoid unless the model says
// another.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

using Function = double (*)(double logit);

struct Activation {
  llvm::StringLiteral name; ///< as scoreActivationName has it
  Function function;
};
constexpr Activation activations[] = {{"identity", [](double logit) { return logit; }},
                                      {"sigmoid", [](double logit) { return 1 / (1 + std::exp(-logit)); }},
                                      {"tanh", [](double logit) { return std::tanh(logit); }}};

class Scores final : public TextResults {
public:
  explicit Scores(Function activation) : activation(activation) {}
  std::vector<std::string> outputs() const override { return {"logits"}; }

private:
  void addResult(const TokenizedText &, ArrayRef<TextOutput> outputs, TokenText) override {
    scores.push_back(activation(outputs.front().values.front()));
  }
  void describe(size_t index, Json &object) const override { object["score"] = scores[index]; }
  void print(size_t index, llvm::raw_ostream &os) const override {
    os << llvm::formatv("  score {0:F4}\n", scores[index]);
  }

  Function activation;
  std::vector<double> scores;
};

} // namespace

llvm::Expected<std::unique_ptr<TextResults>> makeScores(llvm::StringRef name) {
  for (const Activation &activation : activations)
    if (activation.name == name)
      return std::make_unique<Scores>(activation.function);
  return llvm::createStringError("the manifest's score is " + quote(name) + "; accepted are identity, sigmoid, tanh");
}

} // namespace lathe
