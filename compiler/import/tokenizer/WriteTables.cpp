// A TokenizerSpec to the bytes that the runtime walks.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/BpeTables.h"
#include "compiler/import/tokenizer/CharMapBuilder.h"
#include "compiler/import/tokenizer/DecodeTokens.h"
#include "compiler/import/tokenizer/HeapAllocator.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/PatternCompiler.h"
#include "compiler/import/tokenizer/TableBlob.h"
#include "compiler/import/tokenizer/TrieBuilder.h"
#include "compiler/import/tokenizer/UnicodeData.h"
#include "runtime/tokenizer/Normalize.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

/// Three times what the largest vocabularies have, and small enough for all offsets into the tables and for the memory
/// that building a trie takes.
static constexpr size_t maxTextBytes = 16 << 20;

namespace {
template <typename... Functions> struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions> Overloaded(Functions...) -> Overloaded<Functions...>;

/// Writes one tokenizer, section by section.
class TableWriter {
public:
  TableWriter(const TokenizerSpec &spec, llvm::StringRef path) : spec(spec), path(path) {}
  llvm::Expected<std::vector<uint8_t>> write();

private:
  llvm::Error collectTokens(const std::vector<std::string> &tokens, std::vector<TokenRecord> &into);
  llvm::Error writeSteps();
  void writeModel();
  llvm::Error writeAddedTokens();
  std::optional<std::string> normalize(const std::string &content) const;
  uint32_t addPattern(const Pattern &pattern) {
    patterns.push_back(pattern);
    return uint32_t(patterns.size() - 1);
  }

  const TokenizerSpec &spec;
  llvm::StringRef path;
  TableBlob blob;
  TokenizerHeader header = {};
  StringPool pool;
  std::vector<TokenRecord> records, written;
  std::map<std::string, uint32_t> keys; // of the vocabulary's trie
  std::vector<Pattern> patterns;
  PatternTables patternTables;
  std::vector<CharMapTable> charMaps;
  std::vector<NormalizerRecord> normalizer;
  std::map<std::string, uint32_t> charsmapKeys;
  std::vector<TrieUnit> charsmap, composition;
  ClassMapTable graphemes;
};
} // namespace

/// Two code points, and what they make.
static std::vector<TrieUnit> buildCompositions() {
  std::map<std::string, uint32_t> keys;
  for (const Composition &composition : compositions()) {
    char bytes[8];
    unsigned size = encodeUtf8(composition.first, bytes);
    size += encodeUtf8(composition.second, bytes + size);
    keys.emplace(std::string(bytes, size), composition.both);
  }
  return buildTrie(keys);
}

llvm::Error TableWriter::collectTokens(const std::vector<std::string> &tokens, std::vector<TokenRecord> &into) {
  size_t textBytes = 0;
  for (auto [id, token] : llvm::enumerate(tokens)) {
    if (token.find('\0') != std::string::npos)
      return fileError(path, "token " + llvm::Twine(id) + " contains U+0000; tokens may hold any other character");
    if ((textBytes += token.size()) > maxTextBytes)
      return fileError(path, "the vocabulary's tokens have more than " + llvm::Twine(maxTextBytes) + " bytes in all");
    DecodedToken decoded = decodeToken(spec.decoder, token, uint32_t(id));
    into.push_back(pool.add(token, decoded.atEdge, decoded.later));
    if (decoded.byte)
      into.back().later = tokenIsByte | *decoded.byte;
  }
  return llvm::Error::success();
}

