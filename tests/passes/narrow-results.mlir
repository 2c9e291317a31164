// RUN: lathe-opt %s --lathe-narrow-results | FileCheck %s

// What bytes alone are made of is narrow, of attention and of products, in int8 and in int4.
// CHECK-LABEL: func.func @narrow
// CHECK: %[[C:.*]] = xf.attention {{.*}} in bf16 narrow :
// CHECK: %[[A:.*]] = xf.linear %[[C]], %{{[a-z0-9]+}} activation gelu in int8 narrow :
// CHECK: %[[B:.*]] = xf.linear %[[A]], %{{[a-z0-9]+}} in int4 groups of 32 narrow :
// CHECK: xf.linear %[[B]], %{{[a-z0-9]+}} in int8 :
// CHECK: xf.linear %[[B]], %{{[a-z0-9]+}} in int4 groups of 32 :
func.func @narrow(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 in bf16 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %a = xf.linear %c, %w activation gelu in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.linear %a, %w in int4 groups of 32 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %d = xf.linear %b, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %e = xf.linear %b, %w in int4 groups of 32 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %d, %e : tensor<?x8xf32>, tensor<?x8xf32>
}

// What something else reads, too, or bytes of a known range are made of, or products in bf16 read, or kernels in f32
// store, stays as it is.
// CHECK-LABEL: func.func @wide
// CHECK-NOT: narrow
func.func @wide(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<8x8xf32>, %r: tensor<2xf32>, %g: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %a = xf.linear %c, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.linear %a, %w in int8 range(%r : tensor<2xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %d = xf.linear %b, %w residual(%b : tensor<?x8xf32>) in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %e = xf.linear %d, %w in bf16 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %f = xf.layer_norm %e, %g, %g eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %h = xf.linear %f, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %i = xf.linear %h, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %h, %i : tensor<?x8xf32>, tensor<?x8xf32>
}
