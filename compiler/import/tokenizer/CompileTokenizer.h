// Compiles a model directory's tokenizer to the tables that runtime/tokenizer walks.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_COMPILETOKENIZER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_COMPILETOKENIZER_H

#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// The files that are read, as errors list them.
extern const char *const acceptedTokenizers;

struct TokenizerOptions {
  /// `do_lower_case` of sentence_bert_config.json: texts are lower-cased before the tokenizer, added tokens included,
  /// sees them. Offsets still count in the text as given.
  bool lowerFirst = false;
  /// Tokens have the types of the template, which says where a second text begins. Or else those that the tokenizer's
  /// class in Transformers gives to a model: all 0 where it gives none.
  bool typesOfTemplate = false;
};

struct CompiledTokenizer {
  std::vector<uint8_t> tables; // for openTokenizer; to be placed at a multiple of 64 bytes
  std::string kind;            // "wordpiece", "bpe", "unigram"
  std::string file;            // name of the file it was read from, without the directory
  uint32_t vocabularySize = 0; // added tokens included
  /// The two maximum lengths that tokenizer files can state, 0 for none. Neither is applied here: which one counts is
  /// the driver's to decide, from the model's other files too.
  uint32_t truncationLength = 0;                                           // tokenizer.json's truncation
  uint32_t modelMaxLength = 0;                                             // tokenizer_config.json's model_max_length
  int32_t unknownId = -1, clsId = -1, sepId = -1, padId = -1, maskId = -1; // -1: the vocabulary has none
};

/// Reads tokenizer.json, else vocab.txt, else vocab.json and merges.txt, else a SentencePiece .model, with
/// tokenizer_config.json and special_tokens_map.json where they exist. Nothing when the directory has no tokenizer's
/// files. A tokenizer of another kind is an UnsupportedTokenizer, any file that is not exactly understood another
/// error: ids that are nearly right would be worse than none.
llvm::Expected<std::optional<CompiledTokenizer>> compileTokenizer(llvm::StringRef directory,
                                                                  const TokenizerOptions &options = {});

} // namespace lathe

#endif
