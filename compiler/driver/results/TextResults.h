//===- TextResults.h - what a model says of texts, for people and scripts -----===//
//
// A kind of result for each task, one file each. To add one: write its class, give it a line in TextResults.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_RESULTS_TEXTRESULTS_H
#define LATHE_COMPILER_DRIVER_RESULTS_TEXTRESULTS_H

#include "compiler/driver/Texts.h"

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

namespace lathe {

/// What is known of a model's head.
struct ResultOptions {
  llvm::StringRef task;
  std::vector<std::string> labels; ///< of classes, by index; empty where the task has none
  std::string problem;             ///< the config's problem_type, or empty
  std::string score;               ///< of a cross-encoder: what makes a score of its logit, or empty
  std::optional<int64_t> topK;     ///< --top-k
};

/// Collects the outputs of texts in the form that the model's task calls for:
///
///   embedding                 {"text", "tokens", "embedding": [...]}
///   masked-lm                 {…, "masks": [{"position", "candidates": [{"token", "score"}]}]}
///   sequence-classification   {…, "labels": [{"label", "score"}]}, likeliest first
///     of a cross-encoder      {…, "score"}
///   token-classification      {…, "entities": [{"label", "score", "start", "end", "text"}]}, of whole words
///   question-answering        {…, "answer": {"text", "start", "end", "score"}}, or null
///   others                    {…, and each output under its own name: a row per token, or one row}
///
/// "pair" follows "text" where there is one. "tokens" holds special tokens too; null for ids that no token has. "start"
/// and "end" count code points of the text, or of the pair that an answer stands in.
class TextResults {
public:
  /// How many candidates --top-k may ask for, at most; fewer where there are not as many.
  static constexpr int64_t mostCandidates = 1000;
  using TokenText = llvm::function_ref<std::optional<std::string>(int32_t)>;

  /// `topK` is an error for tasks that give no candidates.
  static llvm::Expected<std::unique_ptr<TextResults>> create(const lathe_entry_info &entry,
                                                             const ResultOptions &options);
  virtual ~TextResults() = default;

  /// The outputs to run for; none: all.
  virtual std::vector<std::string> outputs() const = 0;
  /// Adds the next text. `token` gives the vocabulary's text of an id.
  void add(const std::string &text, const std::optional<std::string> &pair, const TokenizedText &tokens,
           llvm::ArrayRef<TextOutput> outputs, TokenText token);

  nlohmann::ordered_json json() const;
  void print(llvm::raw_ostream &os) const;

protected:
  struct Text {
    std::string text;
    std::optional<std::string> pair;
    std::vector<std::optional<std::string>> tokens;
  };
  std::vector<Text> texts;

private:
  /// The result of the text that was added last.
  virtual void addResult(const TokenizedText &tokens, llvm::ArrayRef<TextOutput> outputs, TokenText token) = 0;
  /// Adds to the object of a text what its result is.
  virtual void describe(size_t index, nlohmann::ordered_json &object) const = 0;
  virtual void print(size_t index, llvm::raw_ostream &os) const = 0;
  /// What is to be said of all of them.
  virtual void printSummary(llvm::raw_ostream &) const {}
};

/// The kinds. `count` is how many candidates are wanted.
std::unique_ptr<TextResults> makeEmbeddings();
std::unique_ptr<TextResults> makeMasks(int64_t count);
std::unique_ptr<TextResults> makeClasses(const ResultOptions &options, int64_t count);
llvm::Expected<std::unique_ptr<TextResults>> makeScores(llvm::StringRef activation);
std::unique_ptr<TextResults> makeEntities(const ResultOptions &options);
std::unique_ptr<TextResults> makeAnswers();
std::unique_ptr<TextResults> makeOutputs();

/// How many candidates --top-k asks for, or else so many.
llvm::Expected<int64_t> candidateCount(std::optional<int64_t> topK, int64_t otherwise);

/// The probabilities of the `count` likeliest entries under a softmax, best first; equal ones by index.
std::vector<std::pair<int32_t, double>> topProbabilities(llvm::ArrayRef<float> logits, int64_t count);

/// The `count` likeliest classes, best first, as Transformers' pipelines have them: probabilities of classes that
/// exclude each other, of each class alone where problem_type is multi_label_classification or there is but one, and
/// plain numbers, in their order, for a regression.
std::vector<std::pair<int32_t, double>> classScores(llvm::StringRef problem, llvm::ArrayRef<float> logits,
                                                    int64_t count);

/// 0 where one of them is zero.
double cosine(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b);

/// A class's name; "LABEL_3" where there is none of that number.
std::string labelOf(llvm::ArrayRef<std::string> labels, size_t index);
/// A token's text as JSON: null where the vocabulary has none.
nlohmann::ordered_json jsonToken(const std::optional<std::string> &token);
/// Code points [start, end) of a text.
llvm::StringRef codePoints(llvm::StringRef text, int32_t start, int32_t end);
/// Whether a token goes on a word that the one before it began.
bool continuesWord(const TokenizedText &tokens, size_t position);

} // namespace lathe

#endif
