//===- Passes.td - where buffers lie ----------------------------*- tablegen -*-===//
#ifndef LATHE_PASSES_SCHEDULE_PASSES_TD
#define LATHE_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanArenaPass : Pass<"lathe-plan-arena", "mlir::func::FuncOp"> {
  let summary = "gives every buffer its place, and the entry its memory formula";
  let description = [{
    Buffers are rows of a known width whose number is known only at run time, so they are placed per kind of rows, in bytes
    per row: one plan holds for every batch and length. Two buffers may overlap when none is live where the other is; a
    buffer used in a loop but made outside is live in all of it. Largest first, each at the lowest place that is free.
    Afterwards each `xf.buffer` has an offset and the entry's `xf.arena` says how many bytes a run needs.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

#endif // LATHE_PASSES_SCHEDULE_PASSES_TD
