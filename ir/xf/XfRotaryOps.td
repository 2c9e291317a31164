//===- XfRotaryOps.td - positions as rotations ------------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_ROTARY_OPS_TD
#define LATHE_IR_XF_ROTARY_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_AnglesOp : Xf_PureOp<"angles"> {
  let summary = "by how much positions rotate: cosines, then sines";
  let description = [{
    With frequencies `[n]`, `result[..., i] = cos(positions[...] * frequencies[i])` and `result[..., n + i]` the sine of the same
    angle, which is rounded to f32 as it is where models are trained (Su et al. 2021).

    ```mlir
    %a = xf.angles %positions, %frequencies : tensor<?xi32>, tensor<32xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Xf_Ids:$positions, Xf_Vector:$frequencies);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$positions `,` $frequencies attr-dict `:` type($positions) `,` type($frequencies) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_RotateOp : Xf_PureOp<"rotate", [AllTypesMatch<["x", "result"]>]> {
  let summary = "the columns of each head rotated in pairs";
  let description = [{
    x is `[..., heads * d]`, angles are `[..., 2n]` as `xf.angles` gives them. Of each head columns i and n + i are a pair:
    `result[i] = x[i] cos_i - x[n + i] sin_i`, `result[n + i] = x[n + i] cos_i + x[i] sin_i`; those from 2n on stay as they
    are.
  }];
  let arguments = (ins Xf_Tensor:$x, Xf_Tensor:$angles, I64Attr:$heads);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x `by` $angles `heads` $heads attr-dict `:` type($x) `,` type($angles)";
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_ROTARY_OPS_TD
