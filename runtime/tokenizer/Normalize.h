// Runs the steps of a normalizer on a piece of text.
#ifndef LATHE_RUNTIME_TOKENIZER_NORMALIZE_H
#define LATHE_RUNTIME_TOKENIZER_NORMALIZE_H

#include "runtime/tokenizer/CharMapper.h"
#include "runtime/tokenizer/Compose.h"

namespace lathe {

class Normalizer {
public:
  Normalizer(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), mapper(allocator), composer(tokenizer, allocator), first(allocator), second(allocator) {}

  /// The normal form of `piece`, which must be UTF-8. It stands until the next call.
  const MappedText &run(TextView piece);
  bool failed() const { return mapper.failed() || composer.failed() || first.failed() || second.failed(); }

private:
  void runStep(const NormalizerRecord &step, const MappedText &from, MappedText &to);
  void replaceMatches(uint32_t pattern, const char *content, const MappedText &from, MappedText &to);
  void strip(bool left, bool right, const MappedText &from, MappedText &to);

  const Tokenizer &tokenizer;
  CharMapper mapper;
  Composer composer;
  MappedText first, second;
};

} // namespace lathe

#endif
