//===- Passes.h - what products are computed from -----------------------------===//
#ifndef LATHE_PASSES_PRECISION_PASSES_H
#define LATHE_PASSES_PRECISION_PASSES_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace lathe {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/precision/Passes.h.inc"
} // namespace lathe

#endif
