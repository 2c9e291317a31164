// Words to tokens by the Unigram model: of all ways to spell a word, the one whose tokens' scores sum to the most.
#ifndef LATHE_RUNTIME_TOKENIZER_UNIGRAM_H
#define LATHE_RUNTIME_TOKENIZER_UNIGRAM_H

#include "runtime/tokenizer/TokenSink.h"

namespace lathe {

class Unigram {
public:
  Unigram(const Tokenizer &tokenizer, const lathe_allocator &allocator) : tokenizer(tokenizer), ends(allocator) {}

  void spell(Word word, TokenSink &sink);
  bool failed() const { return ends.failed; }

private:
  /// The best way to spell a word up to some byte.
  struct End {
    double score;
    uint32_t id;    // of the last token
    uint32_t start; // where that begins; noToken: nothing ends here
    uint32_t next;  // where the token behind it ends, on the best way of all
  };

  void findBest(const char *begin, const char *end);
  void offer(uint32_t start, uint32_t end, uint32_t id, double score);
  void pushUnknown(size_t begin, size_t end, TokenSink &sink);

  const Tokenizer &tokenizer;
  Buffer<End> ends;
};

} // namespace lathe

#endif
