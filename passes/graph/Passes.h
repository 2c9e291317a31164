//===- Passes.h - tensor rewrites: fusion, packing, layer sharing -------------===//
#ifndef LATHE_PASSES_GRAPH_PASSES_H
#define LATHE_PASSES_GRAPH_PASSES_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace lathe {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/graph/Passes.h.inc"
} // namespace lathe

#endif
