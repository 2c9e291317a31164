//===- Edge.h - from a caller's tensors to an entry's arguments and back ------===//
//
// The reference for what the runtime does at the ABI's edge: inputs come padded with a mask, or ragged; entries want
// them dense or packed; outputs go back in the caller's form, zero where there is no token.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_INTERPRETER_EDGE_H
#define LATHE_IR_INTERPRETER_EDGE_H

#include "ir/interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace lathe {

using NamedTensors = std::map<std::string, Tensor>;

/// The module's entry function with this name, or its first one when `name` is empty.
llvm::Expected<mlir::func::FuncOp> findEntry(mlir::ModuleOp module, llvm::StringRef name);

/// Runs an entry on tensors under Hugging Face's names: `input_ids` [B, S] with optional `attention_mask`,
/// `token_type_ids`, `position_ids`; or ragged `input_ids` [T] with `cu_seqlens` [B+1]. Wrong names, shapes and values
/// are errors that say what was found and what is accepted.
llvm::Expected<NamedTensors> interpretEntry(mlir::func::FuncOp entry, const NamedTensors &inputs);

/// Runs a module's entry of that name. Of a module that compares texts with images, `similarity` runs both entries and
/// adds `logits_per_image` and `logits_per_text`; without a name it is that where both are given, and else the one
/// entry that takes what is.
llvm::Expected<NamedTensors> interpretModule(mlir::ModuleOp module, llvm::StringRef name, const NamedTensors &inputs);

} // namespace lathe

#endif
