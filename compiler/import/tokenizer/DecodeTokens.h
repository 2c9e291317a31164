// What tokens decode to, as far as each is known by itself: the runtime puts the pieces together.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_DECODETOKENS_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_DECODETOKENS_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// What is asked of the runtime.
struct DecoderPlan {
  DecoderKind kind = DecoderKind::Pieces;
  DecoderStrip stripsBegin = {}, stripsEnd = {};
  bool dropsOnce = false;    // decoderDropsOnce
  bool stripsSpaces = false; // decoderStripsSpaces
};

/// The pieces of one token: at the edge that DecoderKind names, and elsewhere. Or it stands for a byte.
struct DecodedToken {
  std::string atEdge, later;
  std::optional<uint8_t> byte;
};

/// What the steps have in them that pieces of tokens cannot express, such as a replacement across tokens. Or nothing.
std::optional<std::string> findDecoderProblem(const Decoder &decoder);

/// `decoder` must have no problem.
DecoderPlan planDecoder(const Decoder &decoder);
DecodedToken decodeToken(const Decoder &decoder, const std::string &token, uint32_t id);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_DECODETOKENS_H
