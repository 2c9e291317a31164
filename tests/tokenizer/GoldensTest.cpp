// Every tokenizer of goldens/ against what Hugging Face's library made of the same texts; make_goldens.py describes
// them.
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/Thorough.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

using namespace lathe;
using namespace lathe::test;
using Json = nlohmann::json;

namespace {
/// The hash of make_goldens.py.
class Hash {
public:
  void add(uint64_t word) { value = (value ^ word) * 0x100000001B3; }
  void addBytes(const std::string &text) {
    for (char byte : text)
      add(uint8_t(byte));
  }
  void add(const Encoded &encoded, bool withOffsets) {
    EXPECT_EQ(encoded.error, "");
    add(encoded.ids.size());
    for (size_t i = 0; i < encoded.ids.size(); ++i) {
      add(uint32_t(encoded.ids[i]));
      if (withOffsets) {
        add(uint32_t(encoded.offsets[2 * i]));
        add(uint32_t(encoded.offsets[2 * i + 1]));
      }
    }
  }
  std::string hex() const {
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    return text;
  }

private:
  uint64_t value = 0xCBF29CE484222325;
};

/// The generator of make_goldens.py.
class Mixture {
public:
  explicit Mixture(const Json &fragments) : fragments(fragments) {}
  std::string text() {
    std::string result;
    for (uint64_t n = 1 + below(12); n; --n)
      result += fragments[below(fragments.size())].get<std::string>();
    return result;
  }

private:
  uint64_t below(uint64_t limit) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % limit;
  }
  const Json &fragments;
  uint64_t state = 1;
};

std::string utf8(uint32_t c) {
  if (c < 0x80)
    return {char(c)};
  if (c < 0x800)
    return {char(0xC0 | c >> 6), char(0x80 | (c & 0x3F))};
  if (c < 0x10000)
    return {char(0xE0 | c >> 12), char(0x80 | (c >> 6 & 0x3F)), char(0x80 | (c & 0x3F))};
  return {char(0xF0 | c >> 18), char(0x80 | (c >> 12 & 0x3F)), char(0x80 | (c >> 6 & 0x3F)), char(0x80 | (c & 0x3F))};
}

class Goldens : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    expected = Json::parse(readFile(goldens() / GetParam() / "expected.json"));
    const bool lowerFirst = expected["lower_first"].get<bool>();
    idsOnly = expected.value("ids_only", false);
    withOffsets = !lowerFirst && !idsOnly;
    skipsAlways = idsOnly && !expected.value("decodes_special", false);
    std::filesystem::path directory = goldens() / GetParam();
    if (expected.contains("files")) {
      for (const auto &[name, path] : expected["files"].items()) {
        std::string place = path.get<std::string>();
        bool isOurs = place.starts_with("goldens/");
        std::filesystem::path file = (isOurs ? goldens().parent_path() : corpora() / "tokenizers") / place;
        if (!exists(file))
          GTEST_SKIP() << "no " << file << ": the corpora are absent";
        if (file.extension() == ".gz")
          ASSERT_EQ(std::system(("gzip -dc '" + file.string() + "' > '" + (temporary / name).string() + "'").c_str()),
                    0);
        else
          copy_file(file, temporary / name);
      }
      writeFile(temporary / "tokenizer_config.json", expected["config"].dump());
      directory = temporary.path();
    }
    std::unique_ptr<LoadedTokenizer> &kept = tokenizers[GetParam()]; // compiling it takes longer than most tests
    if (!kept)
      kept = std::make_unique<LoadedTokenizer>(directory,
                                               TokenizerOptions{.lowerFirst = lowerFirst, .typesOfTemplate = true});
    loaded = kept.get();
  }

  TemporaryDirectory temporary;
  Json expected;
  bool withOffsets = true, idsOnly = false, skipsAlways = false;
  const LoadedTokenizer *loaded = nullptr;

private:
  static inline std::map<std::string, std::unique_ptr<LoadedTokenizer>> tokenizers;
};
} // namespace

/// Planes 4 to 13 have no character: of these the first block stands for the others. Under a sanitizer, which takes
/// four times as long, so it does everywhere.
static bool isTested(uint32_t first) {
#if __has_feature(address_sanitizer)
  constexpr bool isSlow = true;
#else
  constexpr bool isSlow = false;
#endif
  const uint32_t plane = first >> 16;
  return thorough() || (first & 0xFFFF) == 0 || (!isSlow && (plane < 4 || plane > 13));
}

TEST_P(Goldens, EveryCodePoint) {
  constexpr uint32_t block = 4096;
  ASSERT_EQ(expected["code_points"].size(), 0x110000 / block);
  for (uint32_t first = 0; first < 0x110000; first += block) {
    if (expected["code_points"][first / block].is_null() || !isTested(first))
      continue;
    Hash hash;
    for (uint32_t c = first; c < first + block; ++c)
      if (c && !(c >= 0xD800 && c < 0xE000))
        hash.add(loaded->encode("a" + utf8(c) + "b"), withOffsets);
    EXPECT_EQ(Json(hash.hex()), expected["code_points"][first / block])
        << "in U+" << std::hex << first << " and behind";
  }
}

