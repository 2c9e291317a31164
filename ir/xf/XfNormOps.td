//===- XfNormOps.td - rows brought to a common size -------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_NORM_OPS_TD
#define LATHE_IR_XF_NORM_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_LayerNormOp : Xf_PureOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "layer normalisation over the last axis (Ba et al. 2016), or by the root of squares (Zhang and Sennrich 2019)";
  let description = [{
    With s = x + residual: `result = (s - mean(s)) / sqrt(var(s) + eps) * gain + bias`, var being the biased one;
    some models have no bias. With `rms`, and without a bias, `result = s / sqrt(mean(s^2) + eps) * gain`.
    `FuseResidualNorm` adds the residual.
  }];
  let arguments = (ins Xf_Tensor:$x, Optional<Xf_Tensor>:$residual, Xf_Vector:$gain, Optional<Xf_Vector>:$bias, F64Attr:$eps,
                       UnitAttr:$rms);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $x (`residual` `(` $residual^ `:` type($residual) `)`)? `,` $gain (`,` $bias^)? `eps` $eps (`rms` $rms^)? attr-dict
    `:` type($x) `,` type($gain) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_HeadNormOp : Xf_PureOp<"head_norm", [AllTypesMatch<["x", "result"]>]> {
  let summary = "each head by itself normalised by the root of squares";
  let description = [{
    x is `[..., heads * n]`, the gain `[n]`: every head's columns become `s / sqrt(mean(s^2) + eps) * gain`, as queries and
    keys do before they are multiplied (Henry et al. 2020).

    ```mlir
    %q = xf.head_norm %x, %gain heads 16 eps 1.0e-06 : tensor<?x?x2048xf32>, tensor<128xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$x, Xf_Vector:$gain, I64Attr:$heads, F64Attr:$eps);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x `,` $gain `heads` $heads `eps` $eps attr-dict `:` type($x) `,` type($gain)";
  let hasVerifier = 1;
}

def Xf_NormalizeOp : Xf_PureOp<"normalize", [AllTypesMatch<["x", "result"]>]> {
  let summary = "rows brought to length one";
  let description = "`result = x / max(|x|, eps)` with the Euclidean norm over the last axis.";
  let arguments = (ins Xf_Tensor:$x, F64Attr:$eps);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x `eps` $eps attr-dict `:` type($x)";
}

#endif // LATHE_IR_XF_NORM_OPS_TD
