// A TokenizerSpec to the bytes that the runtime walks.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/CharMapBuilder.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"
#include "compiler/import/tokenizer/TrieBuilder.h"
#include "runtime/tokenizer/Normalize.h"

#include "llvm/Support/MathExtras.h"
#include <bit>
#include <cstdlib>

using namespace lathe;

/// Three times what the largest vocabularies have, and small enough for all offsets into the tables and for the memory
/// that building a trie takes.
static constexpr size_t maxTextBytes = 16 << 20;

static_assert(std::endian::native == std::endian::little, "tables are written as they lie in memory");

namespace {
class Blob {
public:
  Blob() : bytes(sizeof(TokenizerHeader)) {}

  template <typename T> TableSection append(const std::vector<T> &elements) {
    bytes.resize(llvm::alignTo(bytes.size(), tokenizerAlignment));
    TableSection section = {uint32_t(bytes.size()), uint32_t(elements.size())};
    const auto *data = reinterpret_cast<const uint8_t *>(elements.data());
    bytes.insert(bytes.end(), data, data + elements.size() * sizeof(T));
    return section;
  }
  CharMapSections append(const CharMapTable &map) {
    return {append(map.index), append(map.entries), append(map.elements)};
  }
  std::vector<uint8_t> finish(TokenizerHeader header) {
    header.bytes = uint32_t(bytes.size());
    memcpy(bytes.data(), &header, sizeof header);
    return std::move(bytes);
  }

private:
  std::vector<uint8_t> bytes;
};

/// NUL-terminated strings; a string that ends another shares its bytes.
class Pool {
public:
  std::vector<char> chars;

  TokenRecord add(const std::string &text, const std::string &first, const std::string &later) {
    // The longest goes first: "playing" and " playing" then take the room of one.
    const std::string &longest = later.size() > text.size() ? later : text;
    uint32_t offset = intern(longest);
    auto place = [&](const std::string &string) {
      bool isSuffix = llvm::StringRef(longest).ends_with(string);
      return isSuffix ? offset + uint32_t(longest.size() - string.size()) : intern(string);
    };
    return {place(text), place(first), place(later)};
  }

private:
  uint32_t intern(const std::string &string) {
    auto [place, isNew] = offsets.try_emplace(string, uint32_t(chars.size()));
    if (isNew)
      chars.insert(chars.end(), string.c_str(), string.c_str() + string.size() + 1);
    return place->second;
  }
  llvm::StringMap<uint32_t> offsets;
};
} // namespace

/// The WordPiece decoder's clean-up of one token, in the order that the library applies it.
static std::string cleanUp(std::string text) {
  static constexpr std::pair<llvm::StringRef, llvm::StringRef> replacements[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [from, to] : replacements)
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

/// What a token decodes to, as the first or as a later one.
static std::string decoded(const std::string &token, const Decoder &decoder, bool isFirst) {
  std::string text = token;
  if (!isFirst) {
    bool continues = decoder.isWordPiece && llvm::StringRef(token).starts_with(decoder.prefix);
    text = continues ? token.substr(decoder.prefix.size()) : " " + token;
  }
  return decoder.isWordPiece && decoder.cleansUp ? cleanUp(std::move(text)) : text;
}

static void *allocateAligned(void *, size_t bytes) { return aligned_alloc(64, llvm::alignTo(bytes, 64)); }
static void releaseAligned(void *, void *memory, size_t) { free(memory); }

/// `content` as the runtime's normalizer gives it, or nothing when there is no memory.
static std::optional<std::string> normalize(const CharMapTable &table, const std::string &content) {
  CharMap map = {{table.index.data(), uint32_t(table.index.size())},
                 {table.entries.data(), uint32_t(table.entries.size())},
                 {table.elements.data(), uint32_t(table.elements.size())}};
  lathe_allocator allocator = {allocateAligned, releaseAligned, nullptr};
  MappedText mapped(allocator);
  Normalizer normalizer(map, /*finalSigma=*/false, allocator);
  normalizer.run({content.data(), content.size(), nullptr, 0}, mapped);
  if (mapped.failed() || normalizer.failed())
    return std::nullopt;
  return std::string(mapped.bytes.data, mapped.bytes.size);
}

llvm::Expected<std::vector<uint8_t>> lathe::writeTables(const TokenizerSpec &spec, llvm::StringRef path) {
  Blob blob;
  TokenizerHeader header = {};
  memcpy(header.magic, tokenizerMagic, sizeof tokenizerMagic);
  header.flags = (spec.lowersFirst ? tokenizerLowersFirst : 0) | (spec.truncatesLeft ? tokenizerTruncatesLeft : 0);
  header.unknownId = *spec.idOf(spec.unknown);
  header.maxWordChars = spec.maxWordChars;

  std::map<std::string, uint32_t> keys;
  std::vector<TokenRecord> records;
  Pool pool;
  size_t textBytes = 0;
  for (auto [id, token] : llvm::enumerate(spec.vocabulary)) {
    if (token.find('\0') != std::string::npos)
      return fileError(path, "token " + llvm::Twine(id) + " contains U+0000; tokens may hold any other character");
    if ((textBytes += token.size()) > maxTextBytes)
      return fileError(path, "the vocabulary's tokens have more than " + llvm::Twine(maxTextBytes) + " bytes in all");
    if (id < spec.modelTokens && !token.empty()) // an empty token matches no text
      keys.emplace(token, uint32_t(id));
    records.push_back(pool.add(token, decoded(token, spec.decoder, true), decoded(token, spec.decoder, false)));
  }
  std::vector<TrieUnit> vocabulary = buildTrie(keys);
  header.continuingNode = findTrieNode(vocabulary, spec.continuingPrefix);

  CharMapTable normalizer = buildNormalizerMap(spec.normalizer, spec.preTokenizer);
  std::map<std::string, uint32_t> raw, normalized;
  std::vector<AddedTokenRecord> added;
  for (const AddedToken &token : spec.added) {
    std::optional<std::string> content = token.normalized ? normalize(normalizer, token.content) : token.content;
    if (!content || content->empty())
      return fileError(path,
                       "added token " + quote(token.content) + " is normalized to nothing; it could match anywhere");
    (token.normalized ? normalized : raw).emplace(*content, uint32_t(added.size())); // of equal ones the first counts
    added.push_back({token.id, (token.singleWord ? addedSingleWord : 0) | (token.stripsLeft ? addedStripsLeft : 0) |
                                   (token.stripsRight ? addedStripsRight : 0)});
    if (token.special)
      records[token.id].text |= tokenIsSpecial;
  }

  header.normalizer = blob.append(normalizer);
  if (spec.lowersFirst)
    header.lowerFirst = blob.append(buildLowerFirstMap());
  header.vocabulary = blob.append(vocabulary);
  header.addedRaw = blob.append(buildTrie(raw));
  header.addedNormalized = blob.append(buildTrie(normalized));
  header.added = blob.append(added);
  header.tokens = blob.append(records);
  header.pool = blob.append(pool.chars);
  header.single = blob.append(spec.single);
  header.pair = blob.append(spec.pair);
  return blob.finish(header);
}
