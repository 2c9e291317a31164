//===- XfAttentionOps.td - attention, in parts and whole --------*- tablegen -*-===//
#ifndef LATHE_IR_XF_ATTENTION_OPS_TD
#define LATHE_IR_XF_ATTENTION_OPS_TD

include "ir/xf/XfDialect.td"

def Xf_SplitHeadsOp : Xf_PureOp<"split_heads"> {
  let summary = "[batch, seq, heads * head_dim] -> [batch, heads, seq, head_dim]";
  let description = [{
    Where x has only every n-th head, each is there n times: head h of the result is head h / n of x (grouped queries,
    Ainslie et al. 2023).
  }];
  let arguments = (ins Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_MergeHeadsOp : Xf_PureOp<"merge_heads"> {
  let summary = "[batch, heads, seq, head_dim] -> [batch, seq, heads * head_dim]";
  let arguments = (ins Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_MatmulOp : Xf_PureOp<"matmul"> {
  let summary = "a product of two activations, per batch and head";
  let description = [{
    `[batch, heads, M, K] x [batch, heads, K, N] -> [batch, heads, M, N]`; with `transposed`, the second operand is
    `[batch, heads, N, K]`, as in QK^T.
  }];
  let arguments = (ins Xf_Tensor:$lhs, Xf_Tensor:$rhs, UnitAttr:$transposed);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$lhs `,` (`transposed` $transposed^)? $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Xf_MaskScoresOp : Xf_PureOp<"mask_scores", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores of masked columns become absent";
  let description = [{
    Scores `[batch, heads, queries, keys]`, mask `[batch, keys]`. A column whose mask is false takes no part in the
    softmax that follows (it is -inf). Nothing is added to the others.
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Mask:$mask);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$scores `,` $mask attr-dict `:` type($scores) `,` type($mask)";
  let hasVerifier = 1;
}

def Xf_CapScoresOp : Xf_PureOp<"cap_scores", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores that come near a cap and never beyond it";
  let description = "`result = cap * tanh(scores / cap)`, of `[batch, heads, queries, keys]` (Gemma Team 2024).";
  let arguments = (ins Xf_Tensor:$scores, F64Attr:$cap);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$scores `at` $cap attr-dict `:` type($scores)";
  let hasVerifier = 1;
}

def Xf_BiasScoresOp : Xf_PureOp<"bias_scores", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores plus what a table has for the distance of query and key";
  let description = [{
    `result[b, h, i, j] = scores[b, h, i, j] + table[bucket(columns[b, j] - columns[b, i]), h]`, with scores
    `[batch, heads, seq, seq]`, columns `[batch, seq]` and a table `[rows, heads]` of at least as many rows as there are
    buckets.

    ```mlir
    %t = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128>
       : tensor<?x12x?x?xf32>, tensor<32x12xf32>, tensor<?x?xi32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Matrix:$table, Xf_Ids:$columns, Xf_BucketsAttr:$buckets);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $scores `,` $table `at` $columns `buckets` $buckets attr-dict `:` type($scores) `,` type($table) `,` type($columns)
  }];
  let hasVerifier = 1;
}

def Xf_BiasPairsOp : Xf_PureOp<"bias_pairs", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores plus what a table has for query and key";
  let description = [{
    `result[b, h, i, j] = scores[b, h, i, j] + table[h * n + columns[b, i], columns[b, j]]`, with scores `[batch, heads, seq,
    seq]`, columns `[batch, seq]` below n and a table `[heads * n, n]` (Bao et al. 2022, whose tables by distance in two
    dimensions are spread over all pairs of places).
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Matrix:$table, Xf_Ids:$columns);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$scores `,` $table `at` $columns attr-dict `:` type($scores) `,` type($table) `,` type($columns)";
  let hasVerifier = 1;
}

def Xf_SlopeScoresOp : Xf_PureOp<"slope_scores", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores that fall by the distance of query and key, in each head at another rate";
  let description = [{
    `result[b, h, i, j] = scores[b, h, i, j] + slopes[h] * (columns[b, j] - columns[b, i])`, with scores `[batch, heads, seq,
    seq]`, columns `[batch, seq]` and slopes `[heads]` (ALiBi, Press et al. 2022).
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Vector:$slopes, Xf_Ids:$columns);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$scores `,` $slopes `at` $columns attr-dict `:` type($scores) `,` type($slopes) `,` type($columns)";
  let hasVerifier = 1;
}

def Xf_AddTermsOp : Xf_PureOp<"add_terms", [AttrSizedOperandSegments, AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores plus what queries and keys have for their distance";
  let description = [{
    Scores `[batch, heads, seq, seq]`, columns `[batch, seq]`, terms `[batch, seq, heads * n]` and an index `[2m + 1]` of whole
    numbers below n: `result[b, h, i, j] = scores[b, h, i, j] + query_terms[b, i, h n + c] + key_terms[b, j, h n + c]`, where c
    = `index[m + columns[b, j] - columns[b, i]]`, of which distances beyond m count as m (He et al. 2021). Either terms may
    be missing. Where keys have columns of their own, these are meant by those of j, and there are no key terms.
  }];
  let arguments = (ins Xf_Tensor:$scores, Optional<Xf_Tensor>:$query_terms, Optional<Xf_Tensor>:$key_terms, Xf_Ids:$columns,
                       Optional<Xf_Ids>:$key_columns, Xf_Vector:$index);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $scores (`query` `(` $query_terms^ `:` type($query_terms) `)`)? (`key` `(` $key_terms^ `:` type($key_terms) `)`)?
    `at` $columns (`key_columns` `(` $key_columns^ `:` type($key_columns) `)`)? `by` $index attr-dict
    `:` type($scores) `,` type($columns) `,` type($index)
  }];
  let hasVerifier = 1;
}

def Xf_WindowScoresOp : Xf_PureOp<"window_scores", [AttrSizedOperandSegments, AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores of distant keys become absent";
  let description = [{
    Scores `[batch, heads, seq, seq]`, columns `[batch, seq]`. A key takes part in a query's softmax only if their columns
    are at most `reach` apart and, `causal`, the key's is not the later one; other scores become -inf. With a `block`,
    columns are in blocks of so many, and a key's block and its query's may be `reach` apart. With a `prefix`,
    i32 `[batch]`, causal scores are those of a prefix language model (Raffel et al. 2020): keys whose columns are below it
    may be later ones, however far; `reach` then narrows what is behind the query.

    Where keys have columns of their own, `key_columns`, scores are `[batch, heads, queries, keys]`, and there is neither
    a block, a prefix nor globals.

    With `globals`, i32 `[batch, seq]`, which goes with a reach alone, tokens whose number there is not 0 are global
    (Beltagy et al. 2020): every query sees them, however far, and they themselves see no key here, as they have an
    attention of their own (`xf.choose_queries`). Seen, they are as many keys as that number: its logarithm is added.
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Ids:$columns, Optional<Xf_Ids>:$key_columns, OptionalAttr<I64Attr>:$reach,
                       OptionalAttr<I64Attr>:$block, UnitAttr:$causal,
                       Optional<Xf_Lengths>:$prefix, Optional<Xf_Ids>:$globals);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $scores `at` $columns (`key_columns` `(` $key_columns^ `:` type($key_columns) `)`)? (`reach` $reach^)?
    (`block` $block^)? (`causal` $causal^)? (`prefix` `(` $prefix^ `:` type($prefix) `)`)?
    (`globals` `(` $globals^ `:` type($globals) `)`)? attr-dict `:` type($scores) `,` type($columns)
  }];
  let hasVerifier = 1;
}

def Xf_ChooseQueriesOp : Xf_PureOp<"choose_queries", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "scores of queries that are not chosen become absent";
  let description = [{
    Scores `[batch, heads, queries, keys]`, and i32 `[batch, queries]`. A query whose number is 0 sees no key, so that
    attention gives zeros for it.
  }];
  let arguments = (ins Xf_Tensor:$scores, Xf_Ids:$chosen);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$scores `of` $chosen attr-dict `:` type($scores) `,` type($chosen)";
  let hasVerifier = 1;
}

def Xf_SoftmaxOp : Xf_PureOp<"softmax", [AllTypesMatch<["x", "result"]>]> {
  let summary = "softmax over the last axis";
  let description = "A row whose every element is absent (-inf) gives zeros.";
  let arguments = (ins Xf_Tensor:$x);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def Xf_AttentionOp : Xf_Op<"attention", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                         ConditionallySpeculatable]> {
  let summary = "softmax(scale Q K^T) V per sequence and head";
  let description = [{
    Q, K, V hold heads as column blocks of head_dim: dense `[batch, seq, heads * head_dim]` with an optional `mask
    [batch, keys]`, or packed `[tokens, heads * head_dim]` with `cu_seqlens`, where a query sees the keys of its own
    sequence. Values, and with them the result, may have heads of another width. A query without any key gives zeros. Formed by `FuseAttention`; the score matrix is never stored. With a
    K and V may have fewer heads than Q, each of which serves as many neighbouring heads of Q. With a
    `precision`, which is bf16, Q, K, V and the exponentials, relative to the largest, are rounded before they are
    multiplied, and the exponentials' sum is that of the rounded ones. A `narrow` result is rounded to bf16 as it is
    stored (`NarrowResults`).

    With a `cap`, scaled scores are capped as by `xf.cap_scores`, before anything is added to them or masked.

    What depends on the distance of query and key needs `columns`, i32 `[batch, seq]` or `[tokens]`: with `bias`, scaled
    scores are biased as by `xf.bias_scores`, with `slopes` as by `xf.slope_scores`, with `pairs` as by `xf.bias_pairs`;
    with terms and their `index` they are added before scaling as by `xf.add_terms`; with `reach`, which may have a
    `block` and `globals`, or `causal`, which may have a `prefix`, keys are absent as by `xf.window_scores`. Columns rise from one
    token of a sequence to the next. Globals have no other part that goes by distance beside them.

    With `chosen`, i32 `[batch, seq]` or `[tokens]`, the others get zeros as by `xf.choose_queries`, and cost next to
    nothing. Nothing goes by distance then.

    With a cache, which packed causal attention may have, the rows of K and V are those of tokens that follow others: they
    are first appended to the `cached` tokens of their sequence, i32 `[batch]`, in its `pages`, i64 `[batch]`, addresses of
    tables of pages (`lathe_cache` in program.h); a query then sees all of them. A token's column is its place. What is
    `kept` in int8 is rounded as it is appended, each head's key and value of a token to 127 steps on each side of 0,
    and has no `precision`. Formed by `DeriveDecode`.

    With `key_cu_seqlens`, K and V are rows of another axis than Q, and a query sees the keys of the sequence of the same
    number: Q are rows of a token axis with `cu_seqlens`, or without them one query for each sequence (`NarrowRows`).
    Of what goes by distance the former may have a reach, causality and terms of queries, where keys have `key_columns` of
    their own: keys that stand before their sequence's first query have smaller ones, and the last keys are the queries'
    own (`xf.remember`).

    ```mlir
    %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 12 scale 0.176776695 : tensor<?x384xf32>
    %d = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal
           cache(%pages, %cached : tensor<?xi64>, tensor<?xi32>) heads 12 scale 0.125 : tensor<?x768xf32>, ...
    ```
  }];
  let arguments = (ins Xf_Tensor:$query, Xf_Tensor:$key, Xf_Tensor:$value, Optional<Xf_Mask>:$mask,
                       Optional<Xf_CuSeqlens>:$cu_seqlens, Optional<Xf_CuSeqlens>:$key_cu_seqlens, Optional<Xf_Ids>:$columns,
                       Optional<Xf_Ids>:$key_columns, Optional<Xf_Matrix>:$bias, OptionalAttr<Xf_BucketsAttr>:$buckets,
                       OptionalAttr<I64Attr>:$reach, OptionalAttr<I64Attr>:$block, UnitAttr:$causal,
                       Optional<Xf_Lengths>:$prefix, Optional<Xf_Ids>:$globals, Optional<Xf_Ids>:$chosen,
                       Optional<Xf_Vector>:$slopes, Optional<Xf_Matrix>:$pairs,
                       Optional<Xf_Tensor>:$query_terms, Optional<Xf_Tensor>:$key_terms, Optional<Xf_Vector>:$index,
                       Optional<Xf_Pages>:$pages, Optional<Xf_Ids>:$cached, OptionalAttr<Xf_PrecisionAttr>:$kept,
                       I64Attr:$heads, F64Attr:$scale,
                       OptionalAttr<F64Attr>:$cap, OptionalAttr<Xf_PrecisionAttr>:$precision,
                       UnitAttr:$narrow);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)?
    (`key_cu_seqlens` `(` $key_cu_seqlens^ `:` type($key_cu_seqlens) `)`)? (`columns` `(` $columns^ `:` type($columns) `)`)?
    (`key_columns` `(` $key_columns^ `:` type($key_columns) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`buckets` $buckets^)? (`reach` $reach^)? (`block` $block^)? (`causal` $causal^)?
    (`prefix` `(` $prefix^ `:` type($prefix) `)`)? (`globals` `(` $globals^ `:` type($globals) `)`)?
    (`chosen` `(` $chosen^ `:` type($chosen) `)`)? (`slopes` `(` $slopes^ `:` type($slopes) `)`)?
    (`pairs` `(` $pairs^ `:` type($pairs) `)`)?
    (`query_terms` `(` $query_terms^ `:` type($query_terms) `)`)? (`key_terms` `(` $key_terms^ `:` type($key_terms) `)`)?
    (`index` `(` $index^ `:` type($index) `)`)? (`cache` `(` $pages^ `,` $cached `:` type($pages) `,` type($cached) `)`)?
    (`kept` `in` `` $kept^)? `heads` $heads `scale` $scale (`cap` $cap^)?
    (`in` `` $precision^)? (`narrow` $narrow^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// What goes by what is in memory may not be moved.
    mlir::Speculation::Speculatability getSpeculatability();
  }];
}

def Xf_RememberOp : Xf_PureOp<"remember", [AllTypesMatch<["memory", "result"]>]> {
  let summary = "what tokens attend to besides themselves, and themselves behind it";
  let description = [{
    Of each sequence the last rows of `memory`, as many as x has of it, become those of x; the others stay (Dai et al.
    2019). Dense `[batch, keys, width]` and `[batch, seq, width]`, with seq at most keys, or packed `[keys, width]` and
    `[tokens, width]` with the offsets of both.

    ```mlir
    %k = xf.remember %mems, %x cu_seqlens(%keys, %cu : tensor<?xi32>) : tensor<?x768xf32>, tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$memory, Xf_Tensor:$x, Variadic<Xf_CuSeqlens>:$offsets);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $memory `,` $x (`cu_seqlens` `(` $offsets^ `:` type($offsets) `)`)? attr-dict `:` type($memory) `,` type($x)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Of memories, and of x; null where both are dense.
    ::mlir::Value getMemoryCuSeqlens() { return getOffsets().empty() ? ::mlir::Value() : getOffsets()[0]; }
    ::mlir::Value getCuSeqlens() { return getOffsets().empty() ? ::mlir::Value() : getOffsets()[1]; }
  }];
}

def Xf_AppendCacheOp : Xf_Op<"append_cache", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "keys and values that attention will find in pages";
  let description = [{
    Rows of K and V `[tokens, key_heads * head_dim]` follow the `cached` tokens of their sequence in its `pages`, as they
    do before `xf.attention` with a cache. Formed by `DeriveDecode` where nothing attends yet: of what an encoder gives
    for a decoder's layers to read.

    ```mlir
    xf.append_cache %k, %v cu_seqlens(%cu : tensor<?xi32>) cache(%pages, %cached : tensor<?xi64>, tensor<?xi32>)
      head_dim 64 : tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$key, Xf_Tensor:$value, Xf_CuSeqlens:$cu_seqlens, Xf_Pages:$pages, Xf_Ids:$cached,
                       OptionalAttr<Xf_PrecisionAttr>:$kept, I64Attr:$head_dim, OptionalAttr<Xf_PrecisionAttr>:$precision);
  let assemblyFormat = [{
    $key `,` $value `cu_seqlens` `(` $cu_seqlens `:` type($cu_seqlens) `)`
    `cache` `(` $pages `,` $cached `:` type($pages) `,` type($cached) `)` (`kept` `in` `` $kept^)? `head_dim` $head_dim (`in` `` $precision^)?
    attr-dict `:` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
}

def Xf_PagedAttentionOp : Xf_Op<"paged_attention", [AttrSizedOperandSegments, MemoryEffects<[MemRead]>,
                                                    AllTypesMatch<["query", "result"]>]> {
  let summary = "softmax(scale Q K^T) V with all keys and values in pages";
  let description = [{
    Attention to keys and values that `xf.append_cache` has put into `pages`. What `xf.attention` with `key_cu_seqlens`
    computes: of each sequence there are as many as `cached` says, and a query sees all of them (`DeriveDecode`). Or,
    `causal`, what it computes with a cache behind its appending: `cached` tokens are before those of the queries, and all
    else goes by `columns` as it does there (`DeferLastLayer`).
  }];
  let arguments = (ins Xf_Tensor:$query, Xf_CuSeqlens:$cu_seqlens, Xf_Pages:$pages, Xf_Ids:$cached, Optional<Xf_Ids>:$columns,
                       Optional<Xf_Matrix>:$bias, OptionalAttr<Xf_BucketsAttr>:$buckets, OptionalAttr<I64Attr>:$reach,
                       UnitAttr:$causal, Optional<Xf_Lengths>:$prefix, Optional<Xf_Vector>:$slopes,
                       OptionalAttr<Xf_PrecisionAttr>:$kept, I64Attr:$heads, I64Attr:$key_heads, F64Attr:$scale,
                       OptionalAttr<F64Attr>:$cap, OptionalAttr<Xf_PrecisionAttr>:$precision, UnitAttr:$narrow);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $query `cu_seqlens` `(` $cu_seqlens `:` type($cu_seqlens) `)`
    `cache` `(` $pages `,` $cached `:` type($pages) `,` type($cached) `)` (`columns` `(` $columns^ `:` type($columns) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)? (`buckets` $buckets^)? (`reach` $reach^)? (`causal` $causal^)?
    (`prefix` `(` $prefix^ `:` type($prefix) `)`)? (`slopes` `(` $slopes^ `:` type($slopes) `)`)?
    (`kept` `in` `` $kept^)? `heads` $heads `of` $key_heads `scale` $scale (`cap` $cap^)?
    (`in` `` $precision^)? (`narrow` $narrow^)? attr-dict `:` type($query)
  }];
  let hasVerifier = 1;
}

def Xf_RandomFeaturesOp : Xf_PureOp<"random_features"> {
  let summary = "logarithms of each head's positive random features";
  let description = [{
    x is `[..., heads * n]`, the projection `[features, n]`, the result `[..., heads * features]`. Of a head's columns x_h, with
    x' = x_h / n^(1/4), feature f is `exp(projection[f] . x' - |x'|^2 / 2)` (FAVOR+, Choromanski et al. 2021), and the result is
    what stands in brackets: features of different tokens lie too far apart for f32. The paper's factor 1 / sqrt(features)
    cancels in `xf.linear_attention`.

    ```mlir
    %f = xf.random_features %q, %w heads 12 : tensor<?x?x768xf32>, tensor<256x64xf32> -> tensor<?x?x3072xf32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$x, Xf_Matrix:$projection, I64Attr:$heads);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $x `,` $projection `heads` $heads attr-dict `:` type($x) `,` type($projection) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Xf_LinearAttentionOp : Xf_PureOp<"linear_attention", [AttrSizedOperandSegments, AllTypesMatch<["value", "result"]>]> {
  let summary = "attention whose weights are products of features, in time linear in the length";
  let description = [{
    Per sequence and head, with phi(x) the features of a row of Q or K by the `map`:
    `result_i = sum_j (phi(q_i) . phi(k_j)) v_j / sum_j (phi(q_i) . phi(k_j))`, where j goes over the keys that there are, or
    `causal` over those up to the query. As sums over j of phi(k_j) v_j^T and of phi(k_j) do for all queries, no weight is
    ever stored. A query without any key gives zeros.

    Q and K hold heads as column blocks of as many columns as there are features, V of head_dim: dense `[batch, seq, ...]`
    with a `mask [batch, seq]`, or packed `[tokens, ...]` with `cu_seqlens`.

    ```mlir
    %y = xf.linear_attention elu %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) causal heads 12
       : tensor<?x768xf32>, tensor<?x768xf32>, tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Xf_FeatureMapAttr:$map, Xf_Tensor:$query, Xf_Tensor:$key, Xf_Tensor:$value, Optional<Xf_Mask>:$mask,
                       Optional<Xf_CuSeqlens>:$cu_seqlens, UnitAttr:$causal, I64Attr:$heads);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    `` $map $query `,` $key `,` $value (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`causal` $causal^)? `heads` $heads attr-dict
    `:` type($query) `,` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
}

def Xf_ChunkAttentionOp : Xf_PureOp<"chunk_attention", [AttrSizedOperandSegments, AllTypesMatch<["query", "key"]>,
                                                        AllTypesMatch<["value", "result"]>]> {
  let summary = "attention between neighbouring chunks of places, by column or by hash, in time linear in the length";
  let description = [{
    Places of a row are cut into `chunks` (#xf.chunks), `row_columns[b]` saying how many columns the row has, padding included.
    Per head, queries of a chunk see the keys of some chunks before and after it, where behind the last comes the first;
    from further around than there are chunks, their own. A row of no more than a chunk's places is one chunk that sees
    itself once. Keys behind the query are not seen where it is `causal`.

    With `columns` a token's place is its column. With `rotations` `[heads * n, rounds * r]` it is the rank of its bucket, in
    each of some rounds, and rounds' chunks follow each other: locality-sensitive hashing (Kitaev et al. 2020). A round's r
    columns R are halves of the `factors`, one behind the other, and of each factor f the bucket is the index of the
    greatest of [q R_f, -q R_f], the first such; a token's bucket counts these as digits, the first factor's the lowest.
    Tokens of a bucket keep their order. Queries and keys are of the same products there, so a token's score with itself
    is -1e5 in place of any other: what it sees if it sees nothing else. `given` rotations `[heads * n or 0, rounds * r]` count
    in place of the others unless they have no rows.

    Of each round the result is a softmax over scores `scale * q . k`, a key that is met twice counting twice, and rounds
    are weighed by the exponentials of what their own sum up to, whose logarithms are rounded to f32: that of a token
    which sees nothing but itself is about -1e5, and two rounds' weights are 0.4989 each.

    Dense `[batch, seq, ...]` with a `mask [batch, seq]`, or packed `[tokens, ...]` with `cu_seqlens`; rows without a key are
    zeros.

    ```mlir
    %y = xf.chunk_attention %q, %k, %v row_columns %rows mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>)
       chunks <length = 64, before = 1, after = 0, above = 64, multiple = 64> causal heads 2 scale 0.125
       : tensor<?x?x128xf32>, tensor<?x?x128xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Xf_Tensor:$query, Xf_Tensor:$key, Xf_Tensor:$value, Xf_Lengths:$row_columns, Optional<Xf_Mask>:$mask,
                       Optional<Xf_CuSeqlens>:$cu_seqlens, Optional<Xf_Ids>:$columns, Optional<Xf_Matrix>:$rotations,
                       Optional<Xf_Matrix>:$given, OptionalAttr<DenseI64ArrayAttr>:$factors, Xf_ChunksAttr:$chunks, UnitAttr:$causal, I64Attr:$heads,
                       F64Attr:$scale);
  let results = (outs Xf_Tensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `row_columns` $row_columns (`mask` `(` $mask^ `:` type($mask) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`columns` `(` $columns^ `:` type($columns) `)`)?
    (`rotations` `(` $rotations^ `:` type($rotations) `)` (`given` `(` $given^ `:` type($given) `)`)? `factors` $factors)?
    `chunks` $chunks (`causal` $causal^)?
    `heads` $heads `scale` $scale attr-dict `:` type($query) `,` type($value) `,` type($row_columns)
  }];
  let extraClassDeclaration = [{
    /// Rounds of hashing; 1 where places are columns.
    int64_t rounds();
  }];
  let hasVerifier = 1;
}

#endif // LATHE_IR_XF_ATTENTION_OPS_TD
