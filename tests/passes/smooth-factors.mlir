// RUN: lathe-opt %s --lathe-smooth-factors | FileCheck %s

// What reads bytes is smoothed, in a layer by a weight that all layers share; what reads other numbers is not.
// CHECK-NOT: xf.smoothed_by
// CHECK-LABEL: func.func private @layer
// CHECK: %[[S:.*]] = xf.load_weight @s : tensor<8xf32>
// CHECK: xf.linear %{{.*}} in int8 smoothing(%[[S]] : tensor<8xf32>) :
// CHECK: %[[S:.*]] = xf.load_weight @s : tensor<8xf32>
// CHECK: xf.linear %{{.*}} in int4 groups of 32 smoothing(%[[S]] : tensor<8xf32>) :
// CHECK: xf.linear %{{.*}} in int8 :
// CHECK-NOT: load_weight
// CHECK: xf.linear %{{.*}} in bf16 :
// CHECK: xf.linear %{{.*}}, %{{[a-z0-9]+}} :
xf.weight @s = dense<2.0> : tensor<8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %w: tensor<8x8xf32> {xf.weight = "w"}) -> tensor<?x8xf32> {
  %a = xf.linear %x, %w in int8 {xf.smoothed_by = @s} : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.linear %x, %w in int4 groups of 32 {xf.smoothed_by = @s} : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.linear %b, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %d = xf.linear %a, %w in bf16 {xf.smoothed_by = @s} : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %e = xf.linear %d, %w {xf.smoothed_by = @s} : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %e : tensor<?x8xf32>
}
