//===- DerivedEntries.h - entries that were made of others --------------------===//
#ifndef LATHE_IR_XF_DERIVEDENTRIES_H
#define LATHE_IR_XF_DERIVEDENTRIES_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::xf {

/// The entry that DeriveDecode made for a purpose ("decode"), or null.
inline mlir::func::FuncOp findDerivedEntry(mlir::ModuleOp module, llvm::StringRef purpose) {
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (auto derived = function->getAttrOfType<mlir::StringAttr>(XfDialect::derivedAttr);
        derived && derived.getValue() == purpose)
      return function;
  return nullptr;
}

} // namespace lathe::xf

#endif
