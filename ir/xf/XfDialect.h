//===- XfDialect.h - the transformer dialect ----------------------------------===//
//
// Ops on tensors at the level of a transformer's figure; see the .td files, split by concept, for what each means.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_XF_XFDIALECT_H
#define LATHE_IR_XF_XFDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#include "ir/xf/XfDialect.h.inc"
#include "ir/xf/XfEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/xf/XfAttributes.h.inc"

#define GET_OP_CLASSES
#include "ir/xf/XfOps.h.inc"

namespace lathe::xf {
/// What is rounded when products are in `precision`, besides weights: in int4 those alone have four bits.
inline std::optional<Precision> precisionOfX(std::optional<Precision> precision) {
  return precision == Precision::INT4 ? Precision::INT8 : precision;
}

/// The product of which a use is the x, read in bytes, and nothing else; null if it is none.
LinearOp readerInBytes(mlir::OpOperand &use);

/// What a query of one axis and a key of another, or the same, have a score in; and back.
Rows scoresOf(Rows queries, Rows keys);
Rows queriesOf(Rows scores);
Rows keysOf(Rows scores);
bool isScores(Rows rows);
/// What formulas of memory call the bytes of such a row: "per_token".
llvm::StringRef bytesPerRowName(Rows rows);

/// Whether the op is one that formulas are written with (XfPrimitiveOps.td), and names nothing of a transformer.
bool isPrimitive(mlir::Operation *op);
/// Whether the op may stand in an xf.row_group: a primitive, or an elementwise op that has a name.
bool canBeInRowGroup(mlir::Operation *op);
/// What such an op does, in a word: "mul", "exp", "row_sum", "gelu".
llvm::StringRef nameOfRowOp(mlir::Operation *op);
} // namespace lathe::xf

#endif
