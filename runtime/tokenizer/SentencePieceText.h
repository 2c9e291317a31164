// SentencePiece's own normalizer: the longest rules of its map of characters, and spaces made marks.
#ifndef LATHE_RUNTIME_TOKENIZER_SENTENCEPIECETEXT_H
#define LATHE_RUNTIME_TOKENIZER_SENTENCEPIECETEXT_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

/// Appends what `from` becomes to `to`, which gets one origin more than it has bytes: where the text's last token ends.
/// `flags`: spm* of Tables.h.
void normalizeSentencePiece(const Tokenizer &tokenizer, uint32_t flags, const MappedText &from, MappedText &to);

/// The longest key of a trie that [begin, end) begins with: its size, and its value; 0 when it begins with none.
unsigned findLongest(const TableView<TrieUnit> &trie, const char *begin, const char *end, uint32_t &value);

/// The longest symbol of the user that [begin, end) begins with: its size, and its id; 0 when it begins with none.
unsigned findUserSymbol(const Tokenizer &tokenizer, const char *begin, const char *end, uint32_t &id);

} // namespace lathe

#endif
