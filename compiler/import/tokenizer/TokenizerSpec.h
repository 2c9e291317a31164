// What a tokenizer is, whichever files describe it: the readers give this, WriteTables compiles it.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERSPEC_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_TOKENIZERSPEC_H

#include "runtime/tokenizer/Tables.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lathe {

/// What a normalizer does to each code point by itself. Steps that follow each other are one table.
enum class CharStep {
  CleanText,           // drop controls, U+0000 and U+FFFD; whitespace becomes a space
  CleanForNmt,         // the Nmt normalizer: drop some controls; others, and what has no width, become a space
  SpaceChinese,        // a space on both sides of each ideograph
  Decompose,           // NFD
  DecomposeCompatibly, // NFKD
  DropNonspacingMarks, // BertNormalizer's strip_accents, behind Decompose
  DropCombiningMarks,  // the StripAccents normalizer
  Lowercase
};

/// A regular expression, or a plain string.
struct Pattern {
  std::string text;
  bool isLiteral = false;
};

struct ReplaceStep {
  Pattern pattern;
  std::string content;
};
struct PrependStep {
  std::string content;
  bool onlyFirst = false; // not behind an added token
};
struct StripStep {
  bool left = false, right = false;
};
/// SentencePiece's map of characters.
struct CharsmapStep {
  std::map<std::string, std::string> replacements;
};
/// NFC, or NFKC.
struct ComposeStep {
  bool isCompatible = false;
};
/// SentencePiece's own normalizer, which takes the longest key.
struct SentencePieceStep {
  CharsmapStep charsmap;
  uint32_t flags = 0; // spm* of Tables.h
};
using CharSteps = std::vector<CharStep>;
using NormalizerStep =
    std::variant<CharSteps, ReplaceStep, PrependStep, StripStep, CharsmapStep, ComposeStep, SentencePieceStep>;

/// How text is cut into words by what each code point is: the pre-tokenizers that BERT's kind of model uses, and
/// sequences of them, all come down to this.
struct KindsStep {
  bool splitsSpaces = false;        // whitespace separates words
  bool isolatesPunctuation = false; // each punctuation mark is a word
  bool separatesSymbols = false;    // runs of \w and runs of other characters are different words
};
struct SplitStep {
  Pattern pattern;
  SplitBehavior behavior = SplitBehavior::Isolated;
  bool isInverted = false;
};
struct PrefixSpaceStep {};
struct MetaspaceStep {
  std::string replacement;
  PrependScheme scheme = PrependScheme::Always;
};
using PreTokenizerStep = std::variant<KindsStep, SplitStep, PrefixSpaceStep, MetaspaceStep>;

struct WordPieceModel {
  std::string unknown = "[UNK]", continuingPrefix = "##";
  uint32_t maxWordChars = 100;
};
struct BpeModel {
  std::optional<std::string> unknown;
  std::string continuingPrefix, wordEnd;
  /// The vocabulary spells bytes as characters (Tables.h), and so words are seen.
  bool isByteLevel = false;
  bool fusesUnknown = false, fallsBack = false, ignoresMerges = false;
  std::vector<std::pair<std::string, std::string>> merges; // by rank
  std::vector<uint32_t> ranks;                             // of the merges where some are equal; else empty
  bool mergesInRounds = false;                             // see bpeMergesInRounds
  /// Where symbols are not spelled as tokens are: their numbers by text, and the tokens of those that are numbered from
  /// the vocabulary's size on (MergeRecord).
  std::map<std::string, uint32_t> symbols;
  std::vector<uint32_t> symbolTokens;
};
struct UnigramModel {
  std::string unknown;
  uint32_t unknownId = 0;
  bool fallsBack = false;
  std::vector<double> scores; // by id
  /// As SentencePiece itself does it (unigramAddsFloats); the score of what is unknown, where the model has its own.
  bool addsFloats = false;
  std::optional<double> unknownScore;
};
/// A word is a token, or unknown.
struct WordLevelModel {
  std::string unknown;
  bool fusesUnknown = false;
};
using Model = std::variant<WordPieceModel, BpeModel, UnigramModel, WordLevelModel>;

struct AddedToken {
  std::string content;
  uint32_t id = 0;
  bool special = false, singleWord = false, stripsLeft = false, stripsRight = false;
  bool normalized = false;                 // matched behind the normalizer, against its own normalized content
  bool atBegin = false, toCodeEnd = false; // see addedAtBegin
};

