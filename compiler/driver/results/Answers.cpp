//===- Answers.cpp - where in a text a question is answered -------------------===//
//
// The question is the text, what answers it its pair. An answer is the span of at most 15 tokens of the pair whose
// start and end are likeliest, each under a softmax over the pair's tokens and the special one that begins it all, as
// in Transformers' question-answering pipeline; it is extended to whole words, which are what the tokenizer cuts a text
// into first: where tokens are made of bytes, letters, digits and signs apart.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/UnicodeData.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unicode/utf8.h>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {
namespace {

enum class Kind { Letter, Digit, Sign };

Kind kindOf(llvm::StringRef character) {
  int32_t next = 0;
  UChar32 c = 0;
  U8_NEXT(character.data(), next, static_cast<int32_t>(character.size()), c); // NOLINT(bugprone-inc-dec-in-conditions)
  return c < 0 || !isWordCharacter(c) ? Kind::Sign : isDigit(c) ? Kind::Digit : Kind::Letter;
}

/// Whether a token of `text` is of one word with the token before it.
bool isOfSameWord(const TokenizedText &tokens, size_t position, llvm::StringRef text) {
  if (!continuesWord(tokens, position))
    return false;
  const bool ofBytes = llvm::any_of(
      tokens.tokens, [](const auto &token) { return token && llvm::StringRef(*token).starts_with("\u0120"); });
  const int32_t end = tokens.offsets[position - 1].second, start = tokens.offsets[position].first;
  return !ofBytes || kindOf(codePoints(text, end - 1, end)) == kindOf(codePoints(text, start, start + 1));
}

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

  /// Of tokens [begin, end); token 0, which models learn to name where there is no answer, has a share `ofNone`.
  static std::vector<double> probabilities(ArrayRef<float> logits, size_t begin, size_t end, bool ofNone) {
    std::vector<float> taken(logits.begin() + begin, logits.begin() + end);
    if (ofNone)
      taken.push_back(logits.front());
    std::vector<double> result(taken.size());
    for (auto [index, probability] : topProbabilities(taken, taken.size()))
      result[index] = probability;
    result.resize(end - begin);
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
      return output->values;
    };
    const bool ofNone = begin > 0 && tokens.special.front();
    const std::vector<double> starts = probabilities(logitsOf("start_logits"), begin, end, ofNone),
                              ends = probabilities(logitsOf("end_logits"), begin, end, ofNone);
    size_t first = 0, last = 0;
    double best = -1;
    for (size_t from = 0; from < starts.size(); ++from)
      for (size_t to = from; to < std::min(ends.size(), from + mostTokens); ++to)
        if (double score = starts[from] * ends[to]; score > best)
          best = score, first = from, last = to;
    first += begin, last += begin;
    while (first > begin && isOfSameWord(tokens, first, *texts.back().pair))
      --first;
    while (last + 1 < end && isOfSameWord(tokens, last + 1, *texts.back().pair))
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
