// Offsets without the spaces that a token begins or ends with, as byte-level post-processors give them.
#ifndef LATHE_RUNTIME_TOKENIZER_TRIMOFFSETS_H
#define LATHE_RUNTIME_TOKENIZER_TRIMOFFSETS_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

/// Notes in an added token how many spaces its match [begin, end) begins and ends with.
void countSpaces(const Tokenizer &tokenizer, const char *begin, const char *end, Token &token);

/// `isFirst`: of its text, where a prefix space may stand.
Token trimOffsets(const Tokenizer &tokenizer, Token token, bool isFirst);

} // namespace lathe

#endif
