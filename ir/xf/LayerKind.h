//===- LayerKind.h - the name by which people know layers ---------------------===//
#ifndef LATHE_IR_XF_LAYERKIND_H
#define LATHE_IR_XF_LAYERKIND_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::xf {

/// Of a layer function that a pass made of another, the other's; of any other function its own.
inline llvm::StringRef layerKindOf(mlir::func::FuncOp function) {
  auto kind = function->getAttrOfType<mlir::StringAttr>(XfDialect::layerKindAttr);
  return kind ? kind.getValue() : function.getSymName();
}

/// Has a copy of a layer function known by the name of that one.
inline void keepLayerKind(mlir::func::FuncOp copy, mlir::func::FuncOp original) {
  copy->setAttr(XfDialect::layerKindAttr, mlir::StringAttr::get(copy.getContext(), layerKindOf(original)));
}

} // namespace lathe::xf

#endif
