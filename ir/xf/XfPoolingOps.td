//===- XfPoolingOps.td - from tokens to one vector --------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_POOLING_OPS_TD
#define LATHE_IR_XF_POOLING_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_FirstTokenOp : Xf_PureOp<"first_token"> {
  let summary = "the vector of each sequence's first token";
  let description = [{
    Dense `[batch, seq, hidden]`: column 0. Packed `[tokens, hidden]` with `cu_seqlens`: the first row of each sequence;
    an empty sequence gives zeros.
  }];
  let arguments = (ins Xf_Tensor:$x, Optional<Xf_CuSeqlens>:$cu_seqlens);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_PoolOp : Xf_PureOp<"pool", [AttrSizedOperandSegments]> {
  let summary = "one vector of the tokens of each sequence";
  let description = [{
    Their mean, their maximum, their sum over the root of their number (`mean_sqrt`), their mean with weights column + 1
    (`weighted_mean`), or the `first` or `last` of them. Tokens whose mask is false take no part, nor do those that
    `except`, i32 `[batch, seq]` or `[tokens]`, has a number other than 0 for. A sequence without tokens gives zeros.

    ```mlir
    %v = xf.pool weighted_mean %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>)
           except(%prompt : tensor<?xi32>) : tensor<?x384xf32> -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Xf_PoolModeAttr:$mode, Xf_Tensor:$x, Optional<Xf_Mask>:$mask, Optional<Xf_CuSeqlens>:$cu_seqlens,
                       Optional<Xf_Ids>:$columns, Optional<Xf_Ids>:$except);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    `` $mode $x (`mask` `(` $mask^ `:` type($mask) `)`)? (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)?
    (`columns` `(` $columns^ `:` type($columns) `)`)? (`except` `(` $except^ `:` type($except) `)`)? attr-dict
    `:` type($x) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_JoinOp : Xf_PureOp<"join"> {
  let summary = "tensors joined along their last axis";
  let description = "Used where several poolings of one sequence stand side by side.";
  let arguments = (ins Variadic<Xf_Tensor>:$inputs);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_POOLING_OPS_TD
