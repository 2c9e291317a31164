//===- XfEmbeddingOps.td - tables of vectors --------------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_EMBEDDING_OPS_TD
#define LATHE_IR_XF_EMBEDDING_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_LookupOp : Xf_PureOp<"lookup"> {
  let summary = "rows of a table";
  let description = [{
    `result[..., h] = table[ids[...], h]`, with table `[rows, hidden]`. Ids lie in `[0, rows)`; the ABI's edge checks them. With a
    `precision`, which is not int4, the table is rounded to it.
  }];
  let arguments = (ins Xf_Ids:$ids, Xf_Matrix:$table, OptionalAttr<Xf_PrecisionAttr>:$precision);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$ids `in` $table (`rounded` `` $precision^)? attr-dict `:` type($ids) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_EmbedOp : Xf_PureOp<"embed", [AttrSizedOperandSegments]> {
  let summary = "a sum of lookups, then a layer norm";
  let description = [{
    `result = layer_norm(sum_t tables[t][ids[t]])`; without a `gain`, the sum itself; the norm's `bias` may be missing. `FuseEmbedding` forms those with a norm.
    With a `precision`, which is not int4, the tables are rounded to it.
  }];
  let arguments = (ins Variadic<Xf_Ids>:$ids, Variadic<Xf_Matrix>:$tables, Optional<Xf_Vector>:$gain,
                       Optional<Xf_Vector>:$bias, OptionalAttr<F64Attr>:$eps,
                       OptionalAttr<Xf_PrecisionAttr>:$precision);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    `ids` `(` $ids `:` type($ids) `)` `tables` `(` $tables `:` type($tables) `)`
    (`norm` `(` $gain^ `:` type($gain) `)` (`bias` `(` $bias^ `:` type($bias) `)`)? `eps` $eps)?
    (`rounded` `` $precision^)? attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_AdjacentOp : Xf_PureOp<"adjacent", [AttrSizedOperandSegments, AllTypesMatch<["x", "result"]>]> {
  let summary = "each token's neighbour";
  let description = [{
    `result[t]` is x of the token in the next column, or in the previous one; zeros where there is none: at the ends of a
    sequence, and beside what a mask leaves out. Dense `[batch, seq, hidden]` with a mask, or packed `[tokens, hidden]` with
    `cu_seqlens`; columns i32 `[batch, seq]` or `[tokens]`.

    ```mlir
    %n = xf.adjacent next %x cu_seqlens(%cu : tensor<?xi32>) columns %columns : tensor<?x128xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Xf_SideAttr:$side, Xf_Tensor:$x, Optional<Xf_Mask>:$mask, Optional<Xf_CuSeqlens>:$cu_seqlens,
                       Xf_Ids:$columns);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    `` $side $x (`mask` `(` $mask^ `:` type($mask) `)`)? (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)?
    `columns` $columns attr-dict `:` type($x) `,` type($columns)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_EMBEDDING_OPS_TD
