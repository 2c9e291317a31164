// Lanes of which the greatest is looked for, with the columns that they are of. Columns are floats, exact up to 2^24.
#ifndef LATHE_BACKENDS_CPU_KERNELS_GREATEST_H
#define LATHE_BACKENDS_CPU_KERNELS_GREATEST_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

struct Greatest {
  mlir::Value values, columns;

  /// Sixteen numbers of a row, from column `first` (i64) on: infinity for what is no number, and -infinity outside the
  /// mask, which may be null.
  static Greatest of(KernelBuilder &b, mlir::Value numbers, mlir::Value columns, mlir::Value mask) {
    mlir::Value values = b.select(b.equal(numbers, numbers), numbers, b.splat(INFINITY));
    return {mask ? b.select(mask, values, b.splat(-INFINITY)) : values, columns};
  }
  static mlir::Value columnsFrom(KernelBuilder &b, mlir::Value first) {
    return b.floatOf(b.add(b.broadcast(b.wordOf(first)), b.laneNumbers()));
  }

  /// Lane by lane the greater one; this one's where they are equal.
  Greatest orLater(KernelBuilder &b, const Greatest &later) const {
    mlir::Value isGreater = b.less(values, later.values);
    return {b.select(isGreater, later.values, values), b.select(isGreater, later.columns, columns)};
  }
  /// Of all lanes the greatest, and the first column that it is in; stores both.
  void store(KernelBuilder &b, mlir::Value value, mlir::Value column) const {
    mlir::Value greatest = b.maxOfLanes(values), isGreatest = b.equal(values, b.broadcast(greatest));
    mlir::Value negative = b.select(isGreatest, b.sub(b.splat(0.0f), columns), b.splat(-INFINITY));
    b.storeScalar(greatest, value);
    b.storeScalar(b.sub(b.scalar(0.0f), b.maxOfLanes(negative)), column);
  }
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_GREATEST_H
