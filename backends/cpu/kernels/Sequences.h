// Where the rows of each sequence are: one token axis cut by cu_seqlens, or padded rows with a mask.
#ifndef LATHE_BACKENDS_CPU_KERNELS_SEQUENCES_H
#define LATHE_BACKENDS_CPU_KERNELS_SEQUENCES_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// Rows [first, first + length); with a mask, some of them hold no token.
struct Sequence {
  mlir::Value first, length;
  mlir::Value mask; // null: all rows hold tokens

  mlir::Value present(KernelBuilder &b, mlir::Value row) const {
    if (!mask)
      return b.equal(row, row);
    return b.less(b.integer(0), b.loadByte(b.atByte(mask, b.add(first, row))));
  }
};

class Sequences {
public:
  /// Slots by index, as a family's table has them.
  Sequences(KernelBuilder &b, bool masked, unsigned cuSeqlens, unsigned mask, unsigned longest)
      : mask(masked ? b.pointerSlot(mask) : mlir::Value()), longest(masked ? b.integerSlot(longest) : mlir::Value()),
        cuSeqlens(masked ? mlir::Value() : b.pointerSlot(cuSeqlens)) {}

  Sequence at(KernelBuilder &b, mlir::Value index) const {
    if (mask)
      return {b.mul(index, longest), longest, mask};
    mlir::Value entry = b.at(cuSeqlens, index); // an i32 is as wide as an f32
    mlir::Value first = b.loadIndex(entry);
    return {first, b.sub(b.loadIndex(b.at(entry, 1)), first), nullptr};
  }

private:
  mlir::Value mask, longest, cuSeqlens;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_SEQUENCES_H
