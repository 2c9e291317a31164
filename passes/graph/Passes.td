//===- Passes.td - tensor rewrites ------------------------------*- tablegen -*-===//
#ifndef LATHE_PASSES_GRAPH_PASSES_TD
#define LATHE_PASSES_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseAttentionPass : Pass<"lathe-fuse-attention", "mlir::ModuleOp"> {
  let summary = "QK^T, scale, mask, softmax, PV become one xf.attention";
  let description = [{
    Root: an `xf.softmax` whose result is multiplied with another activation. Matched upwards through `xf.mask_scores`,
    `xf.window_scores`, `xf.choose_queries`, `xf.bias_scores`, `xf.slope_scores`, `xf.cap_scores`, `xf.scale` and `xf.add_terms`, each optional
    and in any order in which scores are scaled with their terms, then capped, and biased and masked after that, to the transposed product of two `xf.split_heads`; downwards to
    `xf.merge_heads`. Declined where a value in between is used by anything else (it would have to be stored after all) or
    where the chain has another shape. Afterwards only `xf.attention` and declined chains mix tokens.

    ```mlir
    %s = xf.matmul %qh, transposed %kh          %c = xf.attention %q, %k, %v mask(%mask) heads 12 scale 0.18
    %t = xf.scale %s by 0.18
    %u = xf.mask_scores %t, %mask         ==>
    %p = xf.softmax %u
    %o = xf.matmul %p, %vh
    %c = xf.merge_heads %o
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def PackTokensPass : Pass<"lathe-pack-tokens", "mlir::ModuleOp"> {
  let summary = "[batch, seq] becomes one token axis; padding is gone";
  let description = [{
    Where every op is token-wise or knows sequences by `cu_seqlens` (attention, pooling, first token), activations
    `[batch, seq, hidden]` become `[tokens, hidden]` and the attention mask becomes `cu_seqlens [batch + 1]`; on a second
    token axis likewise, with a mask and offsets of its own, and attention from one to the other has both. Applies to the
    whole module or, when one op stands in the way, not at all. What remains of positions is in `position_ids`, which the
    ABI's edge fills with each token's column.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def LinearizeAttentionPass : Pass<"lathe-linearize-attention", "mlir::ModuleOp"> {
  let summary = "xf.attention becomes xf.linear_attention, which computes something else";
  let description = [{
    With the features elu(x) + 1 in place of the exponentials of scores (Katharopoulos et al. 2020), without a scale: an
    approximation that a user asks for. Every attention of the module, masked or causal; an error where one has what
    features of single tokens cannot express (biases and terms by distance, windows, a cap, prefixes, global or chosen
    tokens, keys of another axis or that several heads share), or was not fused.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def MergeQkvPass : Pass<"lathe-merge-qkv", "mlir::ModuleOp"> {
  let summary = "the linears of query, key and value become one";
  let description = [{
    Root: an `xf.attention` whose query, key and value are linears, perhaps with a norm of each head or a rotation behind
    them. They become one linear over joined weights, its result
    split three ways, when they read the same input, all or none have a bias, and nothing else reads them, but for other
    attentions that read all of them. Where keys are of another token axis than queries, key and value alone.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def FuseLinearEpiloguePass : Pass<"lathe-fuse-linear-epilogue", "mlir::ModuleOp"> {
  let summary = "activation and residual move into the linear before them";
  let description = [{
    An activation that is the only reader of a linear, then an addition that is the only reader of the result, are done
    while the linear's tile is in registers.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def FuseResidualNormPass : Pass<"lathe-fuse-residual-norm", "mlir::ModuleOp"> {
  let summary = "an addition moves into the layer norm behind it";
  let description = "What `FuseLinearEpilogue` could not take: an addition read by nothing but a layer norm.";
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def FuseEmbeddingPass : Pass<"lathe-fuse-embedding", "mlir::ModuleOp"> {
  let summary = "a sum of lookups and the layer norm behind it become one xf.embed";
  let description = [{
    Root: a layer norm over a sum of lookups, added from left to right as `(a + b) + c`; another bracketing would round
    differently. Nothing else may read the sum or its terms.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def FormRowGroupsPass : Pass<"lathe-form-row-groups", "mlir::ModuleOp"> {
  let summary = "formulas on rows become one xf.row_group each";
  let description = [{
    Root: a primitive (`xf.map`, `xf.combine`, `xf.select`, `xf.reduce`) on rows whose width is known. Grows, in the order of
    the block, over primitives and over elementwise ops that no fusion before it took (`xf.add`, `xf.scale`,
    `xf.activate`) as long as nothing outside both reads from the group and is read by it. Constants, and what is computed
    from weights and constants alone, are copied into each group that reads them. Whatever an op outside reads is a result.

    Stands behind the fusions that kernels were written for, which come first; afterwards no primitive on rows is left
    outside a group.

    ```mlir
    %0 = xf.combine mul %x, %c             %y = xf.row_group %x {
    %1 = xf.map sigmoid %0           ==>   ^bb0(%a: tensor<?x8xf32>):
    %y = xf.combine mul %x, %1               ...
                                             xf.yield %2 : tensor<?x8xf32>
                                           } : (tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def NarrowRowsPass : Pass<"lathe-narrow-rows", "mlir::ModuleOp"> {
  let summary = "what one row of each sequence is read of is computed for that row";
  let description = [{
    Root: `xf.first_token`, or `xf.pool` of the first or the last token. Upwards from it, what nothing else reads and what
    goes row by row is computed for these rows alone: linears, norms, additions; an attention without anything that goes
    by distance for the query alone; and the layer whose result it is, by a function of its own. Of a classifier that
    reads the first token, that is the last layer behind its keys and values.

    Behind the fusions, so that every layer is fused alike and its weights are packed once.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def StackLayersPass : Pass<"lathe-stack-layers", "mlir::ModuleOp"> {
  let summary = "a chain of xf.layer becomes a loop over a table of weights";
  let description = [{
    Consecutive calls of one layer function that pass a value along and share their other operands become one `xf.layers`.
    Either every layer's value is an output (hidden states), or nothing else reads those in between. A layer that
    `NarrowRows` made stays alone.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

#endif // LATHE_PASSES_GRAPH_PASSES_TD
