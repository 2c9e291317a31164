// SentencePiece's precompiled map of characters, applied as the `tokenizers` library applies it: to whole grapheme
// clusters where they are short, else to each code point.
#ifndef LATHE_RUNTIME_TOKENIZER_CHARSMAP_H
#define LATHE_RUNTIME_TOKENIZER_CHARSMAP_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

/// Appends what `from` becomes to `to`.
void applyCharsmap(const Tokenizer &tokenizer, const MappedText &from, MappedText &to);

} // namespace lathe

#endif
