// Strings that end a text where they come in it.
#ifndef LATHE_RUNTIME_GENERATE_STOPSTRINGS_H
#define LATHE_RUNTIME_GENERATE_STOPSTRINGS_H

#include "runtime/tokenizer/Buffer.h"
#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// As Transformers 4.55 looks for them: in what each token gives by itself, special ones and the prompt's included. It
/// does so in characters and without spaces behind words ("</w>"); here these are seen, too, and the bytes of
/// characters that several tokens spell.
class StopStrings {
public:
  StopStrings(const Tokenizer &tokenizer, const char *const *strings, size_t count, const lathe_allocator &allocator)
      : tokenizer(tokenizer), strings(strings), count(count), lastText(allocator), earlierText(allocator) {}

  /// Whether a string ends within `last`, which may go on behind it, having begun there or in the `length` ids before.
  /// False where there is no memory, see failed().
  bool endIn(const int32_t *ids, int64_t length, int32_t last);
  bool failed() const { return lastText.failed || earlierText.failed; }

private:
  bool read(int32_t id, Buffer<char> &text) const;
  bool beginsIn(const int32_t *ids, int64_t length, const char *string, size_t size);

  const Tokenizer &tokenizer;
  const char *const *strings;
  size_t count;
  Buffer<char> lastText, earlierText; // of one token each
};

} // namespace lathe

#endif
