//===- Passes.td - what products are computed from --------------*- tablegen -*-===//
#ifndef LATHE_PASSES_PRECISION_PASSES_TD
#define LATHE_PASSES_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignPrecisionPass : Pass<"lathe-assign-precision", "mlir::ModuleOp"> {
  let summary = "linears and tables get the precision that was asked for";
  let description = [{
    Every `xf.linear`, `xf.lookup` and `xf.embed` gets the attribute `precision`, every `xf.attention` bf16: scores in
    bytes would lose what softmax needs of them. Norms, softmax, biases and the values that pass from op to op stay f32.
    Nothing changes precision unasked: `f32`, the default, sets nothing.

    ```mlir
    %y = xf.linear %x, %w bias(%b)    ==>    %y = xf.linear %x, %w bias(%b) in bf16
    ```
  }];
  let options = [Option<"precision", "precision", "std::string", [{"f32"}], "f32, bf16 or int8">];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

#endif // LATHE_PASSES_PRECISION_PASSES_TD
