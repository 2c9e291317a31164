// Every op that the graph passes form, printed and read again.
// RUN: lathe-opt %s | FileCheck %s
// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt --mlir-print-op-generic %s | lathe-opt | FileCheck %s

xf.weight @layer.0.gain = dense<1.0> : tensor<4xf32>
xf.weight @layer.1.gain = dense<1.0> : tensor<4xf32>

// CHECK-LABEL: func.func private @layer
func.func private @layer(%x: tensor<?x4xf32>, %cu: tensor<?xi32>, %gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<?x4xf32> {
  // CHECK: xf.layer_norm %{{.*}} residual(%{{.*}} : tensor<?x4xf32>), %{{.*}}, %{{.*}} eps
  %0 = xf.layer_norm %x residual(%x : tensor<?x4xf32>), %gain, %gain eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @encode
func.func @encode(%ids: tensor<?xi32>, %cu: tensor<?xi32>, %table: tensor<10x4xf32>, %v: tensor<4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  // CHECK: xf.embed ids(%{{.*}}, %{{.*}} : tensor<?xi32>, tensor<?xi32>) tables(%{{.*}}, %{{.*}} : tensor<10x4xf32>, tensor<10x4xf32>) norm(%{{.*}} : tensor<4xf32>) bias(%{{.*}} : tensor<4xf32>) eps 1.000000e-05 -> tensor<?x4xf32>
  %0 = xf.embed ids(%ids, %ids : tensor<?xi32>, tensor<?xi32>) tables(%table, %table : tensor<10x4xf32>, tensor<10x4xf32>)
      norm(%v : tensor<4xf32>) bias(%v : tensor<4xf32>) eps 1.0e-05 -> tensor<?x4xf32>
  // CHECK: xf.embed ids(%{{.*}} : tensor<?xi32>) tables(%{{.*}} : tensor<10x4xf32>) -> tensor<?x4xf32>
  %1 = xf.embed ids(%ids : tensor<?xi32>) tables(%table : tensor<10x4xf32>) -> tensor<?x4xf32>
  // CHECK: xf.embed ids(%{{.*}} : tensor<?xi32>) tables(%{{.*}} : tensor<10x4xf32>) norm(%{{.*}} : tensor<4xf32>) eps 1.000000e-05 -> tensor<?x4xf32>
  %unbiased = xf.embed ids(%ids : tensor<?xi32>) tables(%table : tensor<10x4xf32>) norm(%v : tensor<4xf32>) eps 1.0e-05 -> tensor<?x4xf32>
  // CHECK: xf.concat %{{.*}}, %{{.*}}, %{{.*}} : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<12x4xf32>
  %qkv_w = xf.concat %w, %w, %w : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<12x4xf32>
  %qkv_b = xf.concat %v, %v, %v : tensor<4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<12xf32>
  // CHECK: xf.linear %{{.*}}, %{{.*}} bias(%{{.*}} : tensor<12xf32>) : tensor<?x4xf32>, tensor<12x4xf32> -> tensor<?x12xf32>
  %2 = xf.linear %0, %qkv_w bias(%qkv_b : tensor<12xf32>) : tensor<?x4xf32>, tensor<12x4xf32> -> tensor<?x12xf32>
  // CHECK: xf.split %{{.*}} : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %q, %k, %vv = xf.split %2 : tensor<?x12xf32> -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  // CHECK: xf.attention %{{.*}}, %{{.*}}, %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) heads 2 scale
  %3 = xf.attention %q, %k, %vv cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.linear %{{.*}}, %{{.*}} in int4 groups of 32 smoothing(%{{.*}} : tensor<4xf32>) importance(%{{.*}} : tensor<4xf32>) :
  %s = xf.load_weight @layer.0.gain : tensor<4xf32>
  %smooth = xf.linear %0, %w in int4 groups of 32 smoothing(%s : tensor<4xf32>) importance(%v : tensor<4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.linear %{{.*}}, %{{.*}} in int4 groups of 64 : tensor<?x4xf32>
  %int4 = xf.linear %3, %w in int4 groups of 64 : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.attention %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) columns(%{{.*}} : tensor<?xi32>) causal heads 2 scale
  %causal = xf.attention %q, %k, %vv cu_seqlens(%cu : tensor<?xi32>) columns(%ids : tensor<?xi32>) causal heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.attention %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) columns(%{{.*}} : tensor<?xi32>) reach 3 heads 2 scale
  %window = xf.attention %q, %k, %vv cu_seqlens(%cu : tensor<?xi32>) columns(%ids : tensor<?xi32>) reach 3 heads 2 scale 0.5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.linear %{{.*}}, %{{.*}} bias(%{{.*}} : tensor<4xf32>) activation gelu residual(%{{.*}} : tensor<?x4xf32>) :
  %4 = xf.linear %3, %w bias(%v : tensor<4xf32>) activation gelu residual(%0 : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.layers @layer(%{{.*}}, %{{.*}}) weights ["layer.0.", "layer.1."] : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %5 = xf.layers @layer(%4, %cu) weights ["layer.0.", "layer.1."] : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  // CHECK: xf.layers {{.*}} -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %6:2 = xf.layers @layer(%5, %cu) weights ["layer.0.", "layer.1."] : (tensor<?x4xf32>, tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: xf.first_token %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  %7 = xf.first_token %6#1 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.pool max %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  %8 = xf.pool max %6#1 cu_seqlens(%cu : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.pool weighted_mean %{{.*}} cu_seqlens(%{{.*}} : tensor<?xi32>) columns(%{{.*}} : tensor<?xi32>) except(%{{.*}} : tensor<?xi32>) :
  %9 = xf.pool weighted_mean %6#1 cu_seqlens(%cu : tensor<?xi32>) columns(%ids : tensor<?xi32>) except(%ids : tensor<?xi32>) : tensor<?x4xf32> -> tensor<?x4xf32>
  return %8 : tensor<?x4xf32>
}
