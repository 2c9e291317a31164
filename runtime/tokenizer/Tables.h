// The format of compiled tokenizer tables: written by compiler/import/tokenizer, checked once by openTokenizer, then
// walked without further checks. Little endian; every section is found by its byte offset from the header, so the
// tables can lie anywhere that is 64-byte aligned.
//
//   text ── lowerFirst ──► split at added tokens (raw) ── normalizer ──► split at added tokens (normalized)
//        ──► words by kind ──► longest matches in the vocabulary trie ──► template of special tokens
#ifndef LATHE_RUNTIME_TOKENIZER_TABLES_H
#define LATHE_RUNTIME_TOKENIZER_TABLES_H

#include <stdint.h>

namespace lathe {

inline constexpr char tokenizerMagic[8] = {'L', 'A', 'T', 'H', 'E', 'T', 'K', '1'};
inline constexpr uint32_t tokenizerAlignment = 64;
inline constexpr uint32_t codePointLimit = 0x110000;

/// `count` elements, `offset` bytes from the header.
struct TableSection {
  uint32_t offset, count;
};

/// How the pre-tokenizer sees a code point. Neighbours of one kind form a word; an Isolated one is a word of its own; a
/// Space separates and is removed. Continuation marks the bytes of a code point behind its first.
enum class CharKind : uint8_t { Word = 0, Symbol = 1, Isolated = 2, Space = 3, Continuation = 4 };

/// What a map does with a code point.
enum class CharAction : uint8_t {
  Copy = 0,   // becomes itself plus `value`
  Drop = 1,   // vanishes, as if it had not been written
  Expand = 2, // becomes the elements at index `value`: their number, then CharElements
  Spaced = 3, // becomes a space, itself plus `value`, and a space: 90,000 ideographs, which need no list each
  Hangul = 4  // becomes its two or three jamo, as the Unicode Standard computes them
};

/// One code point in a CharMap, two-stage: entries[index[c / 128] * 128 + c % 128].
///   bits 0-2 CharAction; 3-4 kind of what Copy and Spaced give; 5-6 kind of the code point itself, when it is
///   somebody's output; 7-8 two properties, below; 9-31 value, signed.
using CharEntry = uint32_t;
inline constexpr uint32_t charBlock = 128;
inline constexpr uint32_t charBlocks = codePointLimit / charBlock;
constexpr CharAction charAction(CharEntry entry) { return CharAction(entry & 7); }
constexpr CharKind charOutputKind(CharEntry entry) { return CharKind(entry >> 3 & 3); }
constexpr CharKind charOwnKind(CharEntry entry) { return CharKind(entry >> 5 & 3); }
constexpr int32_t charValue(CharEntry entry) { return int32_t(entry) >> 9; }
constexpr CharEntry makeCharEntry(CharAction action, uint32_t value = 0) { return value << 9 | CharEntry(action); }
constexpr CharEntry withOutputKind(CharKind kind) { return CharEntry(kind) << 3; }
constexpr CharEntry withOwnKind(CharKind kind) { return CharEntry(kind) << 5; }

/// In the normalizer: a regular expression's \w and \s, for the edges of added tokens.
/// In the map that lower-cases first: Cased and Case_Ignorable, for the final sigma.
inline constexpr CharEntry charIsWord = 1u << 7, charIsSpace = 1u << 8;
inline constexpr CharEntry charIsCased = 1u << 7, charIsCaseIgnorable = 1u << 8;

/// One output of a decomposition: bits 0-20 the code point, 21-28 its canonical combining class, 29 inserted (not the
/// first of its decomposition), 30 dropped after reordering. What is dropped is still listed where it takes part in
/// reordering, because reordering decides which input each output is aligned with.
using CharElement = uint32_t;
inline constexpr CharElement elementInserted = 1u << 29, elementDropped = 1u << 30;
constexpr uint32_t elementCodePoint(CharElement element) { return element & 0x1FFFFF; }
constexpr uint32_t elementClass(CharElement element) { return element >> 21 & 0xFF; }

struct CharMapSections {
  TableSection index;    // uint16_t[charBlocks]
  TableSection entries;  // CharEntry
  TableSection elements; // uint32_t: lists of CharElement, each behind its length
};

/// A trie over bytes as a double array: one step is one load and one comparison, whatever the fan-out, which is why it
/// was chosen over smaller forms. The child of `node` at byte c is base ^ c where that unit's `check` is `node`.
/// A node that ends a key has trieKeyEnds set; the value is then `base` of its child at byte 0, so keys hold no NUL.
/// The root is unit 0; the number of units is a multiple of 256.
struct TrieUnit {
  uint32_t base, check;
};
inline constexpr uint32_t trieKeyEnds = 1u << 31, trieNone = ~0u;

/// A token matched in the text as a whole, before words are formed.
struct AddedTokenRecord {
  uint32_t id, flags;
};
inline constexpr uint32_t addedSingleWord = 1, addedStripsLeft = 2, addedStripsRight = 4;

/// Strings of one token, as offsets into the pool: the vocabulary's text, and what it decodes to as the first and as a
/// later one. Bit 31 of `text`: a special token, left out on request.
struct TokenRecord {
  uint32_t text, first, later;
};
inline constexpr uint32_t tokenIsSpecial = 1u << 31;

/// One place in the template: a special token's id, or a sequence.
struct TemplateItem {
  int32_t id; // templateFirst and templateSecond stand for the texts
  int32_t typeId;
};
inline constexpr int32_t templateFirst = -1, templateSecond = -2;

struct TokenizerHeader {
  char magic[8];
  uint32_t bytes;          // of the whole tables
  uint32_t flags;          // tokenizer* below
  uint32_t unknownId;      // of words that the vocabulary cannot spell
  uint32_t maxWordChars;   // longer words are unknown
  uint32_t continuingNode; // the vocabulary's node behind the continuing prefix ("##"), or trieNone
  uint32_t reserved;       // 0
  CharMapSections normalizer;
  CharMapSections lowerFirst;   // empty unless tokenizerLowersFirst
  TableSection vocabulary;      // TrieUnit; values are ids
  TableSection addedRaw;        // TrieUnit, found in the text as given; values index `added`
  TableSection addedNormalized; // TrieUnit, found in the normalized text
  TableSection added;           // AddedTokenRecord
  TableSection tokens;          // TokenRecord, by id
  TableSection pool;            // char; the last one is NUL
  TableSection single, pair;    // TemplateItem
};

inline constexpr uint32_t tokenizerLowersFirst = 1;   // sentence-transformers' do_lower_case
inline constexpr uint32_t tokenizerTruncatesLeft = 2; // truncation keeps the end of a text

} // namespace lathe

#endif
