//===- XfScheduleOps.td - kernel calls over buffers -------------*- tablegen -*-===//
//
// The form at the end of stage `schedule`. An entry function's arguments are its inputs' buffers, then the sizes of the
// run as i64: tokens, batch, longest, and with a second token axis targets and the longest of these. Buffers are memrefs
// with one dynamic extent, their rows; strides are static.
//
#ifndef LATHE_IR_XF_SCHEDULE_OPS_TD
#define LATHE_IR_XF_SCHEDULE_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_Rows : I32EnumAttr<"Rows", "what a buffer has one row of", [
    I32EnumAttrCase<"Tokens", 0, "tokens">,
    I32EnumAttrCase<"Sequences", 1, "sequences">,
    I32EnumAttrCase<"Scores", 2, "scores">,
    I32EnumAttrCase<"Targets", 3, "targets">,
    I32EnumAttrCase<"TargetScores", 4, "target_scores">,
    I32EnumAttrCase<"CrossScores", 5, "cross_scores">,
    I32EnumAttrCase<"MemoryScores", 6, "memory_scores">]> {
  let cppNamespace = "::lathe::xf";
  let genSpecializedAttr = 0;
  let description = [{
    `targets`: the second token axis. `scores`: a row for each sequence, query and key, both tokens, both targets,
    (`cross_scores`) a target and a token, or (`memory_scores`) a token and one of what it remembers, which lies on the
    second axis; only dense attention in parts has such buffers.
  }];
}
def Xf_RowsAttr : EnumAttr<Xf_Dialect, Xf_Rows, "rows">;

def Xf_PackedWeightOp : Xf_Op<"packed_weight", [Symbol]> {
  let summary = "a tensor of the artifact's weight file";
  let description = [{
    Says how the compiler makes it from the checkpoint: `sources` joined along their first axis, each column divided by
    its number in the weight `smoothing`, laid out as the back end's layout of that name says; one that rounds makes the
    errors small where the weight `importance` is large. It lies `offset` bytes, a multiple of 64, into the tensors' section. `uses` says
    how many times the model as written down reads it: in how many places, in each for every layer. Left out, it is once.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefArrayAttr:$sources, StrAttr:$layout, I64Attr:$offset, I64Attr:$bytes,
                       DefaultValuedAttr<I64Attr, "1">:$uses, OptionalAttr<FlatSymbolRefAttr>:$smoothing,
                       OptionalAttr<FlatSymbolRefAttr>:$importance);
  let assemblyFormat = [{
    $sym_name `from` $sources (`smoothed` `by` $smoothing^)? (`weighed` `by` $importance^)? `layout` $layout `offset` $offset `bytes` $bytes (`uses` $uses^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Xf_WeightAddressOp : Xf_PureOp<"weight_address", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "where a packed weight lies; of several, where that of layer `index` lies";
  let description = "Folds to an address without an index where all layers have the same weight.";
  let arguments = (ins FlatSymbolRefArrayAttr:$weights, Optional<I64>:$index);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$weights (`at` $index^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Xf_BufferOp : Xf_Op<"buffer"> {
  let summary = "working memory";
  let description = [{
    `PlanArena` gives each buffer an offset, in bytes per row, within the arena's region for that kind of rows; buffers
    that are never live together may share it.
  }];
  let arguments = (ins Xf_RowsAttr:$rows, OptionalAttr<I64Attr>:$offset);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "`` $rows (`offset` $offset^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getBytesPerRow();
  }];
}

def Xf_OutputAddressOp : Xf_PureOp<"output_address"> {
  let summary = "the buffer of one of the entry's outputs; of several, that of layer `index`";
  let arguments = (ins DenseI64ArrayAttr:$outputs, Optional<I64>:$index);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$outputs (`at` $index^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Xf_ColumnsOp : Xf_PureOp<"columns"> {
  let summary = "some columns of a buffer";
  let description = "A view that begins at column `from`; its type carries the offset and the rows' stride.";
  let arguments = (ins AnyMemRef:$buffer, I64Attr:$from);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$buffer `from` $from attr-dict `:` type($buffer) `->` type($result)";
}

def Xf_KernelOp : Xf_Op<"kernel", [Symbol]> {
  let summary = "a kernel to be built: a family and its parameters";
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$family, DictionaryAttr:$parameters);
  let assemblyFormat = "$sym_name `family` $family $parameters attr-dict";
}

def Xf_LaunchOp : Xf_Op<"launch"> {
  let summary = "a kernel over all its panels, in parallel";
  let description = [{
    Arguments become the kernel's slots in order: buffers their addresses, integers their values, floats their bits.
    Returns when all panels are done. `writes` lists the arguments that are written; `step` names what is computed.
    `flops`, `weight_bytes` and `activation_bytes` say what one call does at least, each as the terms of a `WorkFormula`
    (fixed, and for each token, sequence, position of the longest sequence, pair of tokens, and pair of a token with one
    that it sees where none sees those behind it; and where any of these is not 0, for each target, pair of targets,
    pair of a target and a token); what is left out is nothing. They serve profiles and benchmarks.

    ```mlir
    xf.launch @lathe_gemm_f32_bias_gelu(%x, %c384, %w, ...) panels %n writes [6] step "bert_layer/intermediate.dense"
        flops [0, 4718592, 0, 0, 0, 0] weight_bytes [9449472, 0, 0, 0, 0, 0] activation_bytes [0, 15360, 0, 0, 0, 0]
        : memref<?x384xf32>, i64, memref<96x384x16xf32>, ...
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$inputs, I64:$panels, DenseI64ArrayAttr:$writes,
                       StrAttr:$step, OptionalAttr<DenseI64ArrayAttr>:$flops,
                       OptionalAttr<DenseI64ArrayAttr>:$weight_bytes, OptionalAttr<DenseI64ArrayAttr>:$activation_bytes);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `panels` $panels `writes` $writes `step` $step (`flops` $flops^)?
    (`weight_bytes` $weight_bytes^)? (`activation_bytes` $activation_bytes^)? attr-dict `:` type($inputs)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_SCHEDULE_OPS_TD
