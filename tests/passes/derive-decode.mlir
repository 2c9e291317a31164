// RUN: lathe-opt %s --lathe-derive-decode --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lathe-derive-decode=cache-in-bytes=true --split-input-file | FileCheck %s --check-prefix=BYTES

// What the last layer gives, with a cache, and logits of rows of it. The entry itself stays.
// CHECK: made = true, pass = "DeriveDecode", reason = "", what = "generation", where = "decode"
// CHECK: func.func private @layer(
// CHECK-NOT: cache
// CHECK: func.func private @layer.cached(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %[[P:.*]]: tensor<?xi64>, %[[C:.*]]: tensor<?xi32>) {{.*}}xf.layer_kind = "layer"
// CHECK: xf.attention {{.*}} causal cache(%[[P]], %[[C]] : tensor<?xi64>, tensor<?xi32>) heads 2
// CHECK: func.func @encode(
// CHECK: xf.layers @layer(
// CHECK: return %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x7xf32>
// CHECK: func.func @decode({{.*}}%[[PAGES:[a-z0-9]*]]: tensor<?xi64> {xf.input = "pages"}, %[[CACHED:[a-z0-9]*]]: tensor<?xi32> {xf.input = "cached"}) -> (tensor<?x4xf32> {xf.output = "hidden", xf.rows = "tokens"})
// CHECK-SAME: xf.derived = "decode"
// CHECK-NEXT: %[[Y:.*]] = xf.layers @layer.cached(%{{.*}}, %{{.*}}, %{{.*}}, %[[PAGES]], %[[CACHED]]) weights ["0.", "1."]
// CHECK-NEXT: return %[[Y]] : tensor<?x4xf32>
// CHECK: func.func @logits(%[[H:.*]]: tensor<?x4xf32> {xf.input = "hidden", xf.limit = 4 : i64}) -> (tensor<?x7xf32> {xf.output = "logits", xf.rows = "tokens"})
// CHECK: %[[N:.*]] = xf.layer_norm %[[H]]
// CHECK: xf.linear %[[N]]
// CHECK: func.func @best(%{{.*}}: tensor<?x4xf32> {xf.input = "hidden", xf.limit = 4 : i64}) -> (tensor<?x2xf32> {xf.output = "best", xf.rows = "tokens"})
// CHECK-SAME: xf.derived = "best"
// CHECK: %[[L:.*]] = xf.linear
// CHECK: %[[B:.*]] = xf.argmax %[[L]] : tensor<?x7xf32> -> tensor<?x2xf32>
// CHECK: return %[[B]]
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "hidden_states.0", xf.rows = "tokens"}, tensor<?x7xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0:2 = xf.layers @layer(%x, %cu, %columns) weights ["0.", "1."] : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %g = xf.load_weight @g : tensor<4xf32>
  %w = xf.load_weight @w : tensor<7x4xf32>
  %1 = xf.layer_norm %0#1, %g eps 1.0e-5 rms : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  %2 = xf.linear %1, %w : tensor<?x4xf32>, tensor<7x4xf32> -> tensor<?x7xf32>
  return %0#0, %2 : tensor<?x4xf32>, tensor<?x7xf32>
}
xf.weight @g = dense<1.0> : tensor<4xf32>
xf.weight @w = dense<1.0> : tensor<7x4xf32>

// -----
// What goes by columns alone needs nothing that is not kept: biases by distance, slopes, a prefix, a cap.
// CHECK: made = true, pass = "DeriveDecode"
// CHECK: xf.attention {{.*}} bias(%{{.*}}) buckets <two_sided, 32, 128> causal prefix(%{{.*}}) slopes(%{{.*}}) cache(%{{.*}}) heads 2 scale 5.000000e-01 cap 5.000000e+01
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %prefix: tensor<?xi32>, %bias: tensor<32x2xf32>, %slopes: tensor<2xf32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) bias(%bias : tensor<32x2xf32>) buckets <two_sided, 32, 128> causal prefix(%prefix : tensor<?xi32>) slopes(%slopes : tensor<2xf32>) heads 2 scale 0.5 cap 50.0 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"}, %prefix: tensor<?xi32> {xf.input = "prefix_lens"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %bias = xf.load_weight @bias : tensor<32x2xf32>
  %slopes = xf.load_weight @slopes : tensor<2xf32>
  %0 = xf.layer @layer(%x, %cu, %columns, %prefix, %bias, %slopes) weights "0." : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<32x2xf32>, tensor<2xf32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
