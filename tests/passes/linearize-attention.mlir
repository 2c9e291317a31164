// RUN: lathe-opt %s --lathe-linearize-attention --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: made = true, pass = "LinearizeAttention", reason = "", what = "2 heads, approximately", where = "packed"
// CHECK-LABEL: func.func @packed
// CHECK-NEXT: %[[Y:.*]] = xf.linear_attention elu %{{.*}}, %{{.*}}, %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) heads 2
// CHECK-NEXT: return %[[Y]]
func.func @packed(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x8xf32>, %cu: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// What goes by order alone stays.
// CHECK-LABEL: func.func @causal
// CHECK-NEXT: xf.linear_attention elu %{{.*}} causal heads 2
func.func @causal(%q: tensor<?x8xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = xf.attention %q, %q, %q cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
func.func @window(%q: tensor<?x8xf32>, %cu: tensor<?xi32>, %columns: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{--attention linear: the attention in @window cannot be approximated: it has a window}}
  %y = xf.attention %q, %q, %q cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) reach 3 heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
func.func @grouped(%q: tensor<?x8xf32>, %k: tensor<?x4xf32>, %cu: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{it has keys that several heads of queries share}}
  %y = xf.attention %q, %k, %k cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
func.func @crossed(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %cu: tensor<?xi32>, %keys: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{it has keys of other tokens than the queries'}}
  %y = xf.attention %q, %k, %k cu_seqlens(%cu : tensor<?xi32>) key_cu_seqlens(%keys : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
func.func @capped(%q: tensor<?x8xf32>, %cu: tensor<?xi32>) -> tensor<?x8xf32> {
  // expected-error @below {{it has capped scores}}
  %y = xf.attention %q, %q, %q cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 cap 30. : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
func.func @unfused(%scores: tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32> {
  // expected-error @below {{the attention in @unfused cannot be approximated: it was not fused}}
  %y = xf.softmax %scores : tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}
