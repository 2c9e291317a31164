//===- JoinedRows.h - rows of a model's weights, as f32 -----------------------===//
#ifndef LATHE_COMPILER_DRIVER_JOINEDROWS_H
#define LATHE_COMPILER_DRIVER_JOINEDROWS_H

#include "compiler/import/safetensors/SafetensorsHeader.h"
#include "ir/xf/XfDialect.h"

namespace lathe {

/// The stored bytes that an xf.weight refers to, as the checkpoint's reader describes them.
TensorView viewOf(xf::WeightOp weight);

/// Tensors joined along their first axis, whatever they are stored as; a vector's rows have one number.
class JoinedRows {
public:
  explicit JoinedRows(llvm::SmallVector<TensorView> tensors);

  int64_t count() const { return rowCount; }
  int64_t width() const { return rowWidth; }
  /// Gives row `row`, in [0, count), in f32.
  void read(int64_t row, llvm::MutableArrayRef<float> out) const;
  llvm::ArrayRef<TensorView> tensors() const { return parts; }

private:
  llvm::SmallVector<TensorView> parts;
  int64_t rowCount = 0, rowWidth;
};

/// All numbers of a vector.
std::vector<float> readVector(xf::WeightOp weight);

} // namespace lathe

#endif
