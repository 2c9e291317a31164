// A tokenizer compiled from a directory and opened, as tests use it.
#ifndef LATHE_TESTS_TOKENIZER_LOADEDTOKENIZER_H
#define LATHE_TESTS_TOKENIZER_LOADEDTOKENIZER_H

#include "compiler/import/tokenizer/CompileTokenizer.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

/// lathe_encoding as values; `error` is the message where there is one.
struct Encoded {
  std::vector<int32_t> ids, typeIds, offsets, special;
  std::string error;
};

/// The C library's memory, 64-byte aligned. `live` counts blocks not yet released; allocation number `failAt`, counted
/// from 0, fails, and so do all after it.
struct TestMemory {
  int64_t live = 0, made = 0, failAt = INT64_MAX;
  lathe_allocator allocator();
};

class LoadedTokenizer {
public:
  /// An error in the files is thrown as std::runtime_error with its message.
  explicit LoadedTokenizer(const std::filesystem::path &directory, const TokenizerOptions &options = {});

  Encoded encode(const std::string &text, const std::string *pair = nullptr, int64_t maxLength = 0,
                 lathe_truncation truncation = LATHE_TRUNCATE_LONGEST_FIRST) const;
  std::string decode(const std::vector<int32_t> &ids, bool skipSpecialTokens) const;

  CompiledTokenizer compiled;
  Tokenizer tokenizer;

private:
  std::shared_ptr<char> tables;
};

/// A copy of `bytes` at a multiple of 64, which nothing readable follows when sanitizers are on.
std::shared_ptr<char> alignedCopy(const std::vector<uint8_t> &bytes);

/// The error of compiling the tokenizer in `directory`, or in one with these files; empty when there is none.
std::string compileError(const std::filesystem::path &directory);
std::string errorOf(const std::vector<std::pair<const char *, std::string>> &files);
/// That there is an error, and that it has these words.
void expectWords(const std::string &error, const std::vector<const char *> &words);

/// Files of the project, of the corpora (may be absent), and reading and writing them.
std::filesystem::path goldens();
std::filesystem::path corpora();
std::string readFile(const std::filesystem::path &path);
void writeFile(const std::filesystem::path &path, const std::string &text);

} // namespace lathe::test

#endif // LATHE_TESTS_TOKENIZER_LOADEDTOKENIZER_H
