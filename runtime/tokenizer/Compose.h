// Normalization forms C and KC: decomposition, and composition of what it left.
#ifndef LATHE_RUNTIME_TOKENIZER_COMPOSE_H
#define LATHE_RUNTIME_TOKENIZER_COMPOSE_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

/// Composes a text that a CharMap decomposes on the way. What is composed is aligned with the first code point that it
/// stands for, in the order that `tokenizers` counts them.
class Composer {
public:
  Composer(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), marks(allocator), sorted(allocator), blocked(allocator) {}

  /// Appends what `from` becomes to `to`.
  void run(const CharMap &map, const MappedText &from, MappedText &to);
  bool failed() const { return marks.failed || sorted.failed || blocked.failed; }

private:
  struct Part {
    uint32_t codePoint, combiningClass;
    uint32_t taken; // how many code points of the input it stands for; 0: shares the one before
  };

  void add(Part part);
  void flushMarks();
  void compose(Part part);
  void emit(Part part);
  void flush();
  uint32_t composed(uint32_t first, uint32_t second) const;

  const Tokenizer &tokenizer;
  const MappedText *from = nullptr;
  MappedText *to = nullptr;
  size_t given = 0; // the next byte of `from` that nothing stands for yet
  Buffer<Part> marks, sorted;
  // What was decomposed and ordered: a starter that may still be composed, and marks behind it that did not.
  Part starter = {};
  bool hasStarter = false;
  Buffer<Part> blocked;
};

} // namespace lathe

#endif
