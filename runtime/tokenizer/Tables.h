// The format of compiled tokenizer tables: written by compiler/import/tokenizer, checked once by openTokenizer, then
// walked without further checks. Little endian; every section is found by its byte offset from the header, so the
// tables can lie anywhere that is 64-byte aligned.
//
//   text ── lowerFirst ──► split at added tokens (raw) ── normalizer's steps ──► split at added tokens (normalized)
//        ── pre-tokenizer's steps ──► words ── model ──► tokens ──► template of special tokens
//
// Each part is a list of steps or one of a few kinds, so that a new one is an enumerator here, a case in the reader
// that knows its name in files, a case in the walker, and a check in openTokenizer.
#ifndef LATHE_RUNTIME_TOKENIZER_TABLES_H
#define LATHE_RUNTIME_TOKENIZER_TABLES_H

#include <stdint.h>

namespace lathe {

inline constexpr char tokenizerMagic[8] = {'L', 'A', 'T', 'H', 'E', 'T', 'K', '4'};
inline constexpr uint32_t tokenizerAlignment = 64;
inline constexpr uint32_t codePointLimit = 0x110000;
/// What SentencePiece writes for a space: U+2581.
inline constexpr char spaceMark[] = "\xE2\x96\x81";

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
/// The token stands at the beginning of the text, or behind an added one that need not, and nowhere else; it goes on to
/// the next "<<" (as Marian's codes of languages that the vocabulary has none for: ">>xyz<<" is one unknown token).
inline constexpr uint32_t addedAtBegin = 8, addedToCodeEnd = 16;

/// Strings of one token, as offsets into the pool: the vocabulary's text, and what it decodes to at the end of the text
/// that the decoder looks at (DecoderKind) and elsewhere. Bit 31 of `text`: a special token, left out on request. Bit
/// 31 of `later`: what it decodes to is the byte of the number in the lower bits.
struct TokenRecord {
  uint32_t text, atEdge, later;
};
inline constexpr uint32_t tokenIsSpecial = 1u << 31, tokenIsByte = 1u << 31;

/// One place in the template: a special token's id, or a sequence.
struct TemplateItem {
  int32_t id; // templateFirst and templateSecond stand for the texts, templateLanguage for the language's token
  int32_t typeId;
};
inline constexpr int32_t templateFirst = -1, templateSecond = -2, templateLanguage = -3;

/// A language that texts are in, or are to be written in: its code, in the pool, and its token.
struct LanguageRecord {
  uint32_t code, id;
};

/// What a code point is to the patterns: entries[index[c / 128] * 128 + c % 128], a number below 64.
struct ClassMapSections {
  TableSection index;   // uint16_t[charBlocks]
  TableSection entries; // uint8_t
};
inline constexpr uint32_t maxClasses = 64;

/// A pattern (a regular expression, or a plain string) is a graph of nodes that a backtracking matcher walks. Edges
/// lead forward only, so a match takes no more levels of recursion than the pattern has nodes.
enum class PatternOp : uint32_t {
  Accept = 0,  // matched
  Set = 1,     // `least` to `most` code points whose classes are in `classes`, as many as possible; then `next`
  Either = 2,  // `next`, which begins with one of `classes` or needs nothing; if that fails, `other`
  Ahead = 3,   // a code point of `classes` follows; then `next`
  NotAhead = 4 // none of them follows, or the text ends; then `next`
};
struct PatternNode {
  uint64_t classes;
  PatternOp op;
  uint32_t next, other;
  uint32_t least, most; // of a Set; most == patternUnbounded has no limit
  uint32_t possessive;  // 1: a Set never gives back what it took
};
inline constexpr uint32_t patternUnbounded = ~0u;
/// Patterns have no more nodes than this, which bounds the matcher's stack.
inline constexpr uint32_t maxPatternNodes = 256;

enum class NormalizerKind : uint32_t {
  CharMap = 0,      // a: index of the map
  Replace = 1,      // a: first node of a pattern, b: what takes its place, in the pool
  Prepend = 2,      // b: text in the pool; a: 1: at the beginning of the whole text alone
  Strip = 3,        // a: bit 0 strips the beginning, bit 1 the end
  Charsmap = 4,     // SentencePiece's map of characters
  Compose = 5,      // a: index of the map that decomposes; what it leaves is composed
  SentencePiece = 6 // that library's own: a: spm* below. The only step
};
/// A mark before the text; single spaces, none at its ends; marks for spaces; the mark behind the text instead.
inline constexpr uint32_t spmAddsMark = 1, spmRemovesSpaces = 2, spmMarksSpaces = 4, spmMarksEnds = 8,
                          spmIsOneOfSteps = 16; // tokens' ends are those of their bytes, as other steps' text has them

struct NormalizerRecord {
  NormalizerKind kind;
  uint32_t a, b;
};

enum class PreTokenizerKind : uint32_t {
  Kinds = 0,       // words by the CharKind that the last step of the normalizer, a CharMap, gave them
  Split = 1,       // at the matches of a pattern. a: its first node, b: SplitBehavior, c: 1 inverts what a match is
  PrefixSpace = 2, // a space before a word that begins with none
  Metaspace = 3    // spaces become the text at `a` of the pool, which is put before words too. b: PrependScheme
};
struct PreTokenizerRecord {
  PreTokenizerKind kind;
  uint32_t a, b, c;
};
/// What becomes of a separator: removed, a word, or part of the word before or behind it; Contiguous joins neighbours.
enum class SplitBehavior : uint32_t { Removed = 0, Isolated = 1, WithPrevious = 2, WithNext = 3, Contiguous = 4 };
/// Which words get a prefix: none, all, or what stands at the text's beginning.
enum class PrependScheme : uint32_t { Never = 0, Always = 1, First = 2 };

/// What a code point is to grapheme clusters: Grapheme_Cluster_Break, with Extended_Pictographic and
/// Indic_Conjunct_Break.
enum class GraphemeClass : uint8_t {
  Other,
  Return,
  LineFeed,
  Control,
  Extend,
  Linker, // an Extend that joins consonants
  Joiner, // U+200D
  SpacingMark,
  Prepend,
  Regional,
  Pictograph,
  Consonant,
  HangulL,
  HangulV,
  HangulT,
  HangulLV,
  HangulLVT
};

enum class ModelKind : uint32_t { WordPiece = 0, Bpe = 1, Unigram = 2, WordLevel = 3 };

/// Two neighbouring symbols of BPE that become one. Symbols are numbered as the tokens that they are; more of them
/// stand behind the vocabulary where a symbol is no token, or shares one. The records are a hash table with open
/// addressing: a power of two of them, those with left == noToken unused, a pair found from slot mergeHash(left, right)
/// on.
struct MergeRecord {
  uint32_t left, right, rank, merged;
};
inline constexpr uint32_t noToken = ~0u;
constexpr uint32_t mergeHash(uint32_t left, uint32_t right) {
  uint64_t mixed = (uint64_t(left) << 32 | right) * 0x9E3779B97F4A7C15;
  return uint32_t(mixed >> 32);
}

/// Byte-level BPE spells bytes as characters: 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF as those of their number, all others
/// in order from U+0100 on.
inline constexpr uint32_t byteLevelSpace = 0x120;
constexpr bool isByteLevelPlain(uint32_t c) {
  return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF);
}
/// The byte that a character stands for, or -1.
constexpr int byteLevelByte(uint32_t c) {
  if (isByteLevelPlain(c))
    return int(c);
  if (c < 0x100 || c >= 0x144)
    return -1;
  c -= 0x100; // how many others stand before it
  return c < 0x21 ? int(c) : c < 0x43 ? int(c - 0x21 + 0x7F) : 0xAD;
}

