// A SentencePiece `.model` file: a message of protocol buffers, of which the fields that say what ids a text gets are
// read.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_SENTENCEPIECEMODEL_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_SENTENCEPIECEMODEL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

enum class PieceType : uint32_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

struct SentencePiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::Normal;
};

/// What happens to texts: a map of characters (ReadCharsmap.h; empty: none), then to spaces.
struct PieceNormalizer {
  std::string charsmap;
  bool addsPrefix = true, removesSpaces = true, marksSpaces = true;
};

struct SentencePieceModel {
  enum Kind : uint32_t { Unigram = 1, Bpe = 2, Word = 3, Char = 4 };

  std::vector<SentencePiece> pieces; // by id; each text once, exactly one of them Unknown
  uint32_t unknown = 0;              // its id
  Kind kind = Unigram;
  bool fallsBack = false;                     // what is unknown becomes its bytes, all of which have a piece
  bool marksEnds = false;                     // spaces are marked behind words
  bool hasSpacePieces = false;                // pieces of spaces alone are kept together
  std::string unknownText = " \xE2\x81\x87 "; // what the unknown piece decodes to: " ⁇ "
  PieceNormalizer normalizer;
  PieceNormalizer denormalizer; // decoding ends with it
};

/// Errors name `path` and the byte where the file is not what it should be.
llvm::Expected<SentencePieceModel> readSentencePieceModel(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_SENTENCEPIECEMODEL_H
