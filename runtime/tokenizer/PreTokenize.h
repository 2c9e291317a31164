// Runs the steps of a pre-tokenizer: from a stretch of normalized text to words.
#ifndef LATHE_RUNTIME_TOKENIZER_PRETOKENIZE_H
#define LATHE_RUNTIME_TOKENIZER_PRETOKENIZE_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

class PreTokenizer {
public:
  PreTokenizer(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), list(allocator), spareList(allocator), first(allocator), second(allocator) {}

  /// Cuts bytes [begin, end) of `normalized` into words(), which lie in text(). Both stand until the next call, as long
  /// as `normalized` does.
  void run(const MappedText &normalized, size_t begin, size_t end);
  const MappedText &text() const { return *current; }
  const Buffer<Word> &words() const { return list; }
  bool failed() const { return list.failed || spareList.failed || first.failed() || second.failed(); }

private:
  void cutByKinds(Word word);
  void cutAtMatches(const PreTokenizerRecord &step, Word word);
  void prefixSpace(Word word, MappedText &to);
  void markSpaces(const PreTokenizerRecord &step, Word word, MappedText &to);
  void push(size_t begin, size_t end) {
    if (begin < end)
      spareList.push({begin, end});
  }

  const Tokenizer &tokenizer;
  const MappedText *current = nullptr;
  Buffer<Word> list, spareList; // the words so far, and those that a step makes of them
  MappedText first, second;     // texts of steps that change it
};

} // namespace lathe

#endif
