//===- DeadOps.h - what nothing reads any more --------------------------------===//
#ifndef LATHE_IR_XF_DEADOPS_H
#define LATHE_IR_XF_DEADOPS_H

#include "mlir/IR/Block.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe::xf {

/// Erases ops without effects whose results nothing reads, and what only these read.
inline void eraseDead(mlir::Block &block) {
  for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (mlir::isOpTriviallyDead(&op))
      op.erase();
}

} // namespace lathe::xf

#endif
