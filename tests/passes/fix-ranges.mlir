// RUN: lathe-opt %s --lathe-fix-ranges | FileCheck %s

// What a linear in int8 computes for one linear in int8 gets the range that calibration found, each layer its own; what
// a norm computes, or what several read, or what calibration has not seen, keeps ranges of its own.
// CHECK-NOT: xf.ranges
// CHECK-DAG: xf.weight @"0.down.input_range" = dense_resource<{{.*}}> : tensor<2xf32>
// CHECK-DAG: xf.weight @"1.down.input_range" = dense_resource<{{.*}}> : tensor<2xf32>
// CHECK-DAG: xf.weight @u.input_range = dense_resource<{{.*}}> : tensor<2xf32>
// CHECK-NOT: gain.input_range
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: %[[RANGE:[a-z0-9]+]]: tensor<2xf32> {xf.weight = "down.input_range"}
// CHECK: %[[A:.*]] = xf.linear %{{.*}}, %{{.*}} in int8 :
// CHECK: xf.linear %[[A]], %{{.*}} in int8 range(%[[RANGE]] : tensor<2xf32>)
// CHECK-LABEL: func.func @f
// CHECK: %[[B:.*]] = xf.linear %{{.*}} in int8 :
// CHECK: %[[LOADED:.*]] = xf.load_weight @u.input_range : tensor<2xf32>
// CHECK: xf.linear %[[B]], {{.*}} range(%[[LOADED]] : tensor<2xf32>)
// CHECK-NOT: range(
module attributes {xf.ranges = {"0.down" = array<f32: -1.0, 2.0>, "1.down" = array<f32: -1.0, 3.0>,
                                "0.up" = array<f32: -1.0, 2.0>, "1.up" = array<f32: -1.0, 3.0>,
                                u = array<f32: 0.0, 4.0>, v = array<f32: 0.0, 4.0>}} {
xf.weight @u = dense<1.0> : tensor<8x8xf32>
xf.weight @v = dense<1.0> : tensor<8x8xf32>
xf.weight @unseen = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.up" = dense<1.0> : tensor<20x8xf32>
xf.weight @"1.up" = dense<1.0> : tensor<20x8xf32>
xf.weight @"0.down" = dense<1.0> : tensor<8x20xf32>
xf.weight @"1.down" = dense<1.0> : tensor<8x20xf32>
func.func private @layer(%x: tensor<?x8xf32>, %up: tensor<20x8xf32> {xf.weight = "up"}, %down: tensor<8x20xf32> {xf.weight = "down"}) -> tensor<?x8xf32> {
  %a = xf.linear %x, %up in int8 : tensor<?x8xf32>, tensor<20x8xf32> -> tensor<?x20xf32>
  %b = xf.linear %a, %down in int8 : tensor<?x20xf32>, tensor<8x20xf32> -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}
func.func @f(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %u = xf.load_weight @u : tensor<8x8xf32>
  %v = xf.load_weight @v : tensor<8x8xf32>
  %w = xf.load_weight @unseen : tensor<8x8xf32>
  %a = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = xf.linear %a, %v in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c = xf.linear %b, %u in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %d = xf.linear %c, %w in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %e = xf.linear %d, %v in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %d, %e : tensor<?x8xf32>, tensor<?x8xf32>
}
}
