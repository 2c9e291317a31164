//===- WeightLayout.h - how weights lie in the weights file -------------------===//
//
// A layout is a way to store a tensor so that kernels read it in the order in which they compute: how many bytes there
// are, and what they say. Kernels state the layouts of what they read beside their slots; xf.packed_weight names them.
// Layouts.def lists them; to add one, write its class in the file of its precision and add its line.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_LAYOUTS_WEIGHTLAYOUT_H
#define LATHE_BACKENDS_CPU_LAYOUTS_WEIGHTLAYOUT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// A tensor's elements as rows along its first axis, whatever a checkpoint stores them as; a vector's rows have one.
struct WeightRows {
  int64_t count = 0, width = 1;
  /// Gives row `row`, in [0, count), in f32.
  llvm::function_ref<void(int64_t row, llvm::MutableArrayRef<float> out)> read;
  /// How much an error in a column counts for a layout that has to choose; empty: all alike.
  llvm::ArrayRef<float> importance = {};
};

/// Takes the stored bytes, from first to last.
using ByteSink = llvm::function_ref<void(llvm::ArrayRef<char>)>;

class WeightLayout {
public:
  virtual ~WeightLayout() = default;

  llvm::StringRef name() const { return layoutName; }
  /// What a kernel is given for a tensor of that shape: a vector, or a matrix [N][K].
  virtual mlir::MemRefType type(mlir::Builder builder, llvm::ArrayRef<int64_t> shape) const = 0;
  /// Stores a tensor: as many bytes as its type has. Fails with the reason if it holds values that the layout cannot.
  virtual llvm::Error write(const WeightRows &rows, ByteSink sink) const = 0;

  /// Of a tensor of that shape.
  int64_t bytes(mlir::Builder builder, llvm::ArrayRef<int64_t> shape) const;

protected:
  explicit WeightLayout(llvm::StringRef name) : layoutName(name) {}

private:
  llvm::StringRef layoutName;
};

/// The layout of that name, or null.
const WeightLayout *lookupLayout(llvm::StringRef name);

#define LATHE_LAYOUT(NAME) const WeightLayout &layout_##NAME();
#include "backends/cpu/layouts/Layouts.def"

} // namespace lathe

#endif // LATHE_BACKENDS_CPU_LAYOUTS_WEIGHTLAYOUT_H
