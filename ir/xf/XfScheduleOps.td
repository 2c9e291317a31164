//===- XfScheduleOps.td - kernel calls over buffers -------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_SCHEDULE_OPS_TD
#define LATHE_IR_XF_SCHEDULE_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_PackedWeightOp : Xf_Op<"packed_weight", [Symbol]> {
  let summary = "a tensor of the artifact's weight file";
  let description = [{
    Says how the compiler makes it from the checkpoint: `sources` joined along their first axis, widened to f32, then laid
    out as `layout` says: `rows` (as it is), `vector` (padded to 16), `panels` ([N/16][K][16], rows padded with zeros).
    `offset` in bytes, 64-byte aligned, in the tensors' section; equal recipes share one tensor.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$sources, StrAttr:$layout, DenseI64ArrayAttr:$shape,
                       I64Attr:$offset, I64Attr:$bytes);
  let assemblyFormat = "$sym_name `from` $sources `layout` $layout `shape` $shape `at` $offset `bytes` $bytes attr-dict";
}

def Xf_WeightAddressOp : Xf_PureOp<"weight_address"> {
  let summary = "where a packed weight lies, or layer `index`'s one of several";
  let arguments = (ins ArrayAttr:$weights, Optional<Index>:$index);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$weights (`at` $index^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Xf_OutputAddressOp : Xf_PureOp<"output_address"> {
  let summary = "the buffer of output number `outputs[index]`";
  let arguments = (ins DenseI64ArrayAttr:$outputs, Optional<Index>:$index);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$outputs (`at` $index^)? attr-dict `:` type($result)";
}

def Xf_KernelOp : Xf_Op<"kernel", [Symbol]> {
  let summary = "a kernel to be built: a family and its parameters";
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$family, DictionaryAttr:$parameters);
  let assemblyFormat = "$sym_name `family` $family $parameters attr-dict";
}

def Xf_LaunchOp : Xf_Op<"launch"> {
  let summary = "a kernel over all its panels, in parallel";
  let description = [{
    Operands become the kernel's slots in order: buffers their addresses, index values, and the `f32` constants among them
    their bits. Returns when all panels are done. `step` names what is computed, for profiles.

    ```mlir
    xf.launch @gemm_f32_bias_gelu(%x, %ldx, ...) panels %n step "encoder_layer/intermediate" : memref<?x384xf32>, index, ...
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$inputs, Index:$panels, StrAttr:$step,
                       DenseI64ArrayAttr:$writes);
  let assemblyFormat = "$kernel `(` $inputs `)` `panels` $panels `step` $step `writes` $writes attr-dict `:` type($inputs)";
}

#endif // LATHE_IR_XF_SCHEDULE_OPS_TD
