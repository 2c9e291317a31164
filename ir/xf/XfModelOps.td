//===- XfModelOps.td - weights and layers -----------------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_MODEL_OPS_TD
#define LATHE_IR_XF_MODEL_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_WeightOp : Xf_Op<"weight", [Symbol]> {
  let summary = "a tensor of the checkpoint";
  let description = [{
    Names a tensor as stored: f32, f16, bf16 or f64, backed by the mapped file. Reading it (`xf.load_weight`, or as an
    argument of a layer) widens or rounds each element to f32. One that is `transposed` is stored the other way round than
    it is read, `[K, N]` for a matrix `[N, K]`.

    ```mlir
    xf.weight @pooler.dense.bias = dense_resource<pooler.dense.bias> : tensor<384xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value, UnitAttr:$transposed);
  let assemblyFormat = "$sym_name `=` $value (`transposed` $transposed^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type that loads of this weight have: the shape in which it is read with f32 elements.
    mlir::RankedTensorType getLoadedType();
    /// Weights of one content are read as the same numbers.
    mlir::Attribute getContent();
  }];
}

def Xf_LoadWeightOp : Xf_PureOp<"load_weight", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Xf_LayerOp : Xf_Op<"layer", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, Pure]> {
  let summary = "one layer: a call of a layer function with the weights behind a prefix";
  let description = [{
    The callee's arguments are first the operands, then weights: arguments that carry an `xf.weight` name. The weight
    with that name behind `weights` is passed for each. Layers that differ only in weights share one function. The first
    result is what the next layer begins with; there may be others, which a model gives away.

    ```mlir
    %1 = xf.layer @encoder_layer(%0, %mask) weights "encoder.layer.0." : (tensor<?x?x384xf32>, tensor<?x?xi1>) -> tensor<?x?x384xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs, StrAttr:$weights);
  let results = (outs Xf_Tensor:$result, Variadic<Xf_Tensor>:$others);
  let assemblyFormat = "$callee `(` $inputs `)` `weights` $weights attr-dict `:` functional-type($inputs, results)";
  let hasVerifier = 1;
}

def Xf_LayersOp : Xf_Op<"layers", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, Pure]> {
  let summary = "a stack of layers: a loop over a table of weights";
  let description = [{
    Applies the callee once per prefix in `weights`; the first operand is the value carried from layer to layer, the
    others are the same for all. One result: the last layer's. As many results as layers: every layer's.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs, StrArrayAttr:$weights);
  let results = (outs Variadic<Xf_Tensor>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` `weights` $weights attr-dict `:` functional-type($inputs, $results)";
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_MODEL_OPS_TD
