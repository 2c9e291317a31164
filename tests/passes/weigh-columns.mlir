// RUN: lathe-opt %s --lathe-weigh-columns | FileCheck %s

// Linears in int4 get the importances that calibration found, each layer its own; one with a joined weight those of the
// first part; one that calibration has not seen, or in another precision, none.
// CHECK-NOT: xf.importances
// CHECK-DAG: xf.weight @"0.q.column_importance" = dense_resource<{{.*}}> : tensor<8xf32>
// CHECK-DAG: xf.weight @"1.q.column_importance" = dense_resource<{{.*}}> : tensor<8xf32>
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: %[[IMPORTANCE:[a-z0-9]+]]: tensor<8xf32> {xf.weight = "q.column_importance"}
// CHECK: xf.linear %{{.*}} in int4 groups of 64 importance(%[[IMPORTANCE]] : tensor<8xf32>) :
// CHECK: xf.linear %{{.*}} in int8 :
// CHECK-LABEL: func.func @f
// CHECK: xf.linear %{{.*}} in int4 groups of 64 :
module attributes {xf.importances = {"0.q" = array<f32: 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0>,
                                     "1.q" = array<f32: 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0>,
                                     "0.v" = array<f32: 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0>,
                                     "1.v" = array<f32: 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0>}} {
xf.weight @unseen = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.q" = dense<1.0> : tensor<4x8xf32>
xf.weight @"1.q" = dense<1.0> : tensor<4x8xf32>
xf.weight @"0.v" = dense<1.0> : tensor<4x8xf32>
xf.weight @"1.v" = dense<1.0> : tensor<4x8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %q: tensor<4x8xf32> {xf.weight = "q"}, %v: tensor<4x8xf32> {xf.weight = "v"}) -> tensor<?x8xf32> {
  %w = xf.concat %q, %v : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
  %a = xf.linear %x, %w in int4 groups of 64 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.linear %a, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}
func.func @f(%x: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {xf.entry} {
  %w = xf.load_weight @unseen : tensor<8x8xf32>
  %a = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = xf.linear %a, %w in int4 groups of 64 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}
}
