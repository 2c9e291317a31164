//===- Passes.h - from tensors to kernel calls to native code -----------------===//
#ifndef LATHE_BACKENDS_CPU_PASSES_H
#define LATHE_BACKENDS_CPU_PASSES_H

#include "backends/cpu/IsaLevel.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace lathe {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "backends/cpu/Passes.h.inc"
} // namespace lathe

#endif
