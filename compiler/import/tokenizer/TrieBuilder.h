// Builds the double-array tries of runtime/tokenizer/Tables.h.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_TRIEBUILDER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_TRIEBUILDER_H

#include "runtime/tokenizer/Tables.h"

#include "llvm/ADT/StringRef.h"
#include <map>
#include <string>
#include <vector>

namespace lathe {

/// Keys without NUL bytes, none empty, and their values. No keys give no units.
std::vector<TrieUnit> buildTrie(const std::map<std::string, uint32_t> &keys);

/// The node that `key` leads to, or trieNone.
uint32_t findTrieNode(const std::vector<TrieUnit> &trie, llvm::StringRef key);

} // namespace lathe

#endif