/// Tokens joined by spaces.
struct SpacesDecoder {};
struct WordPieceDecoder {
  std::string prefix = "##";
  bool cleansUp = true;
};
struct ByteLevelDecoder {};
/// Marks become spaces, but that the first token has none when texts get one as a prefix.
struct MetaspaceDecoder {
  std::string replacement;
  bool dropsFirst = true;
};
/// What ends a word becomes a space, but that the last token's vanishes.
struct BpeDecoder {
  std::string suffix;
};
/// Tokens joined by spaces; a mark before one vanishes with it; no whitespace is left at the text's ends. CTRL's.
struct OpenEndsDecoder {
  std::string mark;
};
/// In each token, or where a Fuse came before in the whole text: a string becomes another; up to `begin` and `end`
/// times a character at the ends goes.
struct ReplaceDecoder {
  std::string from, to;
};
struct StripDecoder {
  std::string character;
  uint32_t begin = 0, end = 0;
};
/// Tokens of bytes ("<0x0A>") become what the bytes next to each other spell.
struct ByteFallbackDecoder {};
/// All tokens become one.
struct FuseDecoder {};
/// SentencePiece's own: control pieces are nothing, bytes make characters, marks are spaces; at the beginning of the
/// text the first mark (or all of them) goes.
struct SentencePieceDecoder {
  std::string unknownText;
  std::vector<uint8_t> types;                      // PieceType by id
  std::map<std::string, std::string> replacements; // in the decoded text, the longest keys first
  bool dropsMark = true, dropsAll = true;
  bool stripsSpaces = false; // at the text's ends no whitespace is left
};
using DecoderStep =
    std::variant<SentencePieceDecoder, SpacesDecoder, WordPieceDecoder, ByteLevelDecoder, MetaspaceDecoder, BpeDecoder,
                 OpenEndsDecoder, ReplaceDecoder, StripDecoder, ByteFallbackDecoder, FuseDecoder>;
using Decoder = std::vector<DecoderStep>;

/// A language's code and the token that stands for it.
struct Language {
  std::string code;
  uint32_t id = 0;
};

struct TokenizerSpec {
  std::vector<std::string> vocabulary;  // by id, added tokens included
  llvm::StringMap<uint32_t> ids;        // the same, by text
  std::vector<bool> isHidden;           // by id: the model has it, but no text gives it; or empty
  std::vector<std::string> userSymbols; // of SentencePiece: tokens that nothing changes or cuts
  uint32_t modelTokens = 0;             // ids below this are the model's own; added tokens beyond are not the model's
  std::optional<uint32_t> givenTokens;  // ids from here on are never given out: text that they spell is unknown
  std::vector<std::string> otherTokens; // what is unknown to the model, but has a token if a run of it spells one
  Model model;
  std::vector<NormalizerStep> normalizer;
  std::vector<PreTokenizerStep> preTokenizer;
  std::vector<AddedToken> added;
  std::vector<TemplateItem> single, pair;
  std::vector<Language> languages;                     // of which templates name one, see templateLanguage
  std::optional<uint32_t> language, targetLanguage;    // which by default, of `languages`
  bool trimsOffsets = false, trimsAfterPrefix = false; // see tokenizerTrimsOffsets
  bool endsAtNext = false;                             // see tokenizerEndsAtNext
  Decoder decoder = {WordPieceDecoder{}};
  std::vector<std::string> written; // what is decoded, by id, where models write other ids than they read; else empty
  bool lowersFirst = false, truncatesLeft = false;
  uint32_t truncationLength = 0; // tokenizer.json's own; 0: none

  /// Whether text may give the model's token.
  bool isMatched(uint32_t id) const { return id < modelTokens && (isHidden.empty() || !isHidden[id]); }
  std::optional<uint32_t> idOf(llvm::StringRef token) const {
    auto found = ids.find(token);
    return found == ids.end() ? std::nullopt : std::optional<uint32_t>(found->second);
  }

  /// The token of what the model cannot spell.
  std::optional<std::string> unknown() const;

