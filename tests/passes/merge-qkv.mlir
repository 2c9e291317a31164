// RUN: lathe-opt %s --lathe-merge-qkv --split-input-file | FileCheck %s

// CHECK: made = true, pass = "MergeQkv"
// CHECK-LABEL: func.func @biased
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %{{.*}}: tensor<?xi32>, %[[W:.*]]: tensor<8x8xf32>, %[[U:.*]]: tensor<8x8xf32>, %[[B:.*]]: tensor<8xf32>
// CHECK-NEXT: %[[WEIGHT:.*]] = xf.concat %[[W]], %[[U]], %[[W]] : {{.*}} -> tensor<24x8xf32>
// CHECK-NEXT: %[[BIAS:.*]] = xf.concat %[[B]], %[[B]], %[[B]] : {{.*}} -> tensor<24xf32>
// CHECK-NEXT: %[[QKV:.*]] = xf.linear %[[X]], %[[WEIGHT]] bias(%[[BIAS]] : tensor<24xf32>) : {{.*}} -> tensor<?x24xf32>
// CHECK-NEXT: %[[PARTS:.*]]:3 = xf.split %[[QKV]]
// CHECK-NEXT: xf.attention %[[PARTS]]#0, %[[PARTS]]#1, %[[PARTS]]#2
func.func @biased(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32>, %u: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %q = xf.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %k = xf.linear %x, %u bias(%b : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %v = xf.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----
// Dense, and without a bias.
// CHECK-LABEL: func.func @unbiased
// CHECK: xf.concat
// CHECK-NOT: xf.concat
// CHECK: xf.linear %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<24x8xf32> -> tensor<?x?x24xf32>
func.func @unbiased(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %k = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %v = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %q, %k, %v heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Declined: attention to something else.
// CHECK: made = false, pass = "MergeQkv", reason = "query, key and value are computed from different inputs", what = "projections of query, key and value", where = "cross"
// CHECK-NOT: xf.split
func.func @cross(%x: tensor<?x?x8xf32>, %y: tensor<?x?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %k = xf.linear %y, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %v = xf.linear %y, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %q, %k, %v heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Declined: one projection for two of the three.
// CHECK: made = false, {{.*}} reason = "a projection is used elsewhere"
// CHECK-NOT: xf.split
func.func @shared(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %k = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %q, %k, %k heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Two attentions with the same projections: of global tokens, and of the others (as in BigBird).
// CHECK-LABEL: func.func @two_attentions
// CHECK: %[[PARTS:.*]]:3 = xf.split
// CHECK-NEXT: xf.attention %[[PARTS]]#0, %[[PARTS]]#1, %[[PARTS]]#2
// CHECK-NEXT: xf.attention %[[PARTS]]#0, %[[PARTS]]#1, %[[PARTS]]#2
func.func @two_attentions(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %globals: tensor<?xi32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %k = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %v = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %d = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) chosen(%globals : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %s = xf.add %c, %d : tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

// -----
// Declined: another attention has the same keys and values, but not the same queries.
// CHECK: made = false, {{.*}} reason = "a projection is used elsewhere"
// CHECK-LABEL: func.func @other_queries
// CHECK-NOT: xf.split
func.func @other_queries(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %k = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %v = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %d = xf.attention %c, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %d : tensor<?x8xf32>
}

// -----
// Declined: the key has no bias (as in Whisper).
// CHECK: made = false, {{.*}} reason = "some of the projections have a bias and others have none"
func.func @keys_unbiased(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<?x?x8xf32> {
  %q = xf.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %k = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %v = xf.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %q, %k, %v heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Declined: a projection that does more.
// CHECK: made = false, {{.*}} reason = "a projection carries an activation or a residual"
func.func @activated(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %q = xf.linear %x, %w activation relu : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %k = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %v = xf.linear %x, %w : tensor<?x?x8xf32>, tensor<8x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %q, %k, %v heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Not a root: nothing projects.
// CHECK-NOT: xf.fusions
// CHECK-LABEL: func.func @unprojected
func.func @unprojected(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %c = xf.attention %x, %x, %x heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Through norms of heads and rotations, wherever they stand; with fewer heads of keys.
// CHECK: made = true, pass = "MergeQkv"
// CHECK-LABEL: func.func @rotated
// CHECK: %[[QKV:.*]] = xf.linear %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
// CHECK-NEXT: %[[PARTS:.*]]:3 = xf.split %[[QKV]] : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>
// CHECK-DAG: %[[N:.*]] = xf.head_norm %[[PARTS]]#0
// CHECK-DAG: %[[Q:.*]] = xf.rotate %[[N]]
// CHECK-DAG: %[[K:.*]] = xf.rotate %[[PARTS]]#1
// CHECK: xf.attention %[[Q]], %[[K]], %[[PARTS]]#2
func.func @rotated(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %angles: tensor<?x4xf32>, %g: tensor<4xf32>, %w: tensor<8x8xf32>, %u: tensor<4x8xf32>) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %1 = xf.head_norm %0, %g heads 2 eps 1.0e-5 : tensor<?x8xf32>, tensor<4xf32>
  %q = xf.rotate %1 by %angles heads 2 : tensor<?x8xf32>, tensor<?x4xf32>
  %2 = xf.linear %x, %u : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %k = xf.rotate %2 by %angles heads 1 : tensor<?x4xf32>, tensor<?x4xf32>
  %v = xf.linear %x, %u : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
  %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----
// Features of queries and keys lie between.
// CHECK: made = true, pass = "MergeQkv"
// CHECK-LABEL: func.func @features
// CHECK: %[[PARTS:.*]]:3 = xf.split
// CHECK-DAG: %[[Q:.*]] = xf.random_features %[[PARTS]]#0
// CHECK-DAG: %[[K:.*]] = xf.random_features %[[PARTS]]#1
// CHECK: xf.linear_attention exp %[[Q]], %[[K]], %[[PARTS]]#2
func.func @features(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32>, %p: tensor<5x4xf32>) -> tensor<?x8xf32> {
  %q = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %fq = xf.random_features %q, %p heads 2 : tensor<?x8xf32>, tensor<5x4xf32> -> tensor<?x10xf32>
  %k = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %fk = xf.random_features %k, %p heads 2 : tensor<?x8xf32>, tensor<5x4xf32> -> tensor<?x10xf32>
  %v = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.linear_attention exp %fq, %fk, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 : tensor<?x10xf32>, tensor<?x10xf32>, tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----
// Queries and keys of one product, and values.
// CHECK: made = true, pass = "MergeQkv"
// CHECK-LABEL: func.func @hashed
// CHECK: %[[PARTS:.*]]:2 = xf.split %{{.*}} : tensor<?x16xf32> -> tensor<?x8xf32>, tensor<?x8xf32>
// CHECK: %[[K:.*]] = xf.head_norm %[[PARTS]]#0
// CHECK: xf.chunk_attention %[[PARTS]]#0, %[[K]], %[[PARTS]]#1
func.func @hashed(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %rows: tensor<?xi32>, %r: tensor<8x4xf32>, %gain: tensor<4xf32>, %wq: tensor<8x8xf32>, %wv: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %q = xf.linear %x, %wq : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %k = xf.head_norm %q, %gain heads 2 eps 1.0e-6 : tensor<?x8xf32>, tensor<4xf32>
  %v = xf.linear %x, %wv : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %0 = xf.chunk_attention %q, %k, %v row_columns %rows cu_seqlens(%cu : tensor<?xi32>) rotations(%r : tensor<8x4xf32>) factors [2, 6] chunks <length = 4, before = 1, after = 0, above = 4, multiple = 4> heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>
  return %0 : tensor<?x8xf32>
}