/// The normalizer's and the pre-tokenizer's steps, and the tables that they refer to.
llvm::Error TableWriter::writeSteps() {
  std::vector<NormalizerStep> steps = spec.normalizer;
  KindsStep kinds;
  if (!spec.preTokenizer.empty() && std::holds_alternative<KindsStep>(spec.preTokenizer[0])) {
    kinds = std::get<KindsStep>(spec.preTokenizer[0]);
    if (steps.empty() || !std::holds_alternative<CharSteps>(steps.back()))
      steps.push_back(CharSteps()); // changes nothing, but says of what kind everything is
  }
  for (auto [i, step] : llvm::enumerate(steps)) {
    bool isLast = i + 1 == steps.size();
    normalizer.push_back(std::visit(
        Overloaded{[&](const CharSteps &chars) -> NormalizerRecord {
                     charMaps.push_back(buildNormalizerMap(chars, isLast ? kinds : KindsStep()));
                     return {NormalizerKind::CharMap, uint32_t(charMaps.size() - 1), 0};
                   },
                   [&](const ReplaceStep &replace) -> NormalizerRecord {
                     return {NormalizerKind::Replace, addPattern(replace.pattern), pool.intern(replace.content)};
                   },
                   [&](const PrependStep &prepend) -> NormalizerRecord {
                     return {NormalizerKind::Prepend, prepend.onlyFirst, pool.intern(prepend.content)};
                   },
                   [&](const CharsmapStep &step) -> NormalizerRecord {
                     for (const auto &[key, text] : step.replacements)
                       charsmapKeys.emplace(key, pool.intern(text));
                     charsmap = buildTrie(charsmapKeys);
                     graphemes = buildGraphemeMap();
                     return {NormalizerKind::Charsmap, 0, 0};
                   },
                   [&](const SentencePieceStep &step) -> NormalizerRecord {
                     for (const auto &[key, text] : step.charsmap.replacements)
                       charsmapKeys.emplace(key, pool.intern(text));
                     charsmap = buildTrie(charsmapKeys);
                     return {NormalizerKind::SentencePiece, step.flags, 0};
                   },
                   [&](const ComposeStep &compose) -> NormalizerRecord {
                     charMaps.push_back(buildNormalizerMap(
                         {compose.isCompatible ? CharStep::DecomposeCompatibly : CharStep::Decompose}, {}));
                     if (composition.empty())
                       composition = buildCompositions();
                     return {NormalizerKind::Compose, uint32_t(charMaps.size() - 1), 0};
                   },
                   [&](const StripStep &strip) -> NormalizerRecord {
                     return {NormalizerKind::Strip, (strip.left ? 1u : 0) | (strip.right ? 2u : 0), 0};
                   }},
        step));
  }
  if (charMaps.empty()) // added tokens need to know what a word is, whatever the steps
    charMaps.push_back(buildNormalizerMap({}, {}));

  std::vector<PreTokenizerRecord> preTokenizer;
  for (const PreTokenizerStep &step : spec.preTokenizer)
    preTokenizer.push_back(std::visit(
        Overloaded{
            [&](const KindsStep &) -> PreTokenizerRecord { return {PreTokenizerKind::Kinds, 0, 0, 0}; },
            [&](const SplitStep &split) -> PreTokenizerRecord {
              return {PreTokenizerKind::Split, addPattern(split.pattern), uint32_t(split.behavior), split.isInverted};
            },
            [&](const PrefixSpaceStep &) -> PreTokenizerRecord { return {PreTokenizerKind::PrefixSpace, 0, 0, 0}; },
            [&](const MetaspaceStep &metaspace) -> PreTokenizerRecord {
              return {PreTokenizerKind::Metaspace, pool.intern(metaspace.replacement), uint32_t(metaspace.scheme), 0};
            }},
        step));

  std::vector<uint32_t> starts;
  llvm::Expected<PatternTables> compiled = compilePatterns(patterns, starts);
  if (!compiled)
    return fileError(path, llvm::toString(compiled.takeError()));
  patternTables = std::move(*compiled);
  for (NormalizerRecord &step : normalizer)
    if (step.kind == NormalizerKind::Replace)
      step.a = starts[step.a];
  for (PreTokenizerRecord &step : preTokenizer)
    if (step.kind == PreTokenizerKind::Split)
      step.a = starts[step.a];

  std::vector<CharMapSections> maps;
  for (const CharMapTable &map : charMaps)
    maps.push_back(blob.append(map));
  header.charMaps = blob.append(maps);
  header.normalizer = blob.append(normalizer);
  header.preTokenizer = blob.append(preTokenizer);
  header.classes = {blob.append(patternTables.classes.index), blob.append(patternTables.classes.entries)};
  header.charsmap = blob.append(charsmap);
  header.compositions = blob.append(composition);
  std::map<std::string, uint32_t> symbols;
  for (const std::string &symbol : spec.userSymbols)
    symbols.emplace(symbol, *spec.idOf(symbol));
  header.userSymbols = blob.append(buildTrie(symbols));
  header.graphemes = {blob.append(graphemes.index), blob.append(graphemes.entries)};
  header.patterns = blob.append(patternTables.nodes);
  return llvm::Error::success();
}

