// Tables with random damage: openTokenizer refuses them, or everything behind it stays inside of them. Run under the
// asan preset, reading beyond them is seen.
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>
#include <random>
#include <string.h>

using namespace lathe;
using namespace lathe::test;

namespace {
/// Opens `bytes` and uses what can be opened.
bool survives(const std::vector<uint8_t> &bytes) {
  std::shared_ptr<char> tables = alignedCopy(bytes);
  Tokenizer tokenizer;
  lathe_error error = {};
  if (lathe_status status = openTokenizer(tables.get(), bytes.size(), tokenizer, &error)) {
    EXPECT_EQ(status, LATHE_BAD_WEIGHTS);
    EXPECT_NE(std::string(error.message), "");
    return false;
  }
  TestMemory memory;
  lathe_allocator allocator = memory.allocator();
  for (const char *text :
       {"the food [MASK] <a>", "\xe4\xb8\xad \xc3\xa9\xcc\x81\xe3\x80\xae \xea\xb0\x81", "Foo playing a  b!"}) {
    lathe_encoding encoding;
    if (!tokenize(tokenizer, allocator, text, "pair", 9, LATHE_TRUNCATE_LONGEST_FIRST, &encoding, &error)) {
      char decoded[64];
      detokenize(tokenizer, encoding.ids, encoding.length, true, decoded, sizeof decoded, nullptr, &error);
      for (size_t i = 0; i < encoding.length; ++i)
        EXPECT_LT(strlen(tokenText(tokenizer, encoding.ids[i])), bytes.size());
    }
    freeEncoding(allocator, &encoding);
  }
  EXPECT_EQ(memory.live, 0);
  return true;
}

/// By what tables there are.
class DamagedTables : public testing::TestWithParam<const char *> {
protected:
  LoadedTokenizer loaded{goldens() / GetParam(), {.lowerFirst = true}};
  std::vector<uint8_t> sound = loaded.compiled.tables;
};
} // namespace

TEST_P(DamagedTables, TheSoundOnesOpen) { EXPECT_TRUE(survives(sound)); }

TEST_P(DamagedTables, Truncated) {
  for (size_t size : {size_t(0), size_t(1), sizeof(TokenizerHeader) - 1, sizeof(TokenizerHeader), sound.size() - 1}) {
    std::vector<uint8_t> bytes(sound.begin(), sound.begin() + size);
    EXPECT_FALSE(survives(bytes));
    if (size >= sizeof(TokenizerHeader)) { // the same with a header that agrees
      uint32_t lie = uint32_t(size);
      memcpy(bytes.data() + offsetof(TokenizerHeader, bytes), &lie, sizeof lie);
      EXPECT_FALSE(survives(bytes));
    }
  }
}

TEST_P(DamagedTables, Misaligned) {
  std::vector<uint8_t> shifted(sound.size() + 1);
  std::shared_ptr<char> tables = alignedCopy(shifted);
  memcpy(tables.get() + 1, sound.data(), sound.size());
  Tokenizer tokenizer;
  EXPECT_EQ(openTokenizer(tables.get() + 1, sound.size(), tokenizer, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(openTokenizer(nullptr, 0, tokenizer, nullptr), LATHE_INVALID_ARGUMENT);
}

TEST_P(DamagedTables, EachHeaderWordReplaced) {
  int refused = 0;
  for (size_t at = 0; at < sizeof(TokenizerHeader); at += 4)
    for (uint32_t value : {0u, 1u, 63u, 0x7FFFFFFFu, 0x80000000u, ~0u, uint32_t(sound.size())}) {
      std::vector<uint8_t> bytes = sound;
      memcpy(bytes.data() + at, &value, sizeof value);
      refused += !survives(bytes);
    }
  EXPECT_GT(refused, 200);
}

/// Random words in random places, more often in the sections that hold indices.
TEST_P(DamagedTables, RandomDamage) {
  constexpr uint32_t seed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const TokenizerHeader &header = *loaded.tokenizer.header;
  const CharMapSections &map = loaded.tokenizer.charMaps[0];
  const TableSection sections[] = {header.charMaps,      map.index,
                                   map.entries,          map.elements,
                                   header.normalizer,    header.preTokenizer,
                                   header.classes.index, header.classes.entries,
                                   header.patterns,      header.lowerFirst.entries,
                                   header.vocabulary,    header.scores,
                                   header.charsmap,      header.compositions,
                                   header.userSymbols,   header.merges,
                                   header.symbols,       header.otherTokens,
                                   header.languages,     header.byteTokens,
                                   header.addedRaw,      header.addedNormalized,
                                   header.added,         header.tokens,
                                   header.pool,          header.single,
                                   header.pair,          header.written};
  int opened = 0;
  constexpr int rounds = 1500;
  for (int round = 0; round < rounds; ++round) {
    std::vector<uint8_t> bytes = sound;
    for (unsigned n = 1 + random() % 8; n; --n) {
      const TableSection &section = sections[random() % std::size(sections)];
      size_t at = (section.offset + random() % (section.count * 4 + 4)) & ~3u;
      if (at + 4 > bytes.size())
        continue;
      uint32_t value;
      memcpy(&value, bytes.data() + at, sizeof value);
      switch (random() % 3) {
      case 0:
        value ^= 1u << random() % 32;
        break;
      case 1:
        value = random();
        break;
      case 2:
        value = random() % 600;
        break;
      }
      memcpy(bytes.data() + at, &value, sizeof value);
    }
    opened += survives(bytes);
  }
  EXPECT_GT(opened, rounds / 50) << "damage is always refused: the walkers were not tried";
  EXPECT_LT(opened, rounds) << "damage is never refused";
}

INSTANTIATE_TEST_SUITE_P(Models, DamagedTables,
                         testing::Values("flags", "byte-level", "unigram", "nfc", "llama", "spm-bytes", "spm-plain",
                                         "m2m100", "marian", "marian-two", "ctrl"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });
