// The parts of tables that a BPE model has alone.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_BPETABLES_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_BPETABLES_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

#include <map>

namespace lathe {

/// The text that each of the model's symbols matches, and its value in the trie (twice its number): of byte-level
/// models the bytes that a token spells. Tokens that no text can give (with U+0000, or with characters that spell no
/// byte) have none.
std::map<std::string, uint32_t> bpeKeys(const BpeModel &model, const TokenizerSpec &spec);

/// The hash table of merges.
std::vector<MergeRecord> bpeMerges(const BpeModel &model, const TokenizerSpec &spec);

/// The tokens of single bytes: of a byte-level vocabulary, with those that end words behind the others where it marks
/// these; and those that stand in for what another cannot spell.
std::vector<uint32_t> byteLevelTokens(const BpeModel &model, const TokenizerSpec &spec);
std::vector<uint32_t> byteFallbackTokens(const TokenizerSpec &spec);

/// Marks in finished `tables` the keys that the merges give back as the one token which they spell, so that most words
/// are looked up once and never merged.
llvm::Error markWholeWords(const BpeModel &model, const std::map<std::string, uint32_t> &keys,
                           std::vector<uint8_t> &tables);

} // namespace lathe

#endif