void TableWriter::writeModel() {
  std::string continuingPrefix;
  header.unknownId = spec.unknown() ? *spec.idOf(*spec.unknown()) : noToken;
  header.wordEnd = pool.intern("");
  auto *wordPiece = std::get_if<WordPieceModel>(&spec.model);
  if (wordPiece || std::holds_alternative<WordLevelModel>(spec.model)) {
    header.model = wordPiece ? ModelKind::WordPiece : ModelKind::WordLevel;
    if (wordPiece) {
      header.maxWordChars = wordPiece->maxWordChars;
      continuingPrefix = wordPiece->continuingPrefix;
    } else if (std::get<WordLevelModel>(spec.model).fusesUnknown)
      header.flags |= wordLevelFusesUnknown;
    for (uint32_t id = 0; id < spec.modelTokens; ++id)
      if (spec.isMatched(id) && !spec.vocabulary[id].empty()) // an empty token matches no text
        keys.emplace(spec.vocabulary[id], id);
  } else if (auto *bpe = std::get_if<BpeModel>(&spec.model)) {
    header.model = ModelKind::Bpe;
    header.wordEnd = pool.intern(bpe->wordEnd);
    header.flags |= (bpe->isByteLevel ? bpeIsByteLevel : 0) | (bpe->fusesUnknown ? bpeFusesUnknown : 0) |
                    (bpe->fallsBack ? fallsBackToBytes : 0) | (bpe->mergesInRounds ? bpeMergesInRounds : 0);
    header.symbols = blob.append(bpe->symbolTokens);
    continuingPrefix = bpe->continuingPrefix;
    keys = bpeKeys(*bpe, spec);
    header.merges = blob.append(bpeMerges(*bpe, spec));
    if (bpe->isByteLevel || bpe->fallsBack)
      header.byteTokens = blob.append(bpe->isByteLevel ? byteLevelTokens(*bpe, spec) : byteFallbackTokens(spec));
  } else if (auto *unigram = std::get_if<UnigramModel>(&spec.model)) {
    header.model = ModelKind::Unigram;
    header.unknownId = unigram->unknownId;
    header.flags |= (unigram->fallsBack ? fallsBackToBytes : 0) | (unigram->addsFloats ? unigramAddsFloats : 0);
    for (uint32_t id = 0; id < spec.modelTokens; ++id)
      if (spec.isMatched(id) && !spec.vocabulary[id].empty())
        keys[spec.vocabulary[id]] = id; // of equal tokens the last counts
    // SentencePiece's penalty for what is unknown.
    header.unknownScore = unigram->unknownScore.value_or(*llvm::min_element(unigram->scores) - 10);
    std::vector<double> scores = unigram->scores;
    scores.resize(spec.vocabulary.size()); // of added tokens, which no word is spelled with
    header.scores = blob.append(scores);
    if (unigram->fallsBack)
      header.byteTokens = blob.append(byteFallbackTokens(spec));
  }
  std::vector<TrieUnit> vocabulary = buildTrie(keys);
  header.continuingNode = vocabulary.empty() ? trieNone : findTrieNode(vocabulary, continuingPrefix);
  header.vocabulary = blob.append(vocabulary);
}

/// `content` as the runtime's normalizer gives it, or nothing when there is no memory.
std::optional<std::string> TableWriter::normalize(const std::string &content) const {
  auto view = [](const auto &elements) {
    return TableView<typename std::decay_t<decltype(elements)>::value_type>{elements.data(), uint32_t(elements.size())};
  };
  // The normalizer sees sections by their offsets, so the part of the tables that it needs is laid out by itself.
  TableBlob part;
  std::vector<CharMapSections> maps;
  for (const CharMapTable &map : charMaps)
    maps.push_back(part.append(map));
  std::vector<uint8_t> bytes = part.finish({});
  Tokenizer tokenizer = {};
  tokenizer.header = reinterpret_cast<const TokenizerHeader *>(bytes.data());
  tokenizer.charMaps = view(maps);
  tokenizer.properties = tokenizer.charMap(maps[0]);
  tokenizer.normalizer = view(normalizer);
  tokenizer.classes = {view(patternTables.classes.index), view(patternTables.classes.entries)};
  tokenizer.charsmap = view(charsmap);
  tokenizer.compositions = view(composition);
  tokenizer.graphemes = {view(graphemes.index), view(graphemes.entries)};
  tokenizer.patterns = view(patternTables.nodes);
  tokenizer.pool = view(pool.chars);
  lathe_allocator allocator = heapAllocator();
  Normalizer runner(tokenizer, allocator);
  const MappedText &text = runner.run({content.data(), content.size(), nullptr, 0});
  if (runner.failed())
    return std::nullopt;
  return std::string(text.bytes.data, text.size());
}

