#include "compiler/import/tokenizer/BpeTables.h"

#include "compiler/import/tokenizer/HeapAllocator.h"
#include "runtime/tokenizer/Bpe.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemAlloc.h"
#include <memory>

using namespace lathe;

/// The bytes that a byte-level token spells, or nothing.
static std::optional<std::string> spelledBytes(llvm::StringRef token) {
  std::string bytes;
  uint32_t codePoint;
  for (const char *at = token.begin(); at < token.end();) {
    unsigned length = decodeUtf8(at, token.end(), codePoint);
    int byte = length ? byteLevelByte(codePoint) : -1;
    if (byte < 0)
      return std::nullopt;
    bytes += char(byte);
    at += length;
  }
  return bytes;
}

std::map<std::string, uint32_t> lathe::bpeKeys(const BpeModel &model, const TokenizerSpec &spec) {
  std::map<std::string, uint32_t> keys;
  for (const auto &[text, symbol] : model.symbols)
    keys.emplace(text, 2 * symbol);
  if (!keys.empty())
    return keys;
  for (uint32_t id = 0; id < spec.modelTokens; ++id) {
    if (!spec.isMatched(id))
      continue;
    std::optional<std::string> key = spec.vocabulary[id];
    if (model.isByteLevel)
      key = spelledBytes(*key);
    if (key && !key->empty() && key->find('\0') == std::string::npos)
      keys.emplace(std::move(*key), 2 * id);
  }
  return keys;
}

std::vector<MergeRecord> lathe::bpeMerges(const BpeModel &model, const TokenizerSpec &spec) {
  if (model.merges.empty())
    return {};
  auto symbolOf = [&](const std::string &text) {
    return model.symbols.empty() ? *spec.idOf(text) : model.symbols.at(text);
  };
  // At most two thirds full: what is not found, the usual case, is soon seen.
  std::vector<MergeRecord> table(llvm::NextPowerOf2(model.merges.size() * 3 / 2), {noToken, noToken, 0, 0});
  for (auto [rank, merge] : llvm::enumerate(model.merges)) {
    MergeRecord record = {symbolOf(merge.first), symbolOf(merge.second),
                          model.ranks.empty() ? uint32_t(rank) : model.ranks[rank],
                          symbolOf(mergedToken(model, merge))};
    size_t slot = mergeHash(record.left, record.right) & (table.size() - 1);
    auto isFree = [&](const MergeRecord &other) {
      return other.left == noToken || (other.left == record.left && other.right == record.right);
    };
    while (!isFree(table[slot]))
      slot = (slot + 1) & (table.size() - 1);
    table[slot] = record; // of two for one pair the later counts, as in `tokenizers`
  }
  return table;
}

std::vector<uint32_t> lathe::byteLevelTokens(const BpeModel &model, const TokenizerSpec &spec) {
  const bool marksEnds = !model.wordEnd.empty();
  std::vector<uint32_t> tokens(marksEnds ? 512 : 256, noToken);
  auto add = [&](llvm::StringRef text, size_t first, uint32_t id) {
    if (std::optional<std::string> bytes = spelledBytes(text); bytes && bytes->size() == 1)
      tokens[first + uint8_t((*bytes)[0])] = id;
  };
  for (uint32_t id = 0; id < spec.modelTokens; ++id) {
    llvm::StringRef text = spec.vocabulary[id];
    add(text, 0, id);
    if (marksEnds && text.consume_back(model.wordEnd))
      add(text, 256, id);
  }
  return tokens;
}

std::vector<uint32_t> lathe::byteFallbackTokens(const TokenizerSpec &spec) {
  std::vector<uint32_t> tokens(256, noToken);
  for (unsigned byte = 0; byte < 256; ++byte)
    if (std::optional<uint32_t> id = spec.idOf(byteFallbackToken(uint8_t(byte))); id && *id < spec.modelTokens)
      tokens[byte] = *id;
  return tokens;
}

llvm::Error lathe::markWholeWords(const BpeModel &model, const std::map<std::string, uint32_t> &keys,
                                  std::vector<uint8_t> &tables) {
  std::unique_ptr<void, void (*)(void *)> aligned(aligned_alloc(64, llvm::alignTo(tables.size(), 64)), free);
  if (!aligned)
    return llvm::createStringError("no memory for tables of " + llvm::Twine(tables.size()) + " bytes");
  memcpy(aligned.get(), tables.data(), tables.size());
  Tokenizer tokenizer;
  lathe_error error = {};
  if (openTokenizer(aligned.get(), tables.size(), tokenizer, &error))
    return llvm::createStringError(error.message);
  TrieUnit *units = reinterpret_cast<TrieUnit *>(tables.data() + tokenizer.header->vocabulary.offset);
  lathe_allocator allocator = heapAllocator();
  Bpe bpe(tokenizer, allocator);
  MappedText text(allocator);
  Buffer<Token> tokens(allocator);
  for (const auto &[key, value] : keys) {
    uint32_t node = trieWalk(tokenizer.vocabulary, 0, key.data(), key.data() + key.size());
    bool isWhole = model.ignoresMerges;
    llvm::StringRef word = key;
    if (!isWhole && word.consume_back(model.wordEnd) && !word.empty()) {
      text.clear();
      text.append(word.data(), word.size(), 0);
      tokens.size = 0;
      TokenSink sink = {tokenizer, &text, tokens};
      bpe.merge({0, word.size()}, sink);
      isWhole = tokens.size == 1 && uint32_t(tokens.data[0].id) == tokenOfSymbol(tokenizer, value / 2);
    }
    if (isWhole)
      units[units[node].base & ~trieKeyEnds].base |= 1;
  }
  if (bpe.failed() || text.failed() || tokens.failed)
    return llvm::createStringError("no memory for the longest token");
  return llvm::Error::success();
}
