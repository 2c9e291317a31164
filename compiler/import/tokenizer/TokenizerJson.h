// Reading the components of a tokenizer.json. Each is named by its "type"; one that is not covered is an error that
// names it, never an approximation.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERJSON_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERJSON_H

#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// A tokenizer on its way from one file.
struct TokenizerJson {
  explicit TokenizerJson(const TokenizerConfig &config) : config(config) {}

  const TokenizerConfig &config;
  TokenizerSpec spec;
  std::string problem;      // the first
  bool isOtherKind = false; // the problem: the file is sound, but has a component that is not covered
  bool spellsBytes = false; // some component makes characters of bytes

  /// Notes that a component's field says what the library can do and we cannot.
  void rejectKind(JsonView view, const llvm::Twine &accepted) {
    isOtherKind |= problem.empty() && view.isString();
    view.reject(accepted);
  }
  void failKind(JsonView view, const llvm::Twine &message) {
    isOtherKind |= problem.empty();
    view.fail(message);
  }

  /// Reads {"String": …} or {"Regex": …}.
  Pattern readPattern(JsonView view);
  void readNormalizer(JsonView view);
  void readPreTokenizer(JsonView view);
  void readModel(JsonView view);
  /// Texts and their ids, which must have no holes.
  void readVocabulary(JsonView view);
  void readPostProcessor(JsonView view);
  void readDecoder(JsonView view);

private:
  void readWordPiece(JsonView view);
  void readBpe(JsonView view);
  void readUnigram(JsonView view);
  void readWordLevel(JsonView view);
  void readDecoderStep(JsonView view);
};

/// What a Metaspace puts for spaces, one character.
std::string readMark(JsonView view);
/// Which words a Metaspace marks. Old files say add_prefix_space alone.
PrependScheme readPrependScheme(JsonView view);

} // namespace lathe

#endif
