//===- TokenAxes.h - which of an entry's token axes a value lies on -----------===//
#ifndef LATHE_IR_XF_TOKENAXES_H
#define LATHE_IR_XF_TOKENAXES_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::xf {

/// What inputs of the second token axis are called before their name: where it has what a decoder reads, and where it
/// has what tokens remember, rows from before the run and then their own.
inline constexpr llvm::StringLiteral targetPrefix = "decoder_", memoryPrefix = "memory_";
/// Such rows, by the number of the layer behind it.
inline constexpr llvm::StringLiteral memoriesPrefix = "mems.";

/// What inputs of layers' rotations are called before the layer's number.
inline constexpr llvm::StringLiteral rotationsPrefix = "random_rotations.";

/// Whether the second token axis is one of memories.
inline bool isOfMemories(llvm::StringRef inputName) {
  return inputName.starts_with(memoryPrefix) || inputName.starts_with(memoriesPrefix);
}
/// The axis of an input.
inline Rows axisOfInput(llvm::StringRef name) {
  return name.starts_with(targetPrefix) || isOfMemories(name) ? Rows::Targets : Rows::Tokens;
}
/// What an input is on its axis: of "decoder_input_ids" "input_ids".
inline llvm::StringRef inputOnAxis(llvm::StringRef name) {
  if (!name.consume_front(targetPrefix))
    name.consume_front(memoryPrefix);
  return name;
}

inline std::string nameOnAxis(llvm::StringRef name, Rows axis) {
  return ((axis == Rows::Targets ? llvm::StringRef(targetPrefix) : llvm::StringRef()) + name).str();
}

/// Found from the names of entries' inputs: what an op computes lies where the first of its operands does that lies
/// anywhere, and a layer's arguments lie where it is called with them.
class TokenAxes {
public:
  /// Of all entries of a module and the layers that they call.
  explicit TokenAxes(mlir::ModuleOp module);

  /// Tokens or Targets; of what lies on neither, as weights, Tokens.
  Rows of(mlir::Value value) const {
    auto found = axes.find(value);
    return found == axes.end() ? Rows::Tokens : found->second;
  }
  /// Whether any value lies on the second axis.
  bool hasTargets() const { return anyTargets; }
  /// Whether that has what tokens remember.
  bool hasMemories() const { return anyMemories; }

private:
  void visitEntry(mlir::func::FuncOp entry);
  void visit(mlir::Block &block);
  void set(mlir::Value value, Rows axis);

  mlir::ModuleOp module;
  llvm::DenseMap<mlir::Value, Rows> axes;
  bool anyTargets = false, anyMemories = false;
};

} // namespace lathe::xf

#endif
