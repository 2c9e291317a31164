//===- Masks.cpp - what fills in masked tokens --------------------------------===//
#include "compiler/driver/results/MaskFilling.h"
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

class Masks final : public TextResults {
public:
  explicit Masks(int64_t count) : count(count) {}
  std::vector<std::string> outputs() const override { return {"logits"}; }

private:
  struct Candidate {
    std::optional<std::string> token;
    int32_t id;
    double score;
  };
  struct Mask {
    size_t position;
    std::string spelling; ///< of the masked token
    std::vector<Candidate> candidates;
  };

  void addResult(const TokenizedText &tokens, ArrayRef<TextOutput> outputs, TokenText token) override {
    const TextOutput &logits = outputs.front();
    results.emplace_back();
    for (size_t position : maskPositions(tokens)) {
      Mask mask{position, *tokens.tokens[position], {}};
      for (auto [id, score] : topProbabilities(logits.values.slice(position * logits.width, logits.width), count))
        mask.candidates.push_back({token(id), id, score});
      results.back().push_back(std::move(mask));
    }
  }

  void describe(size_t index, Json &object) const override {
    object["masks"] = Json::array();
    for (const Mask &mask : results[index]) {
      Json candidates = Json::array();
      for (const Candidate &candidate : mask.candidates)
        candidates.push_back({{"token", jsonToken(candidate.token)}, {"score", candidate.score}});
      object["masks"].push_back({{"position", mask.position}, {"candidates", candidates}});
    }
  }

  void print(size_t index, llvm::raw_ostream &os) const override {
    if (results[index].empty())
      os << "  no mask to fill in\n";
    for (const Mask &mask : results[index]) {
      os << "  " << mask.spelling << " at " << mask.position << ":";
      for (auto [rank, candidate] : llvm::enumerate(mask.candidates))
        os << llvm::formatv("{0} {1} {2:F4}", rank ? "," : "",
                            candidate.token ? printable(*candidate.token) : "#" + std::to_string(candidate.id),
                            candidate.score);
      os << "\n";
    }
  }

  int64_t count;
  std::vector<std::vector<Mask>> results;
};

} // namespace

std::unique_ptr<TextResults> makeMasks(int64_t count) { return std::make_unique<Masks>(count); }

} // namespace lathe
