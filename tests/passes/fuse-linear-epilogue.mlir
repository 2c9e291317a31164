// RUN: lathe-opt %s --lathe-fuse-linear-epilogue --split-input-file | FileCheck %s

// Activation first, then residual: in this order the epilogue computes them.
// CHECK: made = true, pass = "FuseLinearEpilogue", reason = "", what = "activation gelu"
// CHECK-SAME: made = true, pass = "FuseLinearEpilogue", reason = "", what = "residual"
// CHECK-LABEL: func.func @both
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32>, %[[R:[^:]*]]: tensor<?x4xf32>
// CHECK-NEXT: %[[Y:.*]] = xf.linear %[[X]], %{{.*}} activation gelu residual(%[[R]] : tensor<?x4xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @both(%x: tensor<?x4xf32>, %r: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.activate gelu %0 : tensor<?x4xf32>
  %2 = xf.add %1, %r : tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----
// The linear on the other side of the addition, and a residual computed after it.
// CHECK-LABEL: func.func @residual_behind
// CHECK: %[[R:.*]] = xf.activate relu
// CHECK-NEXT: xf.linear {{.*}} residual(%[[R]] : tensor<?x4xf32>)
// CHECK-NOT: xf.add
func.func @residual_behind(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %r = xf.activate relu %x : tensor<?x4xf32>
  %1 = xf.add %r, %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Of two linears that are added, one adds the other.
// CHECK-LABEL: func.func @two_linears
// CHECK: %[[SECOND:.*]] = xf.linear
// CHECK-NEXT: xf.linear {{.*}} residual(%[[SECOND]] : tensor<?x4xf32>)
// CHECK-NOT: xf.add
func.func @two_linears(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %2 = xf.add %0, %1 : tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----
// Declined: both values are wanted.
// CHECK: made = false, {{.*}} reason = "the linear's result is used elsewhere", what = "activation tanh"
// CHECK-LABEL: func.func @used_twice
// CHECK: xf.activate tanh
func.func @used_twice(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.activate tanh %0 : tensor<?x4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Declined: added to itself.
// CHECK: made = false, {{.*}} reason = "the linear's result is used elsewhere", what = "residual"
// CHECK-LABEL: func.func @doubled
// CHECK: xf.add
func.func @doubled(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.add %0, %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Declined: an activation behind the residual is not the epilogue's order.
// CHECK: made = false, {{.*}} reason = "the linear already has an activation or a residual", what = "activation relu"
// CHECK-LABEL: func.func @activation_after_residual
// CHECK: xf.activate relu
func.func @activation_after_residual(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w residual(%x : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.activate relu %0 : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----
// Declined: a second residual.
// CHECK: made = false, {{.*}} reason = "the linear already adds one", what = "residual"
// CHECK-LABEL: func.func @two_residuals
// CHECK: xf.add
func.func @two_residuals(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = xf.linear %x, %w residual(%x : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %1 = xf.add %0, %x : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
