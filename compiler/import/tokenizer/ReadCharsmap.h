// SentencePiece's precompiled map of characters, as its models and tokenizer.json carry it.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_READCHARSMAP_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_READCHARSMAP_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// `bytes`: the size of a double-array trie, the trie, and the strings that its values are places in. Of keys that
/// begin alike the `tokenizers` library finds the shortest only; the others are left out unless `allKeys`.
llvm::Expected<CharsmapStep> readCharsmap(llvm::StringRef bytes, bool allKeys);

} // namespace lathe

#endif
