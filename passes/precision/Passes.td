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

    The module's attribute `xf.precision_overrides` names units (`embeddings`, `head`, layers such as `bert_layer 3`, by
    their number) with another precision than `precision`. A layer function whose layers have several becomes a copy for
    each, and a stack of them one for each run of layers of one precision.
    Int4 is for linears, in groups of `group` weights. Tables are int8 then, and so are linears whose weight is a table as
    well: one copy in int8 is smaller than one in each.

    ```mlir
    %y = xf.linear %x, %w bias(%b)    ==>    %y = xf.linear %x, %w bias(%b) in bf16

    %y = xf.layers @layer(%x) weights ["0.", "1."]    ==>    %0 = xf.layers @layer_bf16(%x) weights ["0."]
                                                             %y = xf.layers @layer_int8(%0) weights ["1."]
    ```
  }];
  let options = [Option<"precision", "precision", "std::string", [{"f32"}], "f32, bf16, int8 or int4">,
                 Option<"group", "group", "int64_t", "64", "Weights in a group of int4: 32, 64 or 128">];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def ObserveFactorsPass : Pass<"lathe-observe-factors", "mlir::ModuleOp"> {
  let summary = "traces show what linears read";
  let description = [{
    Marks every `xf.linear` as `xf.observed`. SelectKernels copies its input, in f32, by a step of its own, "input of" and
    the name of its weight, which a trace of a run shows like any other: so a model's activations are measured whatever
    computes them, and nothing else of the program changes.
  }];
}

def FixRangesPass : Pass<"lathe-fix-ranges", "mlir::ModuleOp"> {
  let summary = "products in int8 get the ranges that calibration found";
  let description = [{
    The module's attribute `xf.ranges` has the range of what linears read, by the full name of their weight. A linear in
    int8 whose input another linear in int8 computes, for it alone, gets its range: a value of its own for each layer, by
    which the other linear's kernel stores bytes at once. What norms and attention give keeps a range for each row.

    ```mlir
    %y = xf.linear %x, %w in int8    ==>    %y = xf.linear %x, %w in int8 range(%r : tensor<2xf32>)
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def SmoothFactorsPass : Pass<"lathe-smooth-factors", "mlir::ModuleOp"> {
  let summary = "products that read bytes get their inputs smoothed";
  let description = [{
    A linear with the attribute `xf.smoothed_by`, a weight's name, multiplies the columns of x with that weight if it reads
    x in bytes, and its own columns by the inverse: large columns would take from the others the steps that they need.
    Linears that read one value have one smoothing, in all layers, so that what computes the value stores it once.

    ```mlir
    %y = xf.linear %x, %w in int8 {xf.smoothed_by = @s}    ==>    %s = xf.load_weight @s : tensor<8xf32>
                                                                  %y = xf.linear %x, %w in int8 smoothing(%s : tensor<8xf32>)
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def NarrowResultsPass : Pass<"lathe-narrow-results", "mlir::ModuleOp"> {
  let summary = "what becomes bytes passes through memory in bf16";
  let description = [{
    A row has its range of bytes when all of it is computed, so products and attention store what quantising reads again.
    Where products that read bytes are all that reads such a result, and by no range that is known before, it is `narrow`:
    half the traffic, and a rounding that is small against the steps of bytes. Runs behind `FixRanges`.

    ```mlir
    %x = xf.attention ... in bf16           ==>    %x = xf.attention ... in bf16 narrow
    %y = xf.linear %x, %w in int8                  %y = xf.linear %x, %w in int8
    ```
  }];
}

def WeighColumnsPass : Pass<"lathe-weigh-columns", "mlir::ModuleOp"> {
  let summary = "weights in int4 are rounded for what they multiply";
  let description = [{
    The module's attribute `xf.importances` has the mean square of each column of what linears read, by the full name of
    their weight. A linear in int4 gets it, so that steps and zeros are chosen for the least error of the product.

    ```mlir
    %y = xf.linear %x, %w in int4 groups of 64    ==>    %y = xf.linear %x, %w in int4 groups of 64 importance(%i : tensor<8xf32>)
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

#endif // LATHE_PASSES_PRECISION_PASSES_TD
