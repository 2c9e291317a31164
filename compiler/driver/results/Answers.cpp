//===- Answers.cpp - where in a text a question is answered -------------------===//
//
// The question is the text, what answers it its pair. An answer is the span of at most 15 tokens of the pair whose
// start and end are likeliest, each under a softmax over the pair's tokens, as in Transformers' question-answering
// pipeline; it is extended to whole words.
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

class Answers final : public TextResults {
public:
  std::vector<std::string> outputs() const override { return {"start_logits", "end_logits"}; }

private:
  struct Answer {
    std::string text;
    int32_t start, end; ///< in code points of the pair
    double score;
  };

  /// The tokens that an answer may consist of: the last part's, without special tokens.
  std::pair<size_t, size_t> candidates(const TokenizedText &tokens) const {
    size_t end = tokens.ids.size();
    while (end > 0 && tokens.special[end - 1])
      --end;
    size_t begin = end;
    while (begin > 0 && !tokens.special[begin - 1])
      --begin;
    return {begin, end};
  }

  static std::vector<double> probabilities(ArrayRef<float> logits) {
    std::vector<double> result(logits.size());
    for (auto [index, probability] : topProbabilities(logits, logits.size()))
      result[index] = probability;
    return result;
  }

  void addResult(const TokenizedText &tokens, ArrayRef<TextOutput> outputs, TokenText) override {
    constexpr size_t mostTokens = 15;
    results.emplace_back();
    const auto [begin, end] = candidates(tokens);
    if (begin == end || !texts.back().pair)
      return;
    auto logitsOf = [&](llvm::StringRef name) {
      auto output = llvm::find_if(outputs, [&](const TextOutput &output) { return output.name == name; });
      return output->values.slice(begin, end - begin);
    };
    const std::vector<double> starts = probabilities(logitsOf("start_logits")),
                              ends = probabilities(logitsOf("end_logits"));
    size_t first = 0, last = 0;
    double best = -1;
    for (size_t from = 0; from < starts.size(); ++from)
      for (size_t to = from; to < std::min(ends.size(), from + mostTokens); ++to)
        if (double score = starts[from] * ends[to]; score > best)
          best = score, first = from, last = to;
    first += begin, last += begin;
    while (first > begin && continuesWord(tokens, first))
      --first;
    while (last + 1 < end && continuesWord(tokens, last + 1))
      ++last;
    const int32_t start = tokens.offsets[first].first, stop = tokens.offsets[last].second;
    results.back() = {codePoints(*texts.back().pair, start, stop).str(), start, stop, best};
  }

  void describe(size_t index, Json &object) const override {
    const std::optional<Answer> &answer = results[index];
    object["answer"] =
        answer ? Json{{"text", answer->text}, {"start", answer->start}, {"end", answer->end}, {"score", answer->score}}
               : Json(nullptr);
  }
  void print(size_t index, llvm::raw_ostream &os) const override {
    if (const std::optional<Answer> &answer = results[index])
      os << llvm::formatv("  {0} {1:F4}, at {2} to {3}\n", quote(answer->text), answer->score, answer->start,
                          answer->end);
    else
      os << "  no text to answer from: give the question as --text and where to look as --pair\n";
  }

  std::vector<std::optional<Answer>> results;
};

} // namespace

std::unique_ptr<TextResults> makeAnswers() { return std::make_unique<Answers>(); }

} // namespace lathe
