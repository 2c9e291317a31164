#include "tests/tokenizer/LoadedTokenizer.h"

#include "tests/support/TemporaryDirectory.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <stdexcept>
#include <stdlib.h>
#include <string.h>

using namespace lathe;
using namespace lathe::test;

lathe_allocator TestMemory::allocator() {
  auto allocate = [](void *user, size_t bytes) -> void * {
    auto *memory = static_cast<TestMemory *>(user);
    if (memory->made++ >= memory->failAt)
      return nullptr;
    ++memory->live;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
  };
  auto release = [](void *user, void *block, size_t) {
    --static_cast<TestMemory *>(user)->live;
    free(block);
  };
  return {allocate, release, this};
}

std::shared_ptr<char> test::alignedCopy(const std::vector<uint8_t> &bytes) {
  void *block = nullptr;
  if (posix_memalign(&block, tokenizerAlignment, bytes.empty() ? 1 : bytes.size()))
    throw std::bad_alloc();
  if (!bytes.empty())
    memcpy(block, bytes.data(), bytes.size());
  return {static_cast<char *>(block), free};
}

LoadedTokenizer::LoadedTokenizer(const std::filesystem::path &directory, const TokenizerOptions &options) {
  llvm::Expected<std::optional<CompiledTokenizer>> result = compileTokenizer(directory.string(), options);
  if (!result)
    throw std::runtime_error(llvm::toString(result.takeError()));
  if (!*result)
    throw std::runtime_error("no tokenizer in " + directory.string());
  compiled = std::move(**result);
  tables = alignedCopy(compiled.tables);
  lathe_error error = {};
  if (openTokenizer(tables.get(), compiled.tables.size(), tokenizer, &error))
    throw std::runtime_error(error.message);
}

Encoded LoadedTokenizer::encode(const std::string &text, const std::string *pair, int64_t maxLength,
                                lathe_truncation truncation) const {
  TestMemory memory;
  lathe_allocator allocator = memory.allocator();
  lathe_encoding encoding;
  lathe_error error = {};
  Encoded result;
  if (tokenize(tokenizer, allocator, text.c_str(), pair ? pair->c_str() : nullptr, maxLength, truncation, &encoding,
               &error)) {
    result.error = error.message;
  } else {
    size_t n = encoding.length;
    result.ids.assign(encoding.ids, encoding.ids + n);
    result.typeIds.assign(encoding.type_ids, encoding.type_ids + n);
    result.offsets.assign(encoding.offsets, encoding.offsets + 2 * n);
    result.special.assign(encoding.special_tokens_mask, encoding.special_tokens_mask + n);
    freeEncoding(allocator, &encoding);
  }
  EXPECT_EQ(memory.live, 0) << "blocks of memory left";
  return result;
}

std::string LoadedTokenizer::decode(const std::vector<int32_t> &ids, bool skipSpecialTokens) const {
  size_t length = 0;
  lathe_error error = {};
  if (detokenize(tokenizer, ids.data(), ids.size(), skipSpecialTokens, nullptr, 0, &length, &error))
    return error.message;
  std::string text(length, 0);
  detokenize(tokenizer, ids.data(), ids.size(), skipSpecialTokens, text.data(), length + 1, &length, &error);
  return text;
}

std::string test::compileError(const std::filesystem::path &directory) {
  llvm::Expected<std::optional<CompiledTokenizer>> result = compileTokenizer(directory.string());
  return result ? "" : llvm::toString(result.takeError());
}

std::filesystem::path test::goldens() { return std::filesystem::path(LATHE_SOURCE_DIR) / "tests/tokenizer/goldens"; }
std::filesystem::path test::corpora() { return std::filesystem::path(LATHE_SOURCE_DIR) / "../shared/corpora"; }

std::string test::readFile(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void test::writeFile(const std::filesystem::path &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string test::errorOf(const std::vector<std::pair<const char *, std::string>> &files) {
  TemporaryDirectory directory;
  for (const auto &[name, text] : files)
    writeFile(directory / name, text);
  return compileError(directory.path());
}

void test::expectWords(const std::string &error, const std::vector<const char *> &words) {
  EXPECT_NE(error, "") << "accepted";
  for (const char *word : words)
    EXPECT_NE(error.find(word), std::string::npos) << "no \"" << word << "\" in: " << error;
}
