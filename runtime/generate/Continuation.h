// One text, written token by token: greedily or by draws.
#ifndef LATHE_RUNTIME_GENERATE_CONTINUATION_H
#define LATHE_RUNTIME_GENERATE_CONTINUATION_H

#include "runtime/generate/Scratch.h"

namespace lathe {

class Continuation {
public:
  Continuation(const lathe_allocator &allocator, Scratch &scratch) : allocator(allocator), scratch(scratch) {}
  ~Continuation() { release(); }
  Continuation(const Continuation &) = delete;
  Continuation &operator=(const Continuation &) = delete;

  /// Begins a text; options with num_beams 1. They, with what they point to, must live as long as this. `sequence` is
  /// the number that draws are made for: one for each of the texts that a prompt gets. All memory is taken here.
  lathe_status start(const int32_t *prompt, int64_t promptLength, const lathe_generate_options &options,
                     int64_t vocabulary, uint64_t sequence, lathe_error *error);

  /// Whether the text has ended: by one of eos_ids, which is its last then, at its greatest length, or by an error.
  bool done() const { return ended; }
  /// The prompt's tokens, and those written.
  const int32_t *ids() const { return tokens; }
  int64_t length() const { return n_ids; }

  /// Chooses the next token by the logits [vocabulary], which may be overwritten.
  lathe_status advance(float *logits, lathe_error *error);

private:
  void release();

  const lathe_allocator &allocator;
  Scratch &scratch;
  int32_t *tokens = nullptr;
  const lathe_generate_options *options = nullptr;
  uint64_t sequence = 0;
  int64_t promptLength = 0, n_ids = 0, greatest = 0;
  bool ended = true;
};

} // namespace lathe

#endif
