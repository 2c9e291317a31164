//===- Passes.td - which weights are one, where buffers lie -----*- tablegen -*-===//
#ifndef LATHE_PASSES_SCHEDULE_PASSES_TD
#define LATHE_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def DeriveDecodePass : Pass<"lathe-derive-decode", "mlir::ModuleOp"> {
  let summary = "an entry that says what comes next gets others that go on from what they keep";
  let description = [{
    Of an entry that `xf.generates`, whose tokens see none behind them, two are made. `@decode` computes what the last
    layer gives for tokens that follow others: its attention has a cache, which it adds to. A prompt is the case of tokens
    that follow none. `@logits` computes logits from rows of that, of whichever tokens the caller wants to know what comes
    next. Both read the weights that the entry reads. Declined, with the reason, where a token depends on one behind it or
    on something that is not kept, such as terms for distances.

    Of an entry with an encoder and a decoder there is a third, `@source`: the encoder, whose rows each layer of the decoder
    turns into keys and values once and adds to pages of their own. The layers of `@decode` read these, and it has one
    token axis, whose inputs have no prefix.

    With `cache-in-bytes` pages keep keys and values in int8, which attention reads as f32; else as attention reads them
    anyway.

    ```mlir
    func.func @encode(%input_ids, %positions, %cu_seqlens, ...) -> logits
      ==>
    func.func @decode(%input_ids, %positions, %cu_seqlens, ..., %pages, %cached) -> hidden
    func.func @logits(%hidden) -> logits

    func.func @encode(%input_ids, %cu_seqlens, %decoder_input_ids, %decoder_cu_seqlens, ...) -> logits, ...
      ==>
    func.func @source(%input_ids, %cu_seqlens, ..., %pages, %cached) -> hidden
    func.func @decode(%input_ids, %cu_seqlens, ..., %pages, %cached, %source_pages, %source_lengths) -> hidden
    func.func @logits(%hidden) -> logits
    ```
  }];
  let options = [Option<"cacheInBytes", "cache-in-bytes", "bool", "false", "Keep keys and values in int8">];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def DeferLastLayerPass : Pass<"lathe-defer-last-layer", "mlir::ModuleOp"> {
  let summary = "the last layer waits for the rows whose logits are asked for";
  let description = [{
    What comes next is asked of few tokens, of a prompt of its last, and nothing behind the last layer's keys and values is
    read for any other. So `@decode` computes that layer for all tokens as far as its queries, keys and values, adds the
    latter to the cache, and gives each token's queries beside what the layer was given; `@logits` and `@best` begin with
    the rest of the layer, for the rows that they are given, each of which is a text of one token that sees what the cache
    has of its own. Their inputs beside `hidden` are those of `@decode` with the same names, for these rows.

    Declined where the layer has not one attention with a cache, or would compute a product on both sides. Left alone where
    an encoder reads what is long.

    ```mlir
    func.func @decode(..., %cu, %pages, %cached) -> [tokens, H]         func.func @logits(%hidden: [rows, H])
      %0 = xf.layers @layer.cached(...) weights ["0.", "1."]
      ==>
    func.func @decode(..., %cu, %pages, %cached) -> [tokens, H + Q]     func.func @logits(%hidden: [rows, H + Q], %cu, ...)
      %0 = xf.layers @layer.cached(...) weights ["0."]                    %0 = xf.layer @layer.cached.rest(%hidden, ...) weights "1."
      %1 = xf.layer @layer.cached.front(%0, ...) weights "1."             ...
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def ShareWeightsPass : Pass<"lathe-share-weights", "mlir::ModuleOp"> {
  let summary = "weights with one content have one value";
  let description = [{
    Each `xf.weight` whose type and stored bytes are those of an earlier one refers to that one's resource: an untied decoder
    that was saved from a tied one, layers saved once for each place where they are used, biases that are all zero. What
    packs weights knows them by their value, and so stores them once in each layout. Nothing is compared by its hash alone.

    ```mlir
    xf.weight @embedding = dense_resource<embedding> : tensor<97x36xf32>
    xf.weight @decoder = dense_resource<decoder> : tensor<97x36xf32>
      ==>
    xf.weight @embedding = dense_resource<embedding> : tensor<97x36xf32>
    xf.weight @decoder = dense_resource<embedding> : tensor<97x36xf32>
    ```
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

def PlanArenaPass : Pass<"lathe-plan-arena", "mlir::func::FuncOp"> {
  let summary = "gives every buffer its place, and the entry its memory formula";
  let description = [{
    Buffers are rows of a known width whose number is known only at run time, so they are placed per kind of rows, in bytes
    per row: one plan holds for every batch and length. Two buffers may overlap when none is live where the other is; a
    buffer used in a loop but made outside is live in all of it. Largest first, each at the lowest place that is free.
    Afterwards each `xf.buffer` has an offset and the entry's `xf.arena` says how many bytes a run needs.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect"];
}

#endif // LATHE_PASSES_SCHEDULE_PASSES_TD
