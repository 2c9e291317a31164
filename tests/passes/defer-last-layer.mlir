// RUN: lathe-opt %s --lathe-derive-decode --lathe-defer-last-layer --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lathe-derive-decode=cache-in-bytes=true --lathe-defer-last-layer --split-input-file | FileCheck %s --check-prefix=BYTES

// Of the last of two layers, keys and values are computed for all tokens, and all behind queries for rows of logits.
// CHECK: made = true, pass = "DeferLastLayer", reason = "", what = "the last layer", where = "decode"
// CHECK: func.func private @layer.cached.rest(%[[HQ:.*]]: tensor<?x10xf32>, %[[CU:.*]]: tensor<?xi32>, %[[COL:.*]]: tensor<?xi32>, %[[P:.*]]: tensor<?xi64>, %[[C:.*]]: tensor<?xi32>, %[[WO:.*]]: tensor<4x6xf32> {xf.weight = "o"}) -> tensor<?x4xf32>
// CHECK-NEXT: %[[PARTS:.*]]:2 = xf.split %[[HQ]] : tensor<?x10xf32> -> tensor<?x4xf32>, tensor<?x6xf32>
// CHECK-NEXT: %[[A:.*]] = xf.paged_attention %[[PARTS]]#1 cu_seqlens(%[[CU]] : tensor<?xi32>) cache(%[[P]], %[[C]] : tensor<?xi64>, tensor<?xi32>) columns(%[[COL]] : tensor<?xi32>) causal heads 2 of 1 scale 5.000000e-01 : tensor<?x6xf32>
// CHECK-NEXT: %[[O:.*]] = xf.linear %[[A]], %[[WO]]
// CHECK-NEXT: %[[SUM:.*]] = xf.add %[[O]], %[[PARTS]]#0
// CHECK-NEXT: return %[[SUM]]
// CHECK: func.func private @layer.cached.front(%[[X:.*]]: tensor<?x4xf32>, %[[CU:.*]]: tensor<?xi32>, %[[ANGLES:.*]]: tensor<?x2xf32>, %[[P:.*]]: tensor<?xi64>, %[[C:.*]]: tensor<?xi32>, %{{.*}}: tensor<6x4xf32> {xf.weight = "q"}, %{{.*}}: tensor<3x4xf32> {xf.weight = "k"}) -> tensor<?x10xf32>
// CHECK: xf.append_cache %[[K:.*]], %[[K]] cu_seqlens(%[[CU]] : tensor<?xi32>) cache(%[[P]], %[[C]] : tensor<?xi64>, tensor<?xi32>) head_dim 3
// CHECK-NEXT: %[[HQ:.*]] = xf.join %[[X]], %{{.*}} : tensor<?x4xf32>, tensor<?x6xf32> -> tensor<?x10xf32>
// CHECK-NEXT: return %[[HQ]]
// BYTES: xf.paged_attention {{.*}} kept in int8 heads 2 of 1
// BYTES: xf.append_cache {{.*}} kept in int8 head_dim 3
// CHECK: func.func @decode(%[[X:.*]]: tensor<?x4xf32> {xf.input = "x"}, %[[CU:.*]]: tensor<?xi32> {xf.input = "cu_seqlens"}, %[[COL:.*]]: tensor<?xi32> {xf.input = "columns"}, %[[PAGES:.*]]: tensor<?xi64> {xf.input = "pages"}, %[[CACHED:.*]]: tensor<?xi32> {xf.input = "cached"}) -> (tensor<?x10xf32> {xf.output = "hidden", xf.rows = "tokens"})
// CHECK: %[[ANGLES:.*]] = xf.angles
// CHECK: %[[Y:.*]] = xf.layers @layer.cached(%[[X]], %[[CU]], %[[COL]], %[[ANGLES]], %[[PAGES]], %[[CACHED]]) weights ["0."]
// CHECK-NEXT: %[[Z:.*]] = xf.layer @layer.cached.front(%[[Y]], %[[CU]], %[[ANGLES]], %[[PAGES]], %[[CACHED]]) weights "1."
// CHECK-NEXT: return %[[Z]]
// CHECK: func.func @logits(%[[H:.*]]: tensor<?x10xf32> {xf.input = "hidden", xf.limit = 10 : i64}, %{{.*}}: tensor<?xi32> {xf.input = "cu_seqlens"}, %{{.*}}: tensor<?xi32> {xf.input = "columns"}, %{{.*}}: tensor<?xi64> {xf.input = "pages"}, %{{.*}}: tensor<?xi32> {xf.input = "cached"}) -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"})
// CHECK-NEXT: %[[L:.*]] = xf.layer @layer.cached.rest(%[[H]], {{.*}}) weights "1."
// CHECK-NEXT: xf.activate relu %[[L]]
// CHECK: func.func @best(%{{.*}}: tensor<?x10xf32>
// CHECK: xf.layer @layer.cached.rest(
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %angles: tensor<?x2xf32>, %q: tensor<6x4xf32> {xf.weight = "q"}, %k: tensor<3x4xf32> {xf.weight = "k"}, %o: tensor<4x6xf32> {xf.weight = "o"}) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %q : tensor<?x4xf32>, tensor<6x4xf32> -> tensor<?x6xf32>
  %1 = xf.rotate %0 by %angles heads 2 : tensor<?x6xf32>, tensor<?x2xf32>
  %2 = xf.linear %x, %k : tensor<?x4xf32>, tensor<3x4xf32> -> tensor<?x3xf32>
  %3 = xf.attention %1, %2, %2 cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x6xf32>, tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x6xf32>
  %4 = xf.linear %3, %o : tensor<?x6xf32>, tensor<4x6xf32> -> tensor<?x4xf32>
  %5 = xf.add %4, %x : tensor<?x4xf32>
  return %5 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %f = xf.load_weight @f : tensor<1xf32>
  %angles = xf.angles %columns, %f : tensor<?xi32>, tensor<1xf32> -> tensor<?x2xf32>
  %0 = xf.layers @layer(%x, %cu, %columns, %angles) weights ["0.", "1."] : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x2xf32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
