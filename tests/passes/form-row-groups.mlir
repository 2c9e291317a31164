// RUN: lathe-opt %s --lathe-form-row-groups --split-input-file | FileCheck %s

// A norm of a sum. The sum, which no fusion took, is computed with it, and is a result because it is read elsewhere; so is
// the gain around one. Constants are copied inside.
// CHECK: made = true, pass = "FormRowGroups", reason = "", what = "add, mul, row_mean, add, rsqrt, mul, add, mul on rows of 8", where = "norm"
// CHECK-LABEL: func.func @norm
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32>, %[[R:[^:]*]]: tensor<?x8xf32>, %[[GAIN:[^:]*]]: tensor<8xf32>
// CHECK-NEXT: %[[GROUP:.*]]:2 = xf.row_group %[[X]], %[[R]], %[[GAIN]] {
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<8xf32>):
// CHECK-NEXT: %[[S:.*]] = xf.add %[[A]], %[[B]]
// CHECK-NEXT: xf.combine mul %[[S]], %[[S]]
// CHECK-NEXT: xf.reduce mean
// CHECK-NEXT: xf.constant
// CHECK-NEXT: xf.combine add
// CHECK-NEXT: xf.map rsqrt
// CHECK-NEXT: xf.combine mul %[[S]]
// CHECK-NEXT: %[[ONE:.*]] = xf.constant 1.0
// CHECK-NEXT: xf.combine add %[[G]], %[[ONE]] : tensor<8xf32>
// CHECK-NEXT: %[[Y:.*]] = xf.combine mul
// CHECK-NEXT: xf.yield %[[S]], %[[Y]]
// CHECK: return %[[GROUP]]#0, %[[GROUP]]#1
func.func @norm(%x: tensor<?x8xf32>, %r: tensor<?x8xf32>, %gain: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %eps = xf.constant 1.0e-6 : tensor<1xf32>
  %one = xf.constant 1.0 : tensor<1xf32>
  %g = xf.combine add %gain, %one : tensor<8xf32>, tensor<1xf32> -> tensor<8xf32>
  %s = xf.add %x, %r : tensor<?x8xf32>
  %0 = xf.combine mul %s, %s : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = xf.reduce mean %0 : tensor<?x8xf32> -> tensor<?x1xf32>
  %2 = xf.combine add %1, %eps : tensor<?x1xf32>, tensor<1xf32> -> tensor<?x1xf32>
  %3 = xf.map rsqrt %2 : tensor<?x1xf32>
  %4 = xf.combine mul %s, %3 : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  %5 = xf.combine mul %4, %g : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %s, %5 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// Dense rows group as well as packed ones.
// CHECK-LABEL: func.func @dense
// CHECK: xf.row_group {{.*}} {
// CHECK: } : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
func.func @dense(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = xf.map sigmoid %x : tensor<?x?x8xf32>
  %1 = xf.combine mul %x, %0 : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// -----
// A linear between two formulas reads one and is read by the other, so they are two groups although both read %x.
// CHECK-LABEL: func.func @around_a_linear
// CHECK: %[[A:.*]] = xf.row_group
// CHECK: %[[B:.*]] = xf.linear %[[A]]
// CHECK: %[[C:.*]] = xf.row_group {{.*}}%[[A]]{{.*}} {
// CHECK: return %[[C]]
func.func @around_a_linear(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %0 = xf.map exp %x : tensor<?x8xf32>
  %1 = xf.linear %0, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %2 = xf.combine mul %0, %1 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// -----
// Two formulas that wait for each other through linears do not become groups that wait for each other: %a joins no group
// with %d, since %c, which reads it, is computed together with %b, which %d reads.
// CHECK-LABEL: func.func @crossed
// CHECK-COUNT-3: xf.row_group
// CHECK-NOT: xf.row_group
// CHECK: return
func.func @crossed(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %a = xf.map exp %x : tensor<?x8xf32>
  %la = xf.linear %a, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.map abs %x : tensor<?x8xf32>
  %c = xf.combine mul %b, %la : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %lb = xf.linear %b, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %d = xf.combine mul %a, %lb : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %c, %d : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// What read the first member stands behind the group afterwards.
// CHECK-LABEL: func.func @reordered
// CHECK: %[[G:.*]]:2 = xf.row_group
// CHECK: xf.linear %[[G]]#0
func.func @reordered(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = xf.map exp %x : tensor<?x8xf32>
  %1 = xf.linear %0, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %2 = xf.map neg %0 : tensor<?x8xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// Elementwise ops alone have kernels, and need no group; rows of an unknown width cannot be in one.
// CHECK-NOT: xf.fusions
// CHECK-LABEL: func.func @named
// CHECK-NOT: xf.row_group
func.func @named(%x: tensor<?x8xf32>, %scores: tensor<?x2x?x?xf32>) -> (tensor<?x8xf32>, tensor<?x2x?x?xf32>) {
  %0 = xf.add %x, %x : tensor<?x8xf32>
  %1 = xf.activate relu %0 : tensor<?x8xf32>
  %2 = xf.scale %1 by 2.0 : tensor<?x8xf32>
  %3 = xf.map tanh %scores : tensor<?x2x?x?xf32>
  return %2, %3 : tensor<?x8xf32>, tensor<?x2x?x?xf32>
}