xf.weight @bias = dense<1.0> : tensor<32x2xf32>
xf.weight @slopes = dense<1.0> : tensor<2xf32>

// -----
// Terms of keys are kept nowhere.
// CHECK: made = false, pass = "DeriveDecode", reason = "@layer adds terms by distance to scores"
// CHECK-NOT: @decode
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %index: tensor<3xf32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal key_terms(%x : tensor<?x4xf32>) index(%index : tensor<3xf32>) heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %index = xf.load_weight @index : tensor<3xf32>
  %0 = xf.layer @layer(%x, %cu, %columns, %index) weights "0." : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<3xf32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
xf.weight @index = dense<1.0> : tensor<3xf32>

// -----
// Tokens that see those behind them would have to be computed again.
// CHECK: made = false, pass = "DeriveDecode", reason = "@layer has tokens see those behind them"
// CHECK-NOT: @decode
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x, %cu) weights "0." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Sums over tokens are kept nowhere.
// CHECK: made = false, pass = "DeriveDecode", reason = "@layer has linear attention, which goes on from sums that no cache has, not from keys and values"
// CHECK-NOT: @decode
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.linear_attention elu %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) causal heads 2 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x, %cu) weights "0." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Chunks of a longer text are others.
// CHECK: made = false, pass = "DeriveDecode", reason = "@layer has attention between chunks, of which a longer text has others"
// CHECK-NOT: @decode
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %columns: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> causal heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>
  return %0 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %rows: tensor<?xi32> {xf.input = "row_columns"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x, %cu, %rows, %columns) weights "0." : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// A head that looks past the layers looks at what is not kept.
// CHECK: made = false, pass = "DeriveDecode", reason = "the logits are computed from an input without a layer in between"
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}) -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = xf.add %0, %x : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// What layers remember is the caller's, not a cache's.
// CHECK: made = false, pass = "DeriveDecode", reason = "the entry goes on from what its layers remember, not from keys and values"
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %memory: tensor<?x4xf32> {xf.input = "mems.0"})
    -> (tensor<?x4xf32> {xf.output = "prediction_scores", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  return %x : tensor<?x4xf32>
}

// -----
// Of an entry that does not write, nothing is made.
// CHECK: func.func @encode({{.*}}attributes {xf.entry} {
// CHECK-NOT: @decode
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}) -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry} {
  return %x : tensor<?x4xf32>
}