xf.weight @f = dense<1.0> : tensor<1xf32>
xf.weight @"0.q" = dense<1.0> : tensor<6x4xf32>
xf.weight @"0.k" = dense<1.0> : tensor<3x4xf32>
xf.weight @"0.o" = dense<1.0> : tensor<4x6xf32>
xf.weight @"1.q" = dense<1.0> : tensor<6x4xf32>
xf.weight @"1.k" = dense<1.0> : tensor<3x4xf32>
xf.weight @"1.o" = dense<1.0> : tensor<4x6xf32>

// -----
// What goes by distance, a prefix and a cap go with the queries; what they need is computed beside them, and inputs that
// nothing else reads leave `decode`.
// CHECK: made = true, pass = "DeferLastLayer"
// CHECK: xf.paged_attention {{.*}} columns(%{{.*}}) bias(%{{.*}}) buckets <two_sided, 32, 128> reach 3 causal prefix(%{{.*}}) slopes(%{{.*}}) heads 2 of 2 scale 5.000000e-01 cap 5.000000e+01
// CHECK: func.func @decode(
// CHECK-NOT: prefix_lens
// CHECK-SAME: ) -> (tensor<?x8xf32>
// CHECK: func.func @logits({{.*}}xf.input = "prefix_lens"
// CHECK: %[[BIAS:.*]] = xf.load_weight @bias
// CHECK: xf.layer @layer.cached.rest(%{{.*}}, %[[BIAS]]
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %prefix: tensor<?xi32>, %bias: tensor<32x2xf32>, %slopes: tensor<2xf32>) -> tensor<?x4xf32> {
  %0 = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) bias(%bias : tensor<32x2xf32>) buckets <two_sided, 32, 128> reach 3 causal prefix(%prefix : tensor<?xi32>) slopes(%slopes : tensor<2xf32>) heads 2 scale 0.5 cap 50.0 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
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
// A product that both sides read would be computed twice.
// CHECK: made = false, pass = "DeferLastLayer", reason = "@layer.cached has a product that is read before its keys are kept and behind"
// CHECK-NOT: .front
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>, %w: tensor<4x4xf32> {xf.weight = "w"}) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.attention %0, %0, %0 cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %2 = xf.add %1, %0 : tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"})
    -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry, xf.generates} {
  %0 = xf.layer @layer(%x, %cu, %columns) weights "0." : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
xf.weight @"0.w" = dense<1.0> : tensor<4x4xf32>

// -----
// Nothing is derived, nothing is divided.
// CHECK-NOT: DeferLastLayer
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}) -> (tensor<?x4xf32> {xf.output = "logits", xf.rows = "tokens"}) attributes {xf.entry} {
  return %x : tensor<?x4xf32>
}
