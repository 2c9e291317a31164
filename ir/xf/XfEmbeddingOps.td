//===- XfEmbeddingOps.td - tables of vectors --------------------*- tablegen -*-===//
#ifndef LATHE_IR_XF_EMBEDDING_OPS_TD
#define LATHE_IR_XF_EMBEDDING_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_LookupOp : Xf_PureOp<"lookup"> {
  let summary = "rows of a table";
  let description = [{
    `result[..., h] = table[ids[...], h]`, with table `[rows, hidden]`. Ids lie in `[0, rows)`; the ABI's edge checks them. With
    `or_zeros` an id may also be -1, of which the row is zeros. With a `precision`, which is not int4, the table is rounded to it.

    ```mlir
    %n = xf.lookup %next_ids in %words or_zeros : tensor<?xi32>, tensor<307x20xf32> -> tensor<?x20xf32>
    ```
  }];
  let arguments = (ins Xf_Ids:$ids, Xf_Matrix:$table, UnitAttr:$or_zeros, OptionalAttr<Xf_PrecisionAttr>:$precision);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $ids `in` $table (`or_zeros` $or_zeros^)? (`rounded` `` $precision^)? attr-dict `:` type($ids) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_AxisIdsOp : Xf_PureOp<"axis_ids", [AllTypesMatch<["ids", "result"]>]> {
  let summary = "an axis' coordinates of ids that count the cells of a grid";
  let description = [{
    `result = ids / stride % extent`, for ids of at least 0.

    ```mlir
    %row = xf.axis_ids %positions stride 1024 extent 512 : tensor<?xi32>
    ```
  }];
  let arguments = (ins Xf_Ids:$ids, I64Attr:$stride, I64Attr:$extent);
  let results = (outs Xf_Ids:$result);
  let assemblyFormat = "$ids `stride` $stride `extent` $extent attr-dict `:` type($ids)";
  let hasVerifier = 1;
}

def Xf_EmbedOp : Xf_PureOp<"embed", [AttrSizedOperandSegments]> {
  let summary = "a sum of lookups, then a layer norm";
  let description = [{
    `result = layer_norm(sum_t tables[t][ids[t]])`; without a `gain`, the sum itself; the norm's `bias` may be missing. `FuseEmbedding` forms those with a norm.
    With `or_zeros` ids may be -1, which adds nothing. With a `precision`, which is not int4, the tables are rounded to it.
  }];
  let arguments = (ins Variadic<Xf_Ids>:$ids, Variadic<Xf_Matrix>:$tables, UnitAttr:$or_zeros, Optional<Xf_Vector>:$gain,
                       Optional<Xf_Vector>:$bias, OptionalAttr<F64Attr>:$eps,
                       OptionalAttr<Xf_PrecisionAttr>:$precision);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    `ids` `(` $ids `:` type($ids) `)` `tables` `(` $tables `:` type($tables) `)` (`or_zeros` $or_zeros^)?
    (`norm` `(` $gain^ `:` type($gain) `)` (`bias` `(` $bias^ `:` type($bias) `)`)? `eps` $eps)?
    (`rounded` `` $precision^)? attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_BlendOp : Xf_PureOp<"blend"> {
  let summary = "sums of a grid's rows, by weights of its rows and columns";
  let description = [{
    `result[..., h] = sum_ij row_weights[..., i] * column_weights[..., j] * grid[i * n + j, h]` for a grid of m x n places
    `[m * n, hidden]`: what a separable interpolation of it has where the weights are those of its two axes. Few of them
    differ from 0.

    ```mlir
    %p = xf.blend %rows, %columns in %grid : tensor<?x14xf32>, tensor<?x14xf32>, tensor<196x768xf32> -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$row_weights, Xf_Tensor:$column_weights, Xf_Matrix:$grid);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $row_weights `,` $column_weights `in` $grid attr-dict
    `:` type($row_weights) `,` type($column_weights) `,` type($grid) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_EMBEDDING_OPS_TD
