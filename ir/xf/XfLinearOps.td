//===- XfLinearOps.td - matrix products with weights ------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_LINEAR_OPS_TD
#define LATHE_IR_XF_LINEAR_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_LinearOp : Xf_PureOp<"linear", [AttrSizedOperandSegments]> {
  let summary = "x W^T + b, and what is done to it while it is in registers";
  let description = [{
    `result[..., n] = act(sum_k x[..., k] * weight[n, k] + bias[n]) + residual[..., n]`. Importers write the product with
    its bias; activation and residual are added by `FuseLinearEpilogue`. With a `precision`, which `AssignPrecision` sets,
    x and weight are rounded to it before they are multiplied. In int8 `range`, the least and the greatest number of x that
    is expected, 0 being one of them, takes the place of each row's own; x beyond it counts as its end. In `int4` so
    many neighbouring weights of a row are a group. A `narrow` result is rounded to bf16 as it is stored (`NarrowResults`).

    Calibration adds, of those that read x in bytes: `smoothing` [K], which evens out the channels of x (SmoothQuant, Xiao
    et al. 2023), so that `x[..., k] * smoothing[k]` and `weight[n, k] / smoothing[k]` are what is rounded; and in int4
    `importance` [K], how much an error in a column counts when steps and zeros of groups are chosen.

    ```mlir
    %y = xf.linear %x, %w bias(%b) activation gelu : tensor<?x384xf32>, tensor<1536x384xf32> -> tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$x, Xf_Matrix:$weight, Optional<Xf_Vector>:$bias, Optional<Xf_Tensor>:$residual,
                       OptionalAttr<Xf_ActivationAttr>:$activation,
                       OptionalAttr<Xf_PrecisionAttr>:$precision, Optional<Xf_Vector>:$range,
                       OptionalAttr<I64Attr>:$group,
                       Optional<Xf_Vector>:$smoothing, Optional<Xf_Vector>:$importance, UnitAttr:$narrow);
  let results = (outs Xf_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$x, "::mlir::Value":$weight, "::mlir::Value":$bias), [{
    build($_builder, $_state, result, x, weight, bias, /*residual=*/::mlir::Value(), /*activation=*/nullptr, /*precision=*/nullptr,
          /*range=*/::mlir::Value(), /*group=*/nullptr, /*smoothing=*/::mlir::Value(), /*importance=*/::mlir::Value(),
          /*narrow=*/nullptr);
  }]>];
  let assemblyFormat = [{
    $x `,` $weight (`bias` `(` $bias^ `:` type($bias) `)`)? (`activation` `` $activation^)?
    (`residual` `(` $residual^ `:` type($residual) `)`)? (`in` `` $precision^)?
    (`groups` `of` $group^)? (`range` `(` $range^ `:` type($range) `)`)?
    (`smoothing` `(` $smoothing^ `:` type($smoothing) `)`)? (`importance` `(` $importance^ `:` type($importance) `)`)?
    (`narrow` $narrow^)? attr-dict `:` type($x) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_ArgmaxOp : Xf_PureOp<"argmax"> {
  let summary = "each row's greatest number, and which it is";
  let description = [{
    Of x [rows, n], `result` [rows, 2] has the greatest and its index, the first of several, as f32, in which it is exact:
    n is at most 2^24. Where a row has something that is no number the greatest is infinity. `DeriveDecode` adds it behind
    logits. Of the result of a linear that nothing else reads, the product's kernel keeps the greatest of each 16 columns
    alone, so that rows of logits are stored nowhere.
  }];
  let arguments = (ins Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_ConcatOp : Xf_PureOp<"concat"> {
  let summary = "tensors joined along their first axis";
  let description = "Joins weights (or biases) of linears that read the same input; formed by `MergeQkv`.";
  let arguments = (ins Variadic<Xf_Tensor>:$inputs);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_SplitOp : Xf_PureOp<"split"> {
  let summary = "a tensor cut along its last axis";
  let description = "The widths of the results, in order, add up to the input's. The inverse of merging linears.";
  let arguments = (ins Xf_Tensor:$input);
  let results = (outs Variadic<Xf_Tensor>:$results);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($results)";
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_LINEAR_OPS_TD
