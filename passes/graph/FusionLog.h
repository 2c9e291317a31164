//===- FusionLog.h - what the graph passes did, and why not -------------------===//
//
// Every fusion made or declined is written into the module (attribute `xf.fusions`), so that `lathe explain`, the
// manifest and --require-fusion read it from the IR. An entry is a dictionary {pass, where, what, made, reason}.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_GRAPH_FUSIONLOG_H
#define LATHE_PASSES_GRAPH_FUSIONLOG_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace lathe {

struct FusionRecord {
  std::string pass;  ///< "FuseAttention"
  std::string where; ///< the function
  std::string what;  ///< "12 heads of 32"
  bool made;
  std::string reason; ///< why declined; empty when made
};

/// Appends a record for a fusion at `op`. A declined one is also a missed-optimisation remark.
void recordMade(mlir::Operation *op, llvm::StringRef pass, const llvm::Twine &what);
void recordDeclined(mlir::Operation *op, llvm::StringRef pass, const llvm::Twine &what, const llvm::Twine &reason);

/// The records of a module, in the order of the passes.
std::vector<FusionRecord> getFusionRecords(mlir::ModuleOp module);

} // namespace lathe

#endif
