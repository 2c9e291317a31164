//===- Similarity.h - two entries whose results are compared ------------------===//
#ifndef LATHE_IR_XF_SIMILARITY_H
#define LATHE_IR_XF_SIMILARITY_H

#include "ir/xf/XfDialect.h"

#include "mlir/IR/BuiltinOps.h"

namespace lathe::xf {

/// The name by which callers run both: the module's first entry for them, though no function of it.
inline constexpr llvm::StringLiteral similarityEntry = "similarity";

/// What a module compares; null where nothing.
inline SimilarityAttr similarityOf(mlir::ModuleOp module) {
  return module->getAttrOfType<SimilarityAttr>(XfDialect::similarityAttr);
}

} // namespace lathe::xf

#endif
