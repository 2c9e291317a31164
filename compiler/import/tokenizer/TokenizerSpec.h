// What a WordPiece tokenizer is, whichever files describe it: the readers give this, WriteTables compiles it.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERSPEC_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERSPEC_H

#include "runtime/tokenizer/Tables.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe {

enum class NormalizerStep {
  CleanText,           // drop controls, U+0000 and U+FFFD; whitespace becomes a space
  SpaceChinese,        // a space on both sides of each ideograph
  Decompose,           // NFD
  DropNonspacingMarks, // BertNormalizer's strip_accents, behind Decompose
  DropCombiningMarks,  // the StripAccents normalizer
  Lowercase
};

/// How text is cut into words. The pre-tokenizers that are supported, and sequences of them, all come down to these.
struct PreTokenizer {
  bool splitsSpaces = false;        // whitespace separates words
  bool isolatesPunctuation = false; // each punctuation mark is a word
  bool separatesSymbols = false;    // runs of \w and runs of other characters are different words
};

struct AddedToken {
  std::string content;
  uint32_t id = 0;
  bool special = false, singleWord = false, stripsLeft = false, stripsRight = false;
  bool normalized = false; // matched behind the normalizer, against its own normalized content
};

struct Decoder {
  bool isWordPiece = true; // else tokens are joined by spaces
  std::string prefix = "##";
  bool cleansUp = true;
};

struct TokenizerSpec {
  std::vector<std::string> vocabulary; // by id, added tokens included
  llvm::StringMap<uint32_t> ids;       // the same, by text
  uint32_t modelTokens = 0;            // ids below this are the model's own; added tokens beyond are not word pieces
  std::string unknown = "[UNK]", continuingPrefix = "##";
  uint32_t maxWordChars = 100;
  std::vector<NormalizerStep> normalizer;
  PreTokenizer preTokenizer;
  std::vector<AddedToken> added;
  std::vector<TemplateItem> single, pair;
  Decoder decoder;
  bool lowersFirst = false, truncatesLeft = false;
  uint32_t truncationLength = 0; // tokenizer.json's own; 0: none

  std::optional<uint32_t> idOf(llvm::StringRef token) const {
    auto found = ids.find(token);
    return found == ids.end() ? std::nullopt : std::optional<uint32_t>(found->second);
  }
};

/// BertNormalizer's steps.
struct BertNormalizerFlags {
  bool cleanText = true, handleChineseChars = true, lowercase = true;
  std::optional<bool> stripAccents; // as `lowercase` when not given
};
std::vector<NormalizerStep> bertNormalizer(const BertNormalizerFlags &flags);

/// What tokenizer_config.json and special_tokens_map.json say; every field is optional there.
struct TokenizerConfig {
  std::string tokenizerClass; // empty: no file says
  std::string classOrigin;    // what said so: "tokenizer_config.json"
  std::optional<bool> lowercase, handleChineseChars;
  std::optional<std::optional<bool>> stripAccents; // given as null is different from not given
  std::optional<bool> truncatesLeft;
  uint32_t modelMaxLength = 0; // 0: none
  AddedToken unknown, separator, padding, classification, mask;
  bool namesPadding = false, namesMask = false; // else BERT's names are only assumed
  std::vector<AddedToken> additional;           // other special tokens
  std::vector<AddedToken> byId;                 // added_tokens_decoder, by id
};

llvm::Expected<TokenizerConfig> readTokenizerConfig(llvm::StringRef directory);
llvm::Expected<TokenizerSpec> readTokenizerJson(llvm::StringRef path, const TokenizerConfig &config);
llvm::Expected<TokenizerSpec> readVocabularyText(llvm::StringRef path, const TokenizerConfig &config);

/// The tables of runtime/tokenizer/Tables.h. The same spec gives the same bytes. `path` is named in errors.
llvm::Expected<std::vector<uint8_t>> writeTables(const TokenizerSpec &spec, llvm::StringRef path);

} // namespace lathe

#endif