enum class DecoderKind : uint32_t {
  Pieces = 0,    // TokenRecord's: the first token is different
  ByteLevel = 1, // each character of a token's text stands for a byte
  EndPieces = 2, // TokenRecord's: the last token is different
  /// TokenRecord's: tokens are different as long as nothing was given out; each byte that is none of a character is a
  /// U+FFFD.
  SentencePiece = 3
};

/// Keys of the denormalizer have no more bytes than this.
inline constexpr uint32_t maxDenormalizerKey = 64;

/// What a decoder takes away from the whole text: up to `most` times the code point.
struct DecoderStrip {
  uint32_t codePoint, most;
};

struct TokenizerHeader {
  char magic[8];
  uint32_t bytes;     // of the whole tables
  uint32_t flags;     // tokenizer* below
  uint32_t unknownId; // of what the model cannot spell, or noToken: that is left out
  ModelKind model;
  DecoderKind decoder;
  uint32_t maxWordChars;   // WordPiece: longer words are unknown
  uint32_t continuingNode; // the vocabulary's node behind the continuing prefix ("##"), or trieNone
  uint32_t wordEnd;        // BPE: in the pool, what is put behind words ("</w>")
  double unknownScore;     // Unigram: of a code point that no token spells
  DecoderStrip stripsBegin, stripsEnd;
  TableSection charMaps;     // CharMapSections; the first has the properties for added tokens, whatever the steps
  TableSection normalizer;   // NormalizerRecord
  TableSection preTokenizer; // PreTokenizerRecord
  ClassMapSections classes;
  TableSection patterns;      // PatternNode
  TableSection charsmap;      // TrieUnit; values are places in the pool
  TableSection userSymbols;   // TrieUnit: what SentencePiece's normalizer and models leave whole; values are ids
  TableSection denormalizer;  // TrieUnit, of what decoding replaces; values are places in the pool
  TableSection compositions;  // TrieUnit: two code points, and what they make; empty without a Compose step
  ClassMapSections graphemes; // GraphemeClass; empty without a Charsmap step
  CharMapSections lowerFirst; // empty unless tokenizerLowersFirst
  TableSection vocabulary;    // TrieUnit; values are ids, of BPE twice the id and 1 where the word is that token
  TableSection merges;        // MergeRecord
  TableSection symbols;       // uint32_t: of BPE's symbols numbered from the vocabulary's size on, the tokens
  TableSection scores;        // double, by id: of Unigram
  TableSection byteTokens;    // uint32_t[256]: the token of a single byte or noToken; empty where the model needs none.
                              // Where a word's end is marked and symbols are bytes, [512]: those of last bytes behind
  TableSection addedRaw;      // TrieUnit, found in the text as given; values index `added`
  TableSection addedNormalized; // TrieUnit, found in the normalized text
  TableSection added;           // AddedTokenRecord
  TableSection tokens;          // TokenRecord, by id
  TableSection written;         // the same for decoding where models write other ids than they read; else empty
  TableSection pool;            // char; the last one is NUL
  TableSection single, pair;    // TemplateItem
  /// Ids from here on are the model's alone: text that they spell is unknown. Below this one is what a text may get.
  uint32_t givenTokens;
  TableSection otherTokens; // TrieUnit: tokens that no text is cut into, but what is unknown may be; values: ids
  TableSection languages;   // LanguageRecord; empty where the template names none
  uint32_t language, targetLanguage; // which of them, or noToken: unless told otherwise
};

