// RUN: lathe-opt %s --lathe-fuse-attention --split-input-file | FileCheck %s

// Scale, then mask, as BERT writes it.
// CHECK: xf.fusions = [{made = true, pass = "FuseAttention", reason = "", what = "attention of 2 heads of 4", where = "masked_after_scale"}]
// CHECK-LABEL: func.func @masked_after_scale
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x8xf32>, %[[K:.*]]: tensor<?x?x8xf32>, %[[V:.*]]: tensor<?x?x8xf32>, %[[MASK:.*]]: tensor<?x?xi1>
// CHECK-NEXT: %[[C:.*]] = xf.attention %[[Q]], %[[K]], %[[V]] mask(%[[MASK]] : tensor<?x?xi1>) heads 2 scale 5.000000e-01
// CHECK-NEXT: return %[[C]]
func.func @masked_after_scale(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %qh = xf.split_heads %q : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %kh = xf.split_heads %k : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %vh = xf.split_heads %v : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %qh, transposed %kh : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.scale %s by 0.5 : tensor<?x2x?x?xf32>
  %u = xf.mask_scores %t, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %vh : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Mask, then scale: a masked column is absent either way.
// CHECK-LABEL: func.func @masked_before_scale
// CHECK-NEXT: xf.attention {{.*}} mask({{.*}}) heads 2 scale 2.500000e-01
// CHECK-NOT: xf.softmax
func.func @masked_before_scale(%x: tensor<?x?x8xf32>, %y: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %qh = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %kh = xf.split_heads %y : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %vh = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %qh, transposed %kh : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.mask_scores %s, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %u = xf.scale %t by 0.25 : tensor<?x2x?x?xf32>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %vh : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// A bias by distance and a window, between scale and mask.
// CHECK-LABEL: func.func @by_distance
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x8xf32>, %[[MASK:[^:]*]]: {{[^,]*}}, %[[COLUMNS:[^:]*]]: {{[^,]*}}, %[[TABLE:[^:]*]]:
// CHECK-NEXT: xf.attention %[[X]], %[[X]], %[[X]] mask(%[[MASK]] : tensor<?x?xi1>) columns(%[[COLUMNS]] : tensor<?x?xi32>) bias(%[[TABLE]] : tensor<32x2xf32>) buckets <two_sided, 32, 128> reach 5 causal heads 2 scale 5.000000e-01
// CHECK-NEXT: return
func.func @by_distance(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>, %columns: tensor<?x?xi32>, %table: tensor<32x2xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.scale %s by 0.5 : tensor<?x2x?x?xf32>
  %b = xf.bias_scores %t, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<32x2xf32>, tensor<?x?xi32>
  %w = xf.window_scores %b at %columns reach 5 causal : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %u = xf.mask_scores %w, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK-LABEL: func.func @pairs
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>, %[[COLUMNS:.*]]: tensor<?x?xi32>, %[[PAIRS:.*]]: tensor<6x3xf32>
// CHECK-NEXT: xf.attention %[[X]], %[[X]], %[[X]] columns(%[[COLUMNS]] : tensor<?x?xi32>) pairs(%[[PAIRS]] : tensor<6x3xf32>) heads 2 scale 5.000000e-01 :
// CHECK-NEXT: return
func.func @pairs(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %pairs: tensor<6x3xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %qk = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %s = xf.scale %qk by 0.5 : tensor<?x2x?x?xf32>
  %b = xf.bias_pairs %s, %pairs at %columns : tensor<?x2x?x?xf32>, tensor<6x3xf32>, tensor<?x?xi32>
  %p = xf.softmax %b : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %m = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %m : tensor<?x?x8xf32>
}

// -----
// A cap of scaled products, slopes behind it, and a prefix.
// CHECK-LABEL: func.func @capped
// CHECK-SAME: %[[COLUMNS:[^:]*]]: tensor<?x?xi32>, %[[SLOPES:[^:]*]]: tensor<2xf32>, %[[PREFIX:[^:]*]]: tensor<?xi32>)
// CHECK-NEXT: xf.attention {{.*}} columns(%[[COLUMNS]] : tensor<?x?xi32>) causal prefix(%[[PREFIX]] : tensor<?xi32>) slopes(%[[SLOPES]] : tensor<2xf32>) heads 2 scale 5.000000e-01 cap 3.000000e+01 :
// CHECK-NEXT: return
func.func @capped(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<2xf32>, %prefix: tensor<?xi32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.scale %s by 0.5 : tensor<?x2x?x?xf32>
  %b = xf.cap_scores %t at 30.0 : tensor<?x2x?x?xf32>
  %a = xf.slope_scores %b, %slopes at %columns : tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<?x?xi32>
  %w = xf.window_scores %a at %columns causal prefix(%prefix : tensor<?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p = xf.softmax %w : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Global tokens beside a window, and an attention of their own.
// CHECK-LABEL: func.func @global
// CHECK-SAME: %[[COLUMNS:[^:]*]]: tensor<?x?xi32>, %[[GLOBALS:[^:]*]]: tensor<?x?xi32>)
// CHECK-NEXT: xf.attention {{.*}} columns(%[[COLUMNS]] : tensor<?x?xi32>) reach 5 block 8 globals(%[[GLOBALS]] : tensor<?x?xi32>) heads 2
// CHECK-NEXT: xf.attention {{.*}} chosen(%[[GLOBALS]] : tensor<?x?xi32>) heads 2
// CHECK-NEXT: return
func.func @global(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %globals: tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %w = xf.window_scores %s at %columns reach 5 block 8 globals(%globals : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p = xf.softmax %w : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  %s2 = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %w2 = xf.choose_queries %s2 of %globals : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p2 = xf.softmax %w2 : tensor<?x2x?x?xf32>
  %o2 = xf.matmul %p2, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c2 = xf.merge_heads %o2 : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c, %c2 : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "some tokens are global where scores go by distance"
// CHECK-LABEL: func.func @global_and_sloped
// CHECK-NOT: xf.attention
func.func @global_and_sloped(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<2xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %a = xf.slope_scores %s, %slopes at %columns : tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<?x?xi32>
  %w = xf.window_scores %a at %columns reach 5 globals(%columns : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p = xf.softmax %w : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "queries are chosen where scores go by distance"
// CHECK-LABEL: func.func @chosen_in_a_window
// CHECK-NOT: xf.attention
func.func @chosen_in_a_window(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %w = xf.window_scores %s at %columns reach 5 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %a = xf.choose_queries %w of %columns : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p = xf.softmax %a : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// What is absent would be as small as the cap allows.
// CHECK: made = false, {{.*}} reason = "the cap is on more than products: on the result of 'xf.mask_scores'"
// CHECK-LABEL: func.func @capped_mask
// CHECK: xf.softmax
func.func @capped_mask(%x: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %m = xf.mask_scores %s, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %b = xf.cap_scores %m at 30.0 : tensor<?x2x?x?xf32>
  %p = xf.softmax %b : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "the capped scores are scaled"
// CHECK-LABEL: func.func @scaled_cap
// CHECK: xf.softmax
func.func @scaled_cap(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %b = xf.cap_scores %s at 30.0 : tensor<?x2x?x?xf32>
  %t = xf.scale %b by 0.5 : tensor<?x2x?x?xf32>
  %p = xf.softmax %t : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "terms are added to capped scores"
// CHECK-LABEL: func.func @terms_behind_cap
// CHECK: xf.softmax
func.func @terms_behind_cap(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %t: tensor<?x?x12xf32>, %index: tensor<7xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %b = xf.cap_scores %s at 30.0 : tensor<?x2x?x?xf32>
  %a = xf.add_terms %b query(%t : tensor<?x?x12xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  %p = xf.softmax %a : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "what falls by distance is scaled together with the scores"
// CHECK-LABEL: func.func @scaled_slopes
// CHECK: xf.softmax
func.func @scaled_slopes(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %slopes: tensor<2xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %a = xf.slope_scores %s, %slopes at %columns : tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<?x?xi32>
  %t = xf.scale %a by 0.5 : tensor<?x2x?x?xf32>
  %p = xf.softmax %t : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Terms are scaled with the products.
// CHECK-LABEL: func.func @with_terms
// CHECK: xf.attention {{.*}} columns(%{{.*}}) query_terms(%{{.*}}) key_terms(%{{.*}}) index(%{{.*}}) heads 2 scale 5.000000e-01
// CHECK-NEXT: return
func.func @with_terms(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %t: tensor<?x?x12xf32>, %index: tensor<7xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %b = xf.add_terms %s query(%t : tensor<?x?x12xf32>) key(%t : tensor<?x?x12xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  %r = xf.scale %b by 0.5 : tensor<?x2x?x?xf32>
  %p = xf.softmax %r : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "the products are scaled apart from the terms that are added"
// CHECK-LABEL: func.func @scaled_apart
// CHECK: xf.softmax
func.func @scaled_apart(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %t: tensor<?x?x12xf32>, %index: tensor<7xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %r = xf.scale %s by 0.5 : tensor<?x2x?x?xf32>
  %b = xf.add_terms %r query(%t : tensor<?x?x12xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  %p = xf.softmax %b : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "the bias is scaled together with the scores"
// CHECK-LABEL: func.func @scaled_bias
// CHECK: xf.softmax
func.func @scaled_bias(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %table: tensor<32x2xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %b = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<32x2xf32>, tensor<?x?xi32>
  %t = xf.scale %b by 0.5 : tensor<?x2x?x?xf32>
  %p = xf.softmax %t : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "what goes by distance goes by different columns"
// CHECK-LABEL: func.func @other_columns
// CHECK: xf.softmax
func.func @other_columns(%x: tensor<?x?x8xf32>, %columns: tensor<?x?xi32>, %others: tensor<?x?xi32>, %table: tensor<32x2xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %b = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<32x2xf32>, tensor<?x?xi32>
  %w = xf.window_scores %b at %others reach 5 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %p = xf.softmax %w : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Neither; and query, key and value may be one split.
// CHECK-LABEL: func.func @bare
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: xf.attention %[[X]], %[[X]], %[[X]] heads 2 scale 1.000000e+00
// CHECK-NEXT: return
func.func @bare(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Several scales are one; a split that others read stays.
// CHECK-LABEL: func.func @two_scales
// CHECK: %[[H:.*]] = xf.split_heads
// CHECK-NEXT: xf.attention {{.*}} heads 2 scale 6.000000e+00
// CHECK-NEXT: return %{{.*}}, %[[H]]
func.func @two_scales(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x2x?x4xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.scale %s by 2.0 : tensor<?x2x?x?xf32>
  %u = xf.scale %t by 3.0 : tensor<?x2x?x?xf32>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c, %h : tensor<?x?x8xf32>, tensor<?x2x?x4xf32>
}

// -----
// Does not apply: the probabilities are an output too.
// CHECK: made = false, pass = "FuseAttention", reason = "the attention probabilities are a result, too", what = "attention of 2 heads of 4", where = "probabilities"
// CHECK: xf.softmax
// CHECK-NOT: xf.attention
func.func @probabilities(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x2x?x?xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c, %p : tensor<?x?x8xf32>, tensor<?x2x?x?xf32>
}

// -----
// Does not apply: the scores are an output too.
// CHECK: made = false, {{.*}} reason = "the attention scores are used elsewhere"
// CHECK-NOT: xf.attention
func.func @scores(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x2x?x?xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c, %s : tensor<?x?x8xf32>, tensor<?x2x?x?xf32>
}

// -----
// CHECK: made = false, {{.*}} reason = "the attention probabilities are used elsewhere"
// CHECK-NOT: xf.attention
func.func @probabilities_again(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x2x?x?xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  %q = xf.scale %p by 2.0 : tensor<?x2x?x?xf32>
  return %c, %q : tensor<?x?x8xf32>, tensor<?x2x?x?xf32>
}

// -----
// Does not apply: the heads are read before they are merged.
// CHECK: made = false, {{.*}} reason = "the product with the values is used elsewhere"
// CHECK-NOT: xf.attention
func.func @product(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x2x?x4xf32>) {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c, %o : tensor<?x?x8xf32>, tensor<?x2x?x4xf32>
}

// -----
// Does not apply: nothing merges the heads.
// CHECK: made = false, {{.*}} reason = "the heads are not merged behind the product with the values, but read by 'func.return'"
// CHECK-NOT: xf.attention
func.func @unmerged(%x: tensor<?x?x8xf32>) -> tensor<?x2x?x4xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// -----
// Does not apply: V is transposed.
// CHECK: made = false, {{.*}} reason = "the probabilities are multiplied with a transposed matrix"
// CHECK-NOT: xf.attention
func.func @transposed(%x: tensor<?x?x8xf32>, %vh: tensor<?x2x4x?xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, transposed %vh : tensor<?x2x?x?xf32>, tensor<?x2x4x?xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Does not apply: the scores are not QK^T.
// CHECK: made = false, {{.*}} reason = "the scores come from 'xf.activate', expected QK^T"
// CHECK-NOT: xf.attention
func.func @activated(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %a = xf.activate tanh %s : tensor<?x2x?x?xf32>
  %p = xf.softmax %a : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Does not apply: two masks are not one.
// CHECK: made = false, {{.*}} reason = "the scores come from 'xf.mask_scores', expected QK^T"
// CHECK-NOT: xf.attention
func.func @two_masks(%x: tensor<?x?x8xf32>, %a: tensor<?x?xi1>, %b: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %t = xf.mask_scores %s, %a : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %u = xf.mask_scores %t, %b : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Does not apply: the scores are an argument.
// CHECK: made = false, {{.*}} reason = "the scores come from outside the function"
func.func @outside(%s: tensor<?x2x?x?xf32>, %h: tensor<?x2x?x4xf32>) -> tensor<?x?x8xf32> {
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Does not apply: the heads were not split from columns.
// CHECK: made = false, {{.*}} reason = "query, key or value does not come from xf.split_heads"
func.func @heads_given(%h: tensor<?x2x?x4xf32>) -> tensor<?x?x8xf32> {
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Values of another width than the keys.
// CHECK-LABEL: func.func @narrow_values
// CHECK-NEXT: xf.attention {{.*}} heads 2 scale 1.000000e+00 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x6xf32> -> tensor<?x?x6xf32>
func.func @narrow_values(%x: tensor<?x?x8xf32>, %v: tensor<?x?x6xf32>) -> tensor<?x?x6xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %vh = xf.split_heads %v : tensor<?x?x6xf32> -> tensor<?x2x?x3xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %vh : tensor<?x2x?x?xf32>, tensor<?x2x?x3xf32> -> tensor<?x2x?x3xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x3xf32> -> tensor<?x?x6xf32>
  return %c : tensor<?x?x6xf32>
}

// -----
// Does not apply: fewer heads of values than of keys.
// CHECK: made = false, {{.*}} reason = "keys and values have different shapes"
func.func @fewer_values(%x: tensor<?x?x8xf32>, %v: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %vh = xf.split_heads %v : tensor<?x?x4xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %vh : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// A softmax that no product reads is no attention, and nothing to report.
// CHECK-NOT: xf.fusions
// CHECK-LABEL: func.func @plain_softmax
func.func @plain_softmax(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %p = xf.softmax %x : tensor<?x8xf32>
  return %p : tensor<?x8xf32>
}