llvm::Error TableWriter::writeAddedTokens() {
  std::map<std::string, uint32_t> raw, normalized;
  std::vector<AddedTokenRecord> added;
  for (const AddedToken &token : spec.added) {
    std::optional<std::string> content = token.normalized ? normalize(token.content) : token.content;
    if (!content || content->empty())
      return fileError(path,
                       "added token " + quote(token.content) + " is normalized to nothing; it could match anywhere");
    (token.normalized ? normalized : raw).emplace(*content, uint32_t(added.size())); // of equal ones the first counts
    added.push_back({token.id, (token.singleWord ? addedSingleWord : 0) | (token.stripsLeft ? addedStripsLeft : 0) |
                                   (token.stripsRight ? addedStripsRight : 0) | (token.atBegin ? addedAtBegin : 0) |
                                   (token.toCodeEnd ? addedToCodeEnd : 0)});
    if (token.special) {
      records[token.id].text |= tokenIsSpecial;
      for (auto [id, other] : llvm::enumerate(spec.written))
        if (other == token.content)
          written[id].text |= tokenIsSpecial;
    }
  }
  header.addedRaw = blob.append(buildTrie(raw));
  header.addedNormalized = blob.append(buildTrie(normalized));
  header.added = blob.append(added);
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>> TableWriter::write() {
  memcpy(header.magic, tokenizerMagic, sizeof tokenizerMagic);
  header.flags = (spec.lowersFirst ? tokenizerLowersFirst : 0) | (spec.truncatesLeft ? tokenizerTruncatesLeft : 0) |
                 (spec.trimsOffsets ? tokenizerTrimsOffsets : 0) |
                 (spec.trimsAfterPrefix ? tokenizerTrimsAfterPrefix : 0) | (spec.endsAtNext ? tokenizerEndsAtNext : 0);
  DecoderPlan decoder = planDecoder(spec.decoder);
  header.decoder = decoder.kind;
  if (auto *spm = std::get_if<SentencePieceDecoder>(&spec.decoder[0])) {
    std::map<std::string, uint32_t> replacements;
    for (const auto &[key, text] : spm->replacements)
      replacements.emplace(key, pool.intern(text));
    header.denormalizer = blob.append(buildTrie(replacements));
  }
  header.flags |= (decoder.dropsOnce ? decoderDropsOnce : 0) | (decoder.stripsSpaces ? decoderStripsSpaces : 0);
  header.stripsBegin = decoder.stripsBegin;
  header.stripsEnd = decoder.stripsEnd;
  if (llvm::Error error = collectTokens(spec.vocabulary, records))
    return error;
  if (llvm::Error error = collectTokens(spec.written, written))
    return error;
  if (llvm::Error error = writeSteps())
    return error;
  writeModel();
  if (llvm::Error error = writeAddedTokens())
    return error;
  if (spec.lowersFirst)
    header.lowerFirst = blob.append(buildLowerFirstMap());
  std::vector<LanguageRecord> languages;
  for (const Language &language : spec.languages)
    languages.push_back({pool.intern(language.code), language.id});
  header.languages = blob.append(languages);
  header.language = spec.language.value_or(noToken);
  header.targetLanguage = spec.targetLanguage.value_or(noToken);
  header.givenTokens = spec.givenTokens.value_or(uint32_t(spec.vocabulary.size()));
  std::map<std::string, uint32_t> others;
  for (const std::string &token : spec.otherTokens)
    others.emplace(token, *spec.idOf(token));
  header.otherTokens = blob.append(buildTrie(others));
  header.tokens = blob.append(records);
  header.written = blob.append(written);
  header.pool = blob.append(pool.chars);
  header.single = blob.append(spec.single);
  header.pair = blob.append(spec.pair);
  std::vector<uint8_t> tables = blob.finish(header);
  if (auto *bpe = std::get_if<BpeModel>(&spec.model))
    if (llvm::Error error = markWholeWords(*bpe, keys, tables))
      return fileError(path, llvm::toString(std::move(error)));
  return tables;
}

llvm::Expected<std::vector<uint8_t>> lathe::writeTables(const TokenizerSpec &spec, llvm::StringRef path) {
  if (std::optional<std::string> unknown = spec.unknown(); unknown && !spec.idOf(*unknown))
    return fileError(path, "the token " + quote(*unknown) + ", which stands for what is unknown, is not among the " +
                               llvm::Twine(spec.vocabulary.size()) + " tokens");
  return TableWriter(spec, path).write();
}
