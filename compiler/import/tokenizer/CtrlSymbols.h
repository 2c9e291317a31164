// CTRL's symbols. Merges join those of subword-nmt, the last of a word with "</w>" behind it; the vocabulary has that
// one as it is, and all others with "@@" behind them.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_CTRLSYMBOLS_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_CTRLSYMBOLS_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

inline constexpr char ctrlMark[] = "@@";

/// Numbers what merges join and make, and the vocabulary's characters. A symbol that is no token becomes the unknown
/// one only when no merge took it up, so it has a number of its own; so has the second of two that are one token. All
/// tokens must be in `spec`; `mergesPath` is named in errors.
llvm::Error setCtrlSymbols(BpeModel &model, const TokenizerSpec &spec, llvm::StringRef mergesPath);

} // namespace lathe

#endif
