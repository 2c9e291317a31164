//===- XfPrimitiveOps.td - what formulas are written with -------*- tablegen -*-===//
//
// Arithmetic on rows for which no op of the dialect has a name: an activation or a norm is written with these as its
// paper writes it. Values have a last axis of static extent, and their rows are whatever stands before it. Where two
// values meet, one may be
//   - of the same shape,
//   - one number for each row: the same shape with a last extent of 1,
//   - a vector that all rows share, [width] (weights), or one number for all, [1] (constants).
//
#ifndef LATHE_IR_XF_PRIMITIVE_OPS_TD
#define LATHE_IR_XF_PRIMITIVE_OPS_TD

include "ir/xf/XfDialect.td"

// An element of these is found in RowProgram by its name: see backends/halide/RowOps.def.
def Xf_MapKind : I32EnumAttr<"MapKind", "a function of one number", [
    I32EnumAttrCase<"Neg", 0, "neg">,
    I32EnumAttrCase<"Abs", 1, "abs">,
    I32EnumAttrCase<"Sign", 2, "sign">,
    I32EnumAttrCase<"Floor", 3, "floor">,
    I32EnumAttrCase<"Sqrt", 4, "sqrt">,
    I32EnumAttrCase<"Rsqrt", 5, "rsqrt">,
    I32EnumAttrCase<"Exp", 6, "exp">,
    I32EnumAttrCase<"Log", 7, "log">,
    I32EnumAttrCase<"Log1p", 8, "log1p">,
    I32EnumAttrCase<"Tanh", 9, "tanh">,
    I32EnumAttrCase<"Erf", 10, "erf">,
    I32EnumAttrCase<"Sigmoid", 11, "sigmoid">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}
def Xf_MapKindAttr : EnumAttr<Xf_Dialect, Xf_MapKind, "map_kind">;

def Xf_CombineKind : I32EnumAttr<"CombineKind", "a function of two numbers", [
    I32EnumAttrCase<"Add", 0, "add">,
    I32EnumAttrCase<"Sub", 1, "sub">,
    I32EnumAttrCase<"Mul", 2, "mul">,
    I32EnumAttrCase<"Div", 3, "div">,
    I32EnumAttrCase<"Max", 4, "max">,
    I32EnumAttrCase<"Min", 5, "min">,
    I32EnumAttrCase<"Pow", 6, "pow">,
    I32EnumAttrCase<"Less", 7, "less">,
    I32EnumAttrCase<"Equal", 8, "equal">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}
def Xf_CombineKindAttr : EnumAttr<Xf_Dialect, Xf_CombineKind, "combine_kind">;

def Xf_ReduceKind : I32EnumAttr<"ReduceKind", "what a row comes to", [
    I32EnumAttrCase<"Sum", 0, "sum">,
    I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Max", 2, "max">,
    I32EnumAttrCase<"Min", 3, "min">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
}
def Xf_ReduceKindAttr : EnumAttr<Xf_Dialect, Xf_ReduceKind, "reduce_kind">;

def Xf_IsNumber : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getShape() == ::llvm::ArrayRef<int64_t>{1}">;
def Xf_Number : RankedTensorOf<[F32], [Xf_IsNumber], "tensor of one element">;

def Xf_ConstantOp : Xf_PureOp<"constant"> {
  let summary = "a number of the formula";
  let arguments = (ins F64Attr:$value);
  let results = (outs Xf_Number:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
}

def Xf_MapOp : Xf_PureOp<"map", [AllTypesMatch<["x", "result"]>]> {
  let summary = "a function of each element";
  let description = [{
    `log1p` is log(1 + x), `rsqrt` 1 / sqrt(x), `sigmoid` 1 / (1 + e^-x); `sign` of 0 is 0. NaN gives NaN.
  }];
  let arguments = (ins Xf_MapKindAttr:$kind, Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "`` $kind $x attr-dict `:` type($x)";
}

def Xf_CombineOp : Xf_PureOp<"combine"> {
  let summary = "a function of two elements";
  let description = [{
    `less` and `equal` give 1 or 0, so they multiply and select. `max` and `min` give NaN where either element is. Shapes
    meet as the top of XfPrimitiveOps.td says.

    ```mlir
    %y = xf.combine mul %x, %gain : tensor<?x768xf32>, tensor<768xf32> -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Xf_CombineKindAttr:$kind, Xf_Tensor:$lhs, Xf_Tensor:$rhs);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "`` $kind $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_SelectOp : Xf_PureOp<"select"> {
  let summary = "one of two elements";
  let description = "`result = condition != 0 ? x : y`, element by element; shapes meet as with `xf.combine`.";
  let arguments = (ins Xf_Tensor:$condition, Xf_Tensor:$x, Xf_Tensor:$y);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $x `,` $y attr-dict `:` type($condition) `,` type($x) `,` type($y) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_ReduceOp : Xf_PureOp<"reduce"> {
  let summary = "one number for each row";
  let description = "Over the last axis, which stays with an extent of 1. `max` and `min` give NaN where an element is.";
  let arguments = (ins Xf_ReduceKindAttr:$kind, Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "`` $kind $x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_RowGroupOp : Xf_PureOp<"row_group", [IsolatedFromAbove, SingleBlock]> {
  let summary = "a formula on rows, computed in one go";
  let description = [{
    Formed by `FormRowGroups`: primitives, and elementwise ops beside them, that become one kernel. The body's arguments
    stand for the inputs: rows, and vectors that all rows share. What lies between the ops is never stored whole.

    ```mlir
    %y = xf.row_group %x, %gain {
    ^bb0(%a: tensor<?x768xf32>, %g: tensor<768xf32>):
      %0 = xf.combine mul %a, %a : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
      ...
      xf.yield %5 : tensor<?x768xf32>
    } : (tensor<?x768xf32>, tensor<768xf32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Variadic<Xf_Tensor>:$inputs);
  let results = (outs Variadic<Xf_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$inputs $body attr-dict `:` functional-type($inputs, $results)";
  let hasVerifier = 1;
}

def Xf_YieldOp : Xf_PureOp<"yield", [Terminator, HasParent<"RowGroupOp">]> {
  let summary = "what a group gives";
  let arguments = (ins Variadic<Xf_Tensor>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

#endif // LATHE_IR_XF_PRIMITIVE_OPS_TD
