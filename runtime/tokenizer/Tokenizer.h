// Text to token ids and back, by walking the tables that compiler/import/tokenizer wrote. Equal to Hugging Face's
// `tokenizers` in ids, offsets, truncation and decoding. No global state: any number of threads may share a Tokenizer.
#ifndef LATHE_RUNTIME_TOKENIZER_TOKENIZER_H
#define LATHE_RUNTIME_TOKENIZER_TOKENIZER_H

#include "lathe/abi.h"
#include "runtime/tokenizer/Tables.h"

namespace lathe {

template <typename T> struct TableView {
  const T *data;
  uint32_t count;
  const T &operator[](uint32_t i) const { return data[i]; }
};

/// See CharEntry.
struct CharMap {
  TableView<uint16_t> index;
  TableView<CharEntry> entries;
  TableView<CharElement> elements;
  /// `codePoint` must be below codePointLimit.
  CharEntry operator[](uint32_t codePoint) const {
    return entries[index[codePoint / charBlock] * charBlock + codePoint % charBlock];
  }
};

/// See ClassMapSections.
struct ClassMap {
  TableView<uint16_t> index;
  TableView<uint8_t> entries;
  uint8_t operator[](uint32_t codePoint) const {
    return entries[index[codePoint / charBlock] * charBlock + codePoint % charBlock];
  }
};

/// A view of validated tables; copying it is cheap, and the tables must outlive it.
struct Tokenizer {
  const TokenizerHeader *header;
  /// `properties` is the first of the maps that the normalizer may use.
  CharMap properties, lowerFirst;
  TableView<CharMapSections> charMaps;
  TableView<NormalizerRecord> normalizer;
  TableView<PreTokenizerRecord> preTokenizer;
  ClassMap classes;
  TableView<PatternNode> patterns;
  TableView<TrieUnit> charsmap, compositions, userSymbols, denormalizer;
  ClassMap graphemes;
  TableView<MergeRecord> merges;
  TableView<uint32_t> symbols;
  TableView<double> scores;
  TableView<uint32_t> byteTokens;
  TableView<TrieUnit> vocabulary, addedRaw, addedNormalized;
  TableView<AddedTokenRecord> added;
  TableView<TokenRecord> tokens, written; // `written` are decoded, mostly the same
  TableView<char> pool;
  TableView<TemplateItem> single, pair;
  TableView<TrieUnit> otherTokens;
  TableView<LanguageRecord> languages;
  uint32_t language; // the one that templates name, or noToken: they name none

  CharMap charMap(const CharMapSections &sections) const {
    return {view<uint16_t>(sections.index), view<CharEntry>(sections.entries), view<CharElement>(sections.elements)};
  }
  /// A section that was found to lie inside the tables.
  template <typename T> TableView<T> view(TableSection section) const {
    return {reinterpret_cast<const T *>(reinterpret_cast<const char *>(header) + section.offset), section.count};
  }
  bool has(uint32_t flag) const { return header->flags & flag; }
};

/// Checks every offset and index in the tables, so that no later call can leave them, whatever they hold.
/// `tables` must be 64-byte aligned; damaged ones give LATHE_BAD_WEIGHTS.
lathe_status openTokenizer(const void *tables, size_t bytes, Tokenizer &tokenizer, lathe_error *error);

/// Has `tokenizer` name another language of its in templates: by its code.
lathe_status chooseLanguage(Tokenizer &tokenizer, const char *code, lathe_error *error);
/// Writes at most `capacity` of its languages; returns how many there are.
size_t listLanguages(const Tokenizer &tokenizer, lathe_language *languages, size_t capacity);

/// Tokenizes one text or a pair (`pair` may be null) and adds the template's special tokens. `maxLength` counts those
/// too; 0 does not truncate. Invalid UTF-8 is an error that names the byte: silently replacing it would give an
/// embedding of something that nobody wrote. Time is linear in the text, whatever it is.
lathe_status tokenize(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text, const char *pair,
                      int64_t maxLength, lathe_truncation truncation, lathe_encoding *encoding, lathe_error *error);

/// The windows of at most `maxLength` tokens (0: one, of all) that a text is cut into, or of a pair the one that
/// `truncation` names; each repeats `stride` tokens of the one before, as `tokenizers` has them. `count` gets their
/// number; at most `capacity` are written, and none on an error.
lathe_status tokenizeWindows(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text,
                             const char *pair, int64_t maxLength, lathe_truncation truncation, int64_t stride,
                             lathe_encoding *windows, size_t capacity, size_t *count, lathe_error *error);

/// Releases what `tokenize` allocated and empties the encoding; one that is already empty is allowed.
void freeEncoding(const lathe_allocator &allocator, lathe_encoding *encoding);

/// The text of ids as the tokenizer's decoder gives it. Writes at most `capacity` bytes including the NUL; `length`
/// gets what the whole text needs without it. Ids beyond the vocabulary are left out, as `tokenizers` does (a model may
/// have more rows than tokens); negative ones are an error.
lathe_status detokenize(const Tokenizer &tokenizer, const int32_t *ids, size_t n, bool skipSpecialTokens, char *text,
                        size_t capacity, size_t *length, lathe_error *error);

/// The bytes that a token gives within a text, special ones like any other: no whole characters where several tokens
/// spell one. Writes at most `capacity`; returns how many there are, 0 for ids beyond the vocabulary.
size_t tokenBytes(const Tokenizer &tokenizer, int32_t id, char *bytes, size_t capacity);

/// Whether the text of ids, without special tokens, ends otherwise than it goes on: "a@@" becomes "ab" with a "b".
bool endsOpen(const Tokenizer &tokenizer, const int32_t *ids, size_t n);

/// The vocabulary's text of one id, or null.
const char *tokenText(const Tokenizer &tokenizer, int32_t id);

} // namespace lathe

#endif
