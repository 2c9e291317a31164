//===- Passes.td - what holds at the end of a stage -------------*- tablegen -*-===//
#ifndef LATHE_PASSES_VERIFY_PASSES_TD
#define LATHE_PASSES_VERIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

class VerifyStagePass<string stage, string promise> : Pass<"lathe-verify-" # stage, "mlir::ModuleOp"> {
  let summary = "checks what stage `" # stage # "` promises: " # promise;
}

def VerifyImportPass : VerifyStagePass<"import", "dense unfused xf ops; the entry's inputs and outputs are named">;
def VerifyGraphPass : VerifyStagePass<"graph", "an entry is dense or packed, never both; layer functions are used">;
def VerifyPrecisionPass : VerifyStagePass<"precision", "every value has an element type that kernels exist for">;
def VerifySchedulePass : VerifyStagePass<"schedule", "no tensors; launches over buffers that have their places">;
def VerifyKernelsPass : VerifyStagePass<"kernels", "no xf ops; entries are functions of a frame">;

#endif // LATHE_PASSES_VERIFY_PASSES_TD
