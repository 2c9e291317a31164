//===- JoinedRows.h - rows of a model's weights, as f32 -----------------------===//
#ifndef LATHE_COMPILER_DRIVER_JOINEDROWS_H
#define LATHE_COMPILER_DRIVER_JOINEDROWS_H

#include "compiler/import/safetensors/SafetensorsHeader.h"
#include "ir/xf/XfDialect.h"

namespace lathe {

/// Weights joined along their first axis, whatever they are stored as; a vector's rows have one number.
class JoinedRows {
public:
  explicit JoinedRows(llvm::ArrayRef<xf::WeightOp> weights);

  int64_t count() const { return rowCount; }
  int64_t width() const { return rowWidth; }
  /// Gives row `row`, in [0, count), in f32.
  void read(int64_t row, llvm::MutableArrayRef<float> out) const;
  /// The weights as they are stored.
  llvm::ArrayRef<TensorView> tensors() const { return views; }

private:
  struct Part {
    int64_t rows;
    std::vector<float> turned; ///< of a transposed weight, its rows; they lie apart where it is stored
  };
  llvm::SmallVector<TensorView> views;
  llvm::SmallVector<Part> parts;
  int64_t rowCount = 0, rowWidth = 0;
};

/// All numbers of a vector.
std::vector<float> readVector(xf::WeightOp weight);

} // namespace lathe

#endif
