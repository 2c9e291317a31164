//===- XfElementwiseOps.td - one value at a time ----------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_ELEMENTWISE_OPS_TD
#define LATHE_IR_XF_ELEMENTWISE_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_AddOp : Xf_PureOp<"add", [AllTypesMatch<["lhs", "rhs", "result"]>, Commutative]> {
  let summary = "elementwise sum";
  let arguments = (ins Xf_Tensor:$lhs, Xf_Tensor:$rhs);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs)";
}

def Xf_ScaleOp : Xf_PureOp<"scale", [AllTypesMatch<["x", "result"]>]> {
  let summary = "product with a constant";
  let arguments = (ins Xf_Tensor:$x, F64Attr:$factor);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x `by` $factor attr-dict `:` type($x)";
}

def Xf_ActivateOp : Xf_PureOp<"activate", [AllTypesMatch<["x", "result"]>]> {
  let summary = "an activation function";
  let description = [{
    `gelu` is x Phi(x) with the error function (Hendrycks and Gimpel 2016), `gelu_tanh` its approximation by tanh, `silu`
    x sigmoid(x).
  }];
  let arguments = (ins Xf_ActivationAttr:$activation, Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  // An enum attribute prints a space before itself, so the format suppresses its own (here and in other ops).
  let assemblyFormat = "`` $activation $x attr-dict `:` type($x)";
}

#endif // LATHE_IR_XF_ELEMENTWISE_OPS_TD