// -----
// With an encoder: its rows become keys and values of each of the decoder's layers, in pages, which `decode` reads. It has
// one axis again, and takes nothing of the encoder's.
// CHECK: made = true, pass = "DeriveDecode", reason = "", what = "generation", where = "decode"
// CHECK: func.func private @decoder.source(%[[ROWS:.*]]: tensor<?x4xf32>, %[[SCU:.*]]: tensor<?xi32>, %[[SP:.*]]: tensor<?xi64>, %[[SC:.*]]: tensor<?xi32>, %[[W:.*]]: tensor<2x4xf32> {xf.weight = "k"}) -> tensor<?x4xf32>
// CHECK-NEXT: %[[K:.*]] = xf.linear %[[ROWS]], %[[W]]
// CHECK-NEXT: xf.append_cache %[[K]], %[[K]] cu_seqlens(%[[SCU]] : tensor<?xi32>) cache(%[[SP]], %[[SC]] : tensor<?xi64>, tensor<?xi32>) head_dim 2
// CHECK-NEXT: return %[[ROWS]]
// BYTES: xf.append_cache {{.*}} kept in int8 head_dim 2
// BYTES: xf.paged_attention {{.*}} kept in int8 heads 2 of 1 scale
// CHECK: func.func private @decoder.cached(%[[X:.*]]: tensor<?x4xf32>, %[[CU:.*]]: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi64>, %{{.*}}: tensor<?xi32>, %[[P:.*]]: tensor<?xi64>, %[[L:.*]]: tensor<?xi32>)
// CHECK: %[[Y:.*]] = xf.attention {{.*}} causal cache(
// CHECK-NEXT: %[[Z:.*]] = xf.paged_attention %[[Y]] cu_seqlens(%[[CU]] : tensor<?xi32>) cache(%[[P]], %[[L]] : tensor<?xi64>, tensor<?xi32>) heads 2 of 1 scale
// CHECK-NEXT: return %[[Z]]
// CHECK: func.func @translate(
// CHECK: func.func @decode(%{{.*}}: tensor<?x4xf32> {xf.input = "x"}, %{{.*}}: tensor<?xi32> {xf.input = "cu_seqlens"}, %{{.*}}: tensor<?xi32> {xf.input = "columns"}, %{{.*}}: tensor<?xi64> {xf.input = "pages"}, %{{.*}}: tensor<?xi32> {xf.input = "cached"}, %{{.*}}: tensor<?xi64> {xf.input = "source_pages"}, %{{.*}}: tensor<?xi32> {xf.input = "source_lengths"}) -> (tensor<?x4xf32> {xf.output = "hidden", xf.rows = "tokens"})
// CHECK-NEXT: xf.layers @decoder.cached(
// CHECK-NEXT: return
// CHECK: func.func @source(%[[IN:.*]]: tensor<?x4xf32> {xf.input = "x"}, %[[MASK:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}, %[[SPAGES:.*]]: tensor<?xi64> {xf.input = "pages"}, %[[NONE:.*]]: tensor<?xi32> {xf.input = "cached"}) -> (tensor<?x4xf32> {xf.output = "hidden", xf.rows = "tokens"})
// CHECK-SAME: xf.derived = "source"
// CHECK-NEXT: %[[E:.*]] = xf.layer @encoder(%[[IN]], %[[MASK]])
// CHECK-NEXT: xf.layers @decoder.source(%[[E]], %[[MASK]], %[[SPAGES]], %[[NONE]]) weights ["0.", "1."]
// CHECK: func.func @logits({{.*}}xf.rows = "tokens"
func.func private @encoder(%x: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func private @decoder(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %source: tensor<?x4xf32>, %sourceCu: tensor<?xi32>, %w: tensor<2x4xf32> {xf.weight = "k"}) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %1 = xf.linear %source, %w : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
  %2 = xf.attention %0, %1, %1 cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%sourceCu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}
func.func @translate(%s: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %x: tensor<?x4xf32> {xf.input = "decoder_x"}, %targets: tensor<?xi32> {xf.input = "decoder_cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "decoder_columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "targets"}, tensor<?x4xf32> {xf.output = "encoder_last_hidden_state", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @encoder(%s, %cu) weights "e." : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.layers @decoder(%x, %targets, %columns, %0, %cu) weights ["0.", "1."] : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %2 = xf.activate relu %1 : tensor<?x4xf32>
  return %2, %0 : tensor<?x4xf32>, tensor<?x4xf32>
}
xf.weight @"0.k" = dense<1.0> : tensor<2x4xf32>
xf.weight @"1.k" = dense<1.0> : tensor<2x4xf32>

// -----
// Bytes in pages stand for f32, and are multiplied so, whatever the entry without a cache does.
// CHECK: xf.attention {{.*}} cache({{.*}}) heads 2 scale 5.000000e-01 in bf16 narrow
// BYTES: func.func private @layer(
// BYTES-NEXT: xf.attention {{.*}} causal heads 2 scale 5.000000e-01 in bf16 narrow
// BYTES: func.func private @layer.cached(
// BYTES-NEXT: xf.attention {{.*}} cache({{.*}}) kept in int8 heads 2 scale 5.000000e-01 :
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %w: tensor<4x4xf32> {xf.weight = "w"}) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 in bf16 narrow : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %1 = xf.linear %0, %w in int8 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x, %cu, %columns) weights "0." : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
xf.weight @"0.w" = dense<1.0> : tensor<4x4xf32>
