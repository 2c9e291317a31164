// The Canonical Ordering Algorithm of the Unicode Standard (3.11), for runs of combining marks of any length.
#ifndef LATHE_RUNTIME_TOKENIZER_CANONICALORDER_H
#define LATHE_RUNTIME_TOKENIZER_CANONICALORDER_H

#include "runtime/tokenizer/Buffer.h"

namespace lathe {

/// The run `marks` by combining class, which `classOf` gives; `sorted` has room for it when it was out of order.
/// Null: no memory.
template <typename Mark, typename Function>
const Mark *inCanonicalOrder(const Buffer<Mark> &marks, Buffer<Mark> &sorted, Function classOf) {
  size_t i = 1;
  while (i < marks.size && classOf(marks.data[i - 1]) <= classOf(marks.data[i]))
    ++i;
  if (i >= marks.size)
    return marks.data;
  // A counting sort is stable, and linear even for a megabyte of marks.
  sorted.size = 0;
  if (!sorted.reserve(marks.size))
    return nullptr;
  size_t starts[257] = {};
  for (size_t k = 0; k < marks.size; ++k)
    ++starts[classOf(marks.data[k]) + 1];
  for (unsigned c = 1; c < 257; ++c)
    starts[c] += starts[c - 1];
  for (size_t k = 0; k < marks.size; ++k)
    sorted.data[starts[classOf(marks.data[k])]++] = marks.data[k];
  return sorted.data;
}

} // namespace lathe

#endif
