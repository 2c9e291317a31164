// Random damage to valid model files: whatever the reader says of it, it must not crash, hang, or hand out bytes that
// are not there. Run with LATHE_FUZZ_SEED and LATHE_FUZZ_ROUNDS to search further; a find becomes a case of
// tests/support/HostileFiles.cpp.
#include "compiler/import/checkpoint/Checkpoint.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/checkpoint/WeightNames.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "tests/fuzz/ImportTargets.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/Tensors.h"
#include "tests/support/TinyModel.h"
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>

using namespace lathe;
using namespace lathe::test;
namespace fs = std::filesystem;

static uint64_t setting(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

static Random seededRandom() {
  uint64_t seed = setting("LATHE_FUZZ_SEED", 20260101);
  std::cout << "LATHE_FUZZ_SEED=" << seed << "\n";
  return Random(seed);
}

/// Pieces that random bytes would rarely hit on.
static const std::string words[] = {"{",    "}",    "[",     "]",      "\"",      ":",
                                    ",",    "null", "true",  "-1",     "1e999",   "18446744073709551615",
                                    "\\u0", "0",    "\xff",  "\"U8\"", "\"F64\"", "9223372036854775808",
                                    "../",  "\xc3", "[[[[[", "\n",     "0.5",     "\"shape\": [0]"};

/// With one to four changes at random places.
static std::string mutated(std::string bytes, Random &random) {
  for (int64_t changes = random.integer(1, 4); changes > 0 && !bytes.empty(); --changes) {
    size_t at = random.integer(0, bytes.size() - 1);
    size_t length = std::min<size_t>(random.integer(1, 40), bytes.size() - at);
    const std::string &word = words[random.integer(0, std::size(words) - 1)];
    switch (random.integer(0, 6)) {
    case 0:
      bytes[at] ^= 1 << random.integer(0, 7);
      break;
    case 1:
      bytes[at] = static_cast<char>(random.next());
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.erase(at, length);
      break;
    case 4:
      bytes.insert(at, bytes.substr(at, length));
      break;
    case 5:
      bytes.insert(at, word);
      break;
    case 6:
      bytes.replace(at, std::min(word.size(), length), word);
      break;
    }
  }
  return bytes;
}

TEST(ImportFuzz, Safetensors) {
  Random random = seededRandom();
  const std::string valid = safetensorsBytes({{"a", "F32", {2, 3}, std::string(24, '\0')},
                                              {"half", "F16", {5}, std::string(10, '\x11')},
                                              {"empty", "BF16", {0}, ""},
                                              {"wide", "F64", {}, std::string(8, '\x7f')},
                                              {"ids", "I64", {1, 1}, std::string(8, '\xff')}});
  constexpr size_t dataBytes = 24 + 10 + 8 + 8;
  uint64_t accepted = 0, rounds = setting("LATHE_FUZZ_ROUNDS", 100'000);
  for (uint64_t round = 0; round < rounds; ++round) {
    std::string bytes = mutated(valid, random);
    // Its length put right, a damaged header gets past the first check.
    if (bytes.size() > 8 && random.integer(0, 1)) {
      uint64_t length = bytes.size() - 8 - std::min(dataBytes, bytes.size() - 8);
      for (unsigned i = 0; i < 8; ++i)
        bytes[i] = static_cast<char>(length >> (8 * i));
    }
    std::vector<uint8_t> exact(bytes.begin(), bytes.end()); // so that a sanitizer sees a read past the end
    accepted += fuzzSafetensors(exact);
  }
  EXPECT_GT(accepted, rounds / 100) << "changes to data alone leave a valid file";
  EXPECT_LT(accepted, rounds);
}

TEST(ImportFuzz, ConfigFields) {
  Random random = seededRandom();
  const std::string valid = tinyConfig();
  uint64_t rounds = setting("LATHE_FUZZ_ROUNDS", 100'000), accepted = 0;
  for (uint64_t round = 0; round < rounds; ++round)
    accepted += fuzzJson(mutated(valid, random));
  EXPECT_GT(accepted, rounds / 100) << "changes to a word or a number leave valid JSON";
  EXPECT_LT(accepted, rounds);
}

static std::string readAll(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Opens a directory as the compiler does, and reads all that it accepts.
static llvm::Error readModel(const std::string &path) {
  auto sentence = readSentenceTransformer(path);
  if (!sentence)
    return sentence.takeError();
  auto checkpoint = Checkpoint::open(*sentence ? (*sentence)->transformerPath : path);
  if (!checkpoint)
    return checkpoint.takeError();
  auto names = WeightNames::build(**checkpoint, {"bert.", {"position_ids"}});
  if (!names)
    return names.takeError();
  for (const NamedWeight &weight : names->weights())
    if (llvm::Error error = checkFinite(*weight.tensor, path))
      return error;
  return llvm::Error::success();
}

TEST(ImportFuzz, Directories) {
  Random random = seededRandom();
  TemporaryDirectory directory;
  fs::path model = directory / "model";
  writeTinySentenceModel(model);
  fs::remove(model / "model.safetensors");
  writeFile(model / "model.safetensors.index.json", R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
  writeFile(model / "1.safetensors", safetensorsBytes({{"a", "F32", {1}, std::string(4, '\0')}}));
  writeFile(model / "2.safetensors", safetensorsBytes({{"b", "F16", {2}, std::string(4, '\0')}}));
  ASSERT_EQ(llvm::toString(readModel(model.string())), "");

  const char *names[] = {"config.json",   "modules.json",  "1_Pooling/config.json",       "sentence_bert_config.json",
                         "1.safetensors", "2.safetensors", "model.safetensors.index.json"};
  for (uint64_t round = 0, rounds = setting("LATHE_FUZZ_ROUNDS", 100'000) / 50; round < rounds; ++round) {
    fs::path victim = model / names[random.integer(0, std::size(names) - 1)];
    std::string valid = readAll(victim);
    writeFile(victim, mutated(valid, random));
    llvm::consumeError(readModel(model.string()));
    writeFile(victim, valid);
  }
  EXPECT_EQ(llvm::toString(readModel(model.string())), "");
}
