//===- RunStage.h - the passes of one stage -----------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_RUNSTAGE_H
#define LATHE_COMPILER_DRIVER_RUNSTAGE_H

#include "compiler/pipelines/Pipelines.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <memory>

namespace lathe {

/// A context with everything that compiling uses.
std::unique_ptr<mlir::MLIRContext> createContext();

/// Runs one stage's passes; diagnostics become the error's message.
llvm::Error runStage(mlir::ModuleOp module, Stage stage, const PipelineOptions &options);

/// Prints a stage's form for people: large constants elided, weights by name.
void printForm(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace lathe

#endif