TEST_P(Goldens, Texts) {
  if (!exists(corpora() / "texts"))
    GTEST_SKIP() << "no " << corpora() / "texts" << ": the corpora are absent";
  ASSERT_GE(expected["texts"].size(), 9u);
  for (const auto &[path, value] : expected["texts"].items()) {
    std::istringstream lines(readFile(corpora() / "texts" / path));
    Hash hash;
    size_t n = 0;
    for (std::string line; std::getline(lines, line); ++n)
      hash.add(loaded->encode(line), withOffsets);
    hash.add(loaded->encode(""), withOffsets); // Python's split gives an empty text behind the last newline
    EXPECT_GT(n, 900u);
    EXPECT_EQ(Json(hash.hex()), value) << path;
  }
}

TEST_P(Goldens, Mixtures) {
  constexpr int perHash = 50;
  Mixture mixture(expected["fragments"]);
  int i = 0;
  for (const Json &value : expected["mixtures"]) {
    Hash hash;
    for (int k = 0; k < perHash; ++k, ++i) {
      std::string text = mixture.text(), second;
      const std::string *pair = i % 3 == 0 ? &(second = mixture.text()) : nullptr;
      Encoded encoded = loaded->encode(text, pair);
      hash.add(encoded, withOffsets);
      hash.add(loaded->encode(text, pair, 10), withOffsets);
      hash.addBytes(loaded->decode(encoded.ids, skipsAlways || i % 2 == 0));
    }
    EXPECT_EQ(Json(hash.hex()), value) << "in mixtures " << i - perHash << " to " << i - 1;
  }
  EXPECT_EQ(i, 2000);
}

TEST_P(Goldens, Hostile) {
  constexpr size_t perHash = 10;
  Json texts = Json::parse(readFile(goldens() / "hostile.json"));
  EXPECT_GE(texts.size(), 200u);
  ASSERT_EQ(expected["hostile"].size(), (texts.size() + perHash - 1) / perHash);
  for (size_t first = 0; first < texts.size(); first += perHash) {
    Hash hash;
    for (size_t i = first; i < std::min(first + perHash, texts.size()); ++i) {
      bool isRepeated = texts[i].is_array();
      std::string text;
      for (size_t n = isRepeated ? texts[i][1].get<size_t>() : 1; n; --n)
        text += (isRepeated ? texts[i][0] : texts[i]).get<std::string>();
      Encoded encoded = loaded->encode(text);
      hash.add(encoded, withOffsets);
      hash.addBytes(loaded->decode(encoded.ids, /*skipSpecialTokens=*/skipsAlways));
    }
    EXPECT_EQ(Json(hash.hex()), expected["hostile"][first / perHash]) << "in texts from " << first;
  }
}

TEST_P(Goldens, Cases) {
  const std::map<std::string, lathe_truncation> truncations = {{"longest_first", LATHE_TRUNCATE_LONGEST_FIRST},
                                                               {"only_first", LATHE_TRUNCATE_ONLY_FIRST},
                                                               {"only_second", LATHE_TRUNCATE_ONLY_SECOND}};
  for (const Json &golden : expected["cases"]) {
    SCOPED_TRACE(golden.dump());
    std::string second = golden.value("pair", "");
    Encoded encoded =
        loaded->encode(golden["text"], golden.contains("pair") ? &second : nullptr, golden.value("max_length", 0),
                       truncations.at(golden.value("truncation", "longest_first")));
    EXPECT_EQ(encoded.error != "", golden.value("error", false)) << encoded.error;
    if (golden.contains("error"))
      continue;
    EXPECT_EQ(Json(encoded.ids), golden["ids"]);
    EXPECT_EQ(Json(encoded.typeIds), golden["type_ids"]);
    EXPECT_EQ(Json(encoded.special), golden["special"]);
    if (withOffsets)
      EXPECT_EQ(Json(encoded.offsets), golden["offsets"]);
    EXPECT_EQ(Json(loaded->decode(encoded.ids, skipsAlways)), golden["decoded"]);
    EXPECT_EQ(Json(loaded->decode(encoded.ids, true)), golden["decoded_without_special"]);
    for (size_t i = 0; i < encoded.ids.size(); ++i)
      EXPECT_STREQ(tokenText(loaded->tokenizer, encoded.ids[i]), golden["tokens"][i].get<std::string>().c_str());
  }
  for (const Json &golden : expected.value("decodes", Json::array())) {
    SCOPED_TRACE(golden.dump());
    EXPECT_EQ(Json(loaded->decode(golden["ids"], skipsAlways)), golden["text"]);
    EXPECT_EQ(Json(loaded->decode(golden["ids"], true)), golden["without_special"]);
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Goldens,
                         testing::Values("uncased", "cased", "lower-first", "flags", "components", "bare", "gpt2",
                                         "roberta", "roberta-files", "byte-level", "unigram", "nfc", "nfkc", "nfkd",
                                         "llama", "marked-ends", "word-level", "gpt", "spm-albert", "spm-bpe",
                                         "spm-nmt", "spm-t5", "spm-xlnet", "spm-char", "spm-word", "spm-bytes",
                                         "spm-plain", "albert", "xlnet", "t5-files", "albert-cased", "fairseq",
                                         "camembert", "deberta", "big-bird", "t5", "nmt", "xlm-r", "mt5-files", "mbart",
                                         "mbart50", "nllb", "nllb-legacy", "pegasus", "llama-files", "mistral-files",
                                         "gemma-files", "m2m100", "marian", "marian-two", "bart-files", "opt-files",
                                         "ctrl", "clip", "siglip"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });
