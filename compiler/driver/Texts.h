//===- Texts.h - from texts to tokens, and tokens through a model -------------===//
#ifndef LATHE_COMPILER_DRIVER_TEXTS_H
#define LATHE_COMPILER_DRIVER_TEXTS_H

#include "compiler/driver/Artifact.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace lathe {

/// One text, or a pair, as tokens. The vectors are of one length.
struct TokenizedText {
  std::vector<int32_t> ids, typeIds;
  std::vector<std::pair<int32_t, int32_t>> offsets; ///< in code points of the text; special tokens [0, 0]
  std::vector<uint8_t> special;                     ///< 1: added by the post-processor
  std::vector<std::optional<std::string>> tokens;   ///< the vocabulary's text, where it has one
  size_t promptTokens = 0;                          ///< how many, from the first on, pooling leaves out
};

struct TokenizeOptions {
  std::optional<int64_t> maxLength; ///< 0: no truncation; absent: the model's own
  lathe_truncation truncation = LATHE_TRUNCATE_LONGEST_FIRST;
  std::optional<std::string> language; ///< its code, where the tokenizer's template names one
};

/// A model's tokenizer, wherever it comes from.
class TextTokenizer {
public:
  virtual ~TextTokenizer() = default;
  virtual llvm::Expected<TokenizedText> tokenize(const std::string &text, const std::optional<std::string> &pair,
                                                 const TokenizeOptions &options) const = 0;
  /// The vocabulary's text of one id, where it has one.
  virtual std::optional<std::string> token(int32_t id) const = 0;
  virtual llvm::Expected<std::string> decode(llvm::ArrayRef<int32_t> ids, bool skipSpecialTokens) const = 0;
  /// Those that it has tokens for.
  virtual std::vector<lathe_language> languages() const = 0;
};

/// From which language into which: --source-lang and --target-lang, or what the tokenizer's files say.
struct LanguageChoice {
  std::optional<std::string> source, target;

  /// What the tokenizer is to be told. A language that it has no token for is an error that says which there are, and
  /// so is one for a tokenizer that is told none of that kind.
  llvm::Expected<std::optional<std::string>> ofTemplate(const TextTokenizer &tokenizer) const;
  /// The token that a translation begins with; none: the model's own way. Behind ofTemplate.
  std::optional<int32_t> firstToken(const TextTokenizer &tokenizer) const;
};

/// Which prompt stands before texts: a text, or the name of one of the model's; neither: the model's default one.
struct PromptChoice {
  std::optional<std::string> text, name;

  bool given() const { return text || name; }
};

/// A model's prompt before every text that goes through its tokenizer.
class PromptedTokenizer {
public:
  /// A name that the model has no prompt of is an error that lists those there are. The tokenizer must outlive it.
  static llvm::Expected<PromptedTokenizer> create(const LoadedModel &model, const TextTokenizer &tokenizer,
                                                  const PromptChoice &choice);
  llvm::Expected<TokenizedText> tokenize(const std::string &text, const std::optional<std::string> &pair) const;

private:
  explicit PromptedTokenizer(const TextTokenizer &tokenizer) : tokenizer(tokenizer) {}

  const TextTokenizer &tokenizer;
  std::string prompt;
  size_t promptTokens = 0;
};

/// Makes a text as long as the model's are, with padding that counts as any token. Most models' have any length.
void fillUp(TokenizedText &text, const Artifact &artifact, const TextTokenizer &tokenizer);

/// An artifact's, through its ABI. The model must outlive it.
std::unique_ptr<TextTokenizer> tokenizerOf(const LoadedModel &model);

/// Compiles the tokenizer of a model directory, or of one with nothing but a tokenizer's files.
llvm::Expected<std::unique_ptr<TextTokenizer>> compileTextTokenizer(llvm::StringRef directory);

/// One output of a model for one text: a row per token, one row, or for each of `width` heads a row per token, which is
/// as long as there are tokens.
struct TextOutput {
  enum class Rows { Tokens, One, Scores };

  llvm::StringRef name;
  Rows rows;
  int64_t width;
  llvm::ArrayRef<float> values;
};

/// Runs texts through an entry, packed into batches of a moderate size, and hands out the outputs of each, in order.
llvm::Error runTexts(const RunContext &context, const lathe_entry_info &entry, llvm::ArrayRef<TokenizedText> texts,
                     llvm::ArrayRef<std::string> outputs,
                     llvm::function_ref<llvm::Error(size_t index, llvm::ArrayRef<TextOutput> outputs)> receive);

} // namespace lathe

#endif