  /// [CLS] A [SEP] B [SEP], the second text of type 1; ids are given as (cls, sep).
  void setBertTemplate(std::pair<int32_t, int32_t> ids);
  /// <s> A </s></s> B </s>, all of type 0.
  void setRobertaTemplate(std::pair<int32_t, int32_t> ids);
};

/// BertNormalizer's steps.
struct BertNormalizerFlags {
  bool cleanText = true, handleChineseChars = true, lowercase = true;
  std::optional<bool> stripAccents; // as `lowercase` when not given
};
CharSteps bertNormalizer(const BertNormalizerFlags &flags);

/// GPT-2's own pattern, which ByteLevel stands for.
inline constexpr const char *gpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// The token that stands for a byte of what the vocabulary cannot spell otherwise: "<0x0A>".
std::string byteFallbackToken(uint8_t byte);

/// What two tokens of BPE become: the second without its prefix.
std::string mergedToken(const BpeModel &model, const std::pair<std::string, std::string> &merge);
/// What is wrong with a BPE model's merges: each joins two tokens of the vocabulary to a third. Or nothing.
std::optional<std::string> findMergeProblem(const BpeModel &model, const TokenizerSpec &spec);

/// A pattern of what isPunctuation (UnicodeData.h) tells; \p{P} of patterns is newer and knows no ASCII symbols.
inline constexpr const char *punctuationPattern = "\\p{BertPunctuation}";

/// What tokenizer_config.json and special_tokens_map.json say; every field is optional there.
struct TokenizerConfig {
  std::string tokenizerClass; // empty: no file says
  std::string classOrigin;    // what said so: "tokenizer_config.json"
  std::optional<bool> lowercase, handleChineseChars;
  std::optional<std::optional<bool>> stripAccents; // given as null is different from not given
  std::optional<bool> truncatesLeft;
  std::optional<bool> givesTypes; // model_input_names has token_type_ids
  std::optional<bool> addsPrefixSpace;
  std::optional<bool> keepsAccents, splitsPunctuation, isLegacy; // of SentencePiece's classes
  std::optional<uint32_t> extraIds, offset;                      // of T5's class, and of PEGASUS's
  std::optional<bool> addsBeginning, addsEnd;                    // tokens around texts, of GPT-2's and Llama's
  std::optional<std::string> sourceLanguage, targetLanguage;     // of translators
  std::optional<std::string> languageCodes;                      // M2M-100's: which list of them
  bool hasLegacyBehaviour = false;                               // NLLB's: the language stands behind
  bool hasSeparateVocabularies = false;                          // Marian's
  bool hasNoMaskSentence = false;                                // PEGASUS's maskSentence is given, as null
  uint32_t modelMaxLength = 0;                                   // 0: none
  /// Where no file names them, each class has its own.
  std::optional<AddedToken> unknown, separator, padding, classification, mask, maskSentence, beginning, end;
  std::vector<AddedToken> additional; // other special tokens
  std::vector<AddedToken> byId;       // added_tokens_decoder, by id
};

/// The class without "Fast": both kinds give the same ids.
llvm::StringRef tokenizerClassOf(const TokenizerConfig &config);

llvm::Expected<TokenizerConfig> readTokenizerConfig(llvm::StringRef directory);
llvm::Expected<TokenizerSpec> readTokenizerJson(llvm::StringRef path, const TokenizerConfig &config);
llvm::Expected<TokenizerSpec> readVocabularyText(llvm::StringRef path, const TokenizerConfig &config);
/// vocab.json, with merges.txt or, of some translators, SentencePiece's models beside it.
llvm::Expected<TokenizerSpec> readVocabularyJson(llvm::StringRef path, const TokenizerConfig &config);
/// What the tokenizer's class in Transformers puts around texts whatever the vocabulary's file says: a language's
/// token, or those that begin and end a text. Most classes put nothing there.
llvm::Error setClassTemplate(TokenizerSpec &spec, const TokenizerConfig &config, llvm::StringRef path);

/// SentencePiece's .model: by the tokenizer's class, or as the library itself where no file names one.
llvm::Expected<TokenizerSpec> readSentencePiece(llvm::StringRef path, const TokenizerConfig &config);

/// The tables of runtime/tokenizer/Tables.h. The same spec gives the same bytes. `path` is named in errors.
llvm::Expected<std::vector<uint8_t>> writeTables(const TokenizerSpec &spec, llvm::StringRef path);

} // namespace lathe

#endif
