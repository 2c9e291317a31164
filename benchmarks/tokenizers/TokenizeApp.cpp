// Times a tokenizer on the lines of a file, on one thread: tokenize-app DIRECTORY FILE. Prints the size of the tables,
// and of each repetition the seconds; `race.py` beside this runs it in turns with other libraries and compares ids
// first.
#include "compiler/import/tokenizer/CompileTokenizer.h"
#include "compiler/import/tokenizer/HeapAllocator.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

using namespace lathe;

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DIRECTORY FILE\n", argv[0]);
    return 2;
  }
  llvm::Expected<std::optional<CompiledTokenizer>> compiled = compileTokenizer(argv[1]);
  if (!compiled || !*compiled) {
    std::fprintf(stderr, "%s\n", compiled ? "no tokenizer" : llvm::toString(compiled.takeError()).c_str());
    return 1;
  }
  const std::vector<uint8_t> &bytes = (*compiled)->tables;
  std::unique_ptr<void, void (*)(void *)> tables(aligned_alloc(64, llvm::alignTo(bytes.size(), 64)), free);
  std::memcpy(tables.get(), bytes.data(), bytes.size());
  Tokenizer tokenizer;
  lathe_error error = {};
  if (openTokenizer(tables.get(), bytes.size(), tokenizer, &error)) {
    std::fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  std::vector<std::string> lines;
  std::ifstream file(argv[2]);
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  std::printf("%zu\n", bytes.size());
  // One repetition for each line on standard input, so that another process takes turns.
  lathe_allocator allocator = heapAllocator();
  for (std::string turn; std::getline(std::cin, turn);) {
    uint64_t hash = 0xCBF29CE484222325;
    auto start = std::chrono::steady_clock::now();
    for (const std::string &line : lines) {
      lathe_encoding encoding;
      if (tokenize(tokenizer, allocator, line.c_str(), nullptr, 0, LATHE_TRUNCATE_LONGEST_FIRST, &encoding, &error)) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
      }
      for (size_t i = 0; i < encoding.length; ++i)
        hash = (hash ^ uint32_t(encoding.ids[i])) * 0x100000001B3;
      freeEncoding(allocator, &encoding);
    }
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%.9f %016llx\n", seconds.count(), (unsigned long long)hash);
    std::fflush(stdout);
  }
  return 0;
}
