// RUN: lathe-opt %s --lathe-fuse-residual-norm --split-input-file | FileCheck %s

// CHECK: made = true, pass = "FuseResidualNorm"
// CHECK-LABEL: func.func @fused
// CHECK-SAME: %[[A:[^:]*]]: tensor<?x4xf32>, %[[B:[^:]*]]: tensor<?x4xf32>
// CHECK-NEXT: xf.layer_norm %[[A]] residual(%[[B]] : tensor<?x4xf32>)
func.func @fused(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = xf.add %a, %b : tensor<?x4xf32>
  %1 = xf.layer_norm %0, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Declined: a pre-norm model's residual stream goes on beside the norm.
// CHECK: made = false, {{.*}} reason = "the sum is used elsewhere"
// CHECK-LABEL: func.func @stream
// CHECK: xf.add
func.func @stream(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %v: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.add %a, %b : tensor<?x4xf32>
  %1 = xf.layer_norm %0, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Declined: there is room for one residual.
// CHECK: made = false, {{.*}} reason = "the norm already adds one"
func.func @twice(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = xf.add %a, %b : tensor<?x4xf32>
  %1 = xf.layer_norm %0 residual(%a : tensor<?x4xf32>), %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Not a root: no addition.
// CHECK-NOT: xf.fusions
// CHECK-LABEL: func.func @alone
func.func @alone(%a: tensor<?x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %1 = xf.layer_norm %a, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