inline constexpr uint32_t tokenizerLowersFirst = 1;   // sentence-transformers' do_lower_case
inline constexpr uint32_t tokenizerTruncatesLeft = 2; // truncation keeps the end of a text
/// Offsets leave out the spaces that a token begins or ends with; and the space that was put before a text counts as
/// none of them.
inline constexpr uint32_t tokenizerTrimsOffsets = 4, tokenizerTrimsAfterPrefix = 8;
inline constexpr uint32_t bpeIsByteLevel = 16;   // symbols are bytes, else code points
inline constexpr uint32_t bpeFusesUnknown = 32;  // neighbours that are unknown become one token
inline constexpr uint32_t fallsBackToBytes = 64; // what is unknown becomes the tokens of its bytes, where all exist
/// As SentencePiece does it: scores are added up in single precision, and what is unknown stays so when joined; a token
/// ends where the next one begins; of the tokens that differ at the beginning only the first one with a mark does.
inline constexpr uint32_t unigramAddsFloats = 128, tokenizerEndsAtNext = 256, decoderDropsOnce = 512;
inline constexpr uint32_t wordLevelFusesUnknown = 1024; // neighbours that are unknown become one token
inline constexpr uint32_t decoderStripsSpaces = 2048;   // whitespace at the ends of the text, as Python has it
/// All places of a pair are merged before what they make is looked at; else the best pair is looked for after each.
inline constexpr uint32_t bpeMergesInRounds = 4096;

} // namespace lathe

#endif
