// Words to tokens by greedy longest matches in the vocabulary, or by matches of whole words.
#ifndef LATHE_RUNTIME_TOKENIZER_WORDPIECE_H
#define LATHE_RUNTIME_TOKENIZER_WORDPIECE_H

#include "runtime/tokenizer/TokenSink.h"

namespace lathe {

/// A word that cannot be spelled to its end, or has too many code points, is unknown as a whole.
void spellWordPiece(const Tokenizer &tokenizer, Word word, TokenSink &sink);

/// WordLevel: a word is a token as a whole, or unknown.
void lookUpWord(const Tokenizer &tokenizer, Word word, TokenSink &sink);

} // namespace lathe

#endif
