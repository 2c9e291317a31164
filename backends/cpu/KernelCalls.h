//===- KernelCalls.h - buffers, weights and launches while they are chosen ----===//
//
// What SelectKernels writes with: it asks for buffers and weights by meaning and for launches by the names of a
// kernel's slots, and this class emits the ops.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_KERNELCALLS_H
#define LATHE_BACKENDS_CPU_KERNELCALLS_H

#include "backends/cpu/Passes.h"
#include "backends/cpu/kernels/Kernels.h"
#include "backends/halide/RowProgram.h"
#include "ir/xf/WorkFormula.h"

#include "llvm/ADT/StringMap.h"

namespace lathe {

/// Rows of f32 (or i32 ids, or bf16, or bytes, see KernelCalls) in memory.
struct Buffer {
  mlir::Value memref;
  xf::Rows rows;
  int64_t width;
  int64_t stride; ///< elements from a row to the next
};

/// A weight as the graph names it: tensors to be joined. In a layer function the names stand behind each layer's
/// prefix.
struct WeightRef {
  llvm::SmallVector<std::string, 1> names;
  bool perLayer = false;
};

/// How a weight is packed: its layout, and what is done to its columns (see xf.packed_weight).
struct Packing {
  Packing(llvm::StringRef layout) : layout(layout) {}
  Packing(const char *layout) : layout(layout) {}

  llvm::StringRef layout;
  std::optional<WeightRef> smoothing = std::nullopt, importance = std::nullopt;
};

/// What a launch is known to do beyond reading and writing all that its arguments hold.
struct LaunchWork {
  xf::WorkFormula flops; ///< of matrix products, a multiply-add counts two
  /// Bytes of arguments, by slot, of which only some rows are read.
  llvm::SmallVector<std::pair<llvm::StringRef, xf::WorkFormula>, 0> bytes = {};
};

/// Where packed weights are declared; one per module, so that equal recipes share one tensor. Recipes are equal where
/// the values of their sources are (ShareWeights makes those of equal content one), under whichever names.
class WeightTable {
public:
  explicit WeightTable(mlir::ModuleOp module) : module(module) {}

  /// The xf.packed_weight of these checkpoint tensors in this layout, their columns smoothed and weighed by the weights
  /// of those names, if any. Each call that `counts` is a use of it.
  mlir::FlatSymbolRefAttr pack(llvm::ArrayRef<std::string> sources, llvm::StringRef layout,
                               llvm::StringRef smoothing = "", llvm::StringRef importance = "", bool counts = true);
  /// The shape that the joined sources have in the checkpoint.
  llvm::SmallVector<int64_t> shapeOf(llvm::ArrayRef<std::string> sources);

private:
  mlir::ModuleOp module;
  int64_t nextOffset = 0;
  llvm::DenseMap<mlir::Attribute, xf::PackedWeightOp> packed; ///< by all that it is made of, as values
};

/// Emits into one entry.
class KernelCalls {
public:
  KernelCalls(mlir::ModuleOp module, mlir::OpBuilder builder, WeightTable &weights)
      : builder(builder), module(module), weights(weights) {}

  mlir::OpBuilder builder;
  mlir::Value tokens, batch, longest;  ///< the run's sizes
  mlir::Value targets, longestTargets; ///< of the second token axis; null without one
  std::string function;                ///< whose ops are being lowered, for the names of steps

  /// The layers that are being lowered together: their prefixes, and which of them is meant (null if there is one).
  llvm::SmallVector<std::string> layerPrefixes;
  mlir::Value layerIndex;

  mlir::Value integer(int64_t value);
  mlir::Value real(double value);
  /// How many rows of a kind there are; of scores, without their heads.
  mlir::Value countOf(xf::Rows rows);
  /// Rows of the longest sequence on a token axis.
  mlir::Value longestOf(xf::Rows axis) { return axis == xf::Rows::Targets ? longestTargets : longest; }

  /// Says what an argument of the entry has one row of.
  void declareInput(mlir::Value memref, xf::Rows rows) { rowsOf[memref] = rows; }
  Buffer allocate(xf::Rows rows, int64_t width);
  /// Rows of i32.
  Buffer allocateWords(xf::Rows rows, int64_t width);
  /// Rows of bf16, of which kernels write whole vectors.
  Buffer allocateBf16(xf::Rows rows, int64_t width);
  /// Rows as quantize_u8 stores them, behind headers of their own; the stride counts bytes.
  Buffer allocateQuantized(xf::Rows rows, int64_t width);
  Buffer output(llvm::ArrayRef<int64_t> outputs, xf::Rows rows, int64_t width, mlir::Value index = nullptr);
  Buffer columns(const Buffer &buffer, int64_t from, int64_t width);
  mlir::Value weight(const WeightRef &ref, const Packing &packing);

  using Arguments = llvm::ArrayRef<std::pair<llvm::StringRef, mlir::Value>>;
  using Params = llvm::ArrayRef<mlir::NamedAttribute>;
  /// Launches `family` with arguments by slot name; slots left out are 0. The slot "y" is written. Each argument in
  /// memory counts as read or written once, unless `work` says otherwise.
  void launch(llvm::StringRef family, Params params, Arguments arguments, const llvm::Twine &step,
              const LaunchWork &work = {});
  /// Launches a row program: slots as RowKernels.h lists them.
  void launchRows(const RowProgram &program, mlir::ValueRange slots, const llvm::Twine &step);
  void copy(const Buffer &from, const Buffer &to, const llvm::Twine &step);

  mlir::NamedAttribute flag(llvm::StringRef name, bool value);
  mlir::NamedAttribute choice(llvm::StringRef name, llvm::StringRef value);
  mlir::NamedAttribute number(llvm::StringRef name, int64_t value);

  /// Whether what the entry reads counts as read by the model: not where the entry repeats another one.
  bool countsUses = true;
  /// Scratch that the launched kernels need.
  lathe_size_formula scratch = {};

private:
  mlir::Location loc() { return builder.getUnknownLoc(); }
  Buffer allocate(xf::Rows rows, int64_t width, int64_t stride, mlir::Type element);
  /// The bytes that an argument in memory holds; nothing for other arguments.
  xf::WorkFormula bytesOf(mlir::Value argument) const;
  /// What a launch costs, as xf.launch states it.
  struct Costs {
    xf::WorkFormula flops, weightBytes, activationBytes;

    /// Counts an argument, `bytes` of it.
    void add(mlir::Value argument, const xf::WorkFormula &bytes);
  };
  /// Declares a kernel unless it is declared already, and launches it.
  void launch(llvm::StringRef symbol, llvm::StringRef family, mlir::DictionaryAttr parameters, mlir::ValueRange slots,
              mlir::Value panels, llvm::ArrayRef<int64_t> writes, const Costs &costs, const llvm::Twine &step);

  mlir::ModuleOp module;
  WeightTable &weights;
  llvm::DenseMap<mlir::Value, xf::Rows> rowsOf; ///< of every buffer and view
};

} // namespace lathe

#endif
