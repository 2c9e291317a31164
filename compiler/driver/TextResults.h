//===- TextResults.h - what a model says of texts, for people and scripts -----===//
#ifndef LATHE_COMPILER_DRIVER_TEXTRESULTS_H
#define LATHE_COMPILER_DRIVER_TEXTRESULTS_H

#include "compiler/driver/Texts.h"

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

namespace lathe {

/// Collects the outputs of texts in the form that the model's task calls for:
///
///   embedding   {"text", "tokens", "embedding": [...]}
///   masked-lm   {"text", "tokens", "masks": [{"position", "candidates": [{"token", "score"}]}]}
///   base        {"text", "tokens", and each output under its own name: a row per token, or one row}
///
/// "pair" follows "text" where there is one. "tokens" holds special tokens too; null for ids that no token has.
class TextResults {
public:
  /// How many candidates --top-k may ask for, at most; fewer where the vocabulary is smaller.
  static constexpr int64_t mostCandidates = 1000;

  /// `topK` is an error for tasks that give no candidates.
  static llvm::Expected<TextResults> create(const lathe_entry_info &entry, llvm::StringRef task,
                                            std::optional<int64_t> topK);

  /// The outputs to run for.
  std::vector<std::string> outputs() const;
  /// Adds the next text. `token` gives the vocabulary's text of an id.
  void add(const std::string &text, const std::optional<std::string> &pair, const TokenizedText &tokens,
           llvm::ArrayRef<TextOutput> outputs, llvm::function_ref<std::optional<std::string>(int32_t)> token);

  nlohmann::ordered_json json() const;
  void print(llvm::raw_ostream &os) const;

private:
  enum class Kind { Embedding, MaskedLm, Outputs };
  struct Candidate {
    std::optional<std::string> token;
    int32_t id;
    double score;
  };
  struct Mask {
    size_t position;
    std::vector<Candidate> candidates;
  };
  struct Output {
    std::string name;
    bool perToken;
    int64_t width;
    std::vector<float> values;
  };
  struct Record {
    std::string text;
    std::optional<std::string> pair;
    std::vector<std::optional<std::string>> tokens;
    std::vector<Mask> masks;
    std::vector<Output> outputs;
  };

  TextResults(Kind kind, int64_t topK) : kind(kind), topK(topK) {}
  std::vector<Candidate> bestTokens(llvm::ArrayRef<float> logits,
                                    llvm::function_ref<std::optional<std::string>(int32_t)> token) const;
  void printNearestPairs(llvm::raw_ostream &os) const;

  Kind kind;
  int64_t topK;
  std::vector<Record> records;
};

/// The probabilities of the `count` likeliest entries under a softmax, best first; equal ones by index.
std::vector<std::pair<int32_t, double>> topProbabilities(llvm::ArrayRef<float> logits, int64_t count);

/// 0 where one of them is zero.
double cosine(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b);

} // namespace lathe

#endif
