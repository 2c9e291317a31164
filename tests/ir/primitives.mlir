// The ops that formulas are written with, printed and read again.
// RUN: lathe-opt %s | FileCheck %s
// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt --mlir-print-op-generic %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @primitives
func.func @primitives(%x: tensor<?x4xf32>, %dense: tensor<?x?x4xf32>, %gain: tensor<4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[C:.*]] = xf.constant 5.000000e-01 : tensor<1xf32>
  %c = xf.constant 0.5 : tensor<1xf32>
  // CHECK: xf.map log1p %{{.*}} : tensor<?x4xf32>
  %0 = xf.map log1p %x : tensor<?x4xf32>
  // CHECK: xf.map sigmoid %{{.*}} : tensor<?x?x4xf32>
  %1 = xf.map sigmoid %dense : tensor<?x?x4xf32>
  // CHECK: %[[SUM:.*]] = xf.reduce sum %{{.*}} : tensor<?x4xf32> -> tensor<?x1xf32>
  %2 = xf.reduce sum %0 : tensor<?x4xf32> -> tensor<?x1xf32>
  // CHECK: xf.reduce max %{{.*}} : tensor<?x?x4xf32> -> tensor<?x?x1xf32>
  %3 = xf.reduce max %1 : tensor<?x?x4xf32> -> tensor<?x?x1xf32>
  // CHECK: xf.combine sub %{{.*}}, %[[SUM]] : tensor<?x4xf32>, tensor<?x1xf32> -> tensor<?x4xf32>
  %4 = xf.combine sub %x, %2 : tensor<?x4xf32>, tensor<?x1xf32> -> tensor<?x4xf32>
  // CHECK: %[[G:.*]] = xf.combine add %{{.*}}, %[[C]] : tensor<4xf32>, tensor<1xf32> -> tensor<4xf32>
  %5 = xf.combine add %gain, %c : tensor<4xf32>, tensor<1xf32> -> tensor<4xf32>
  // CHECK: xf.combine pow %[[G]], %[[SUM]] : tensor<4xf32>, tensor<?x1xf32> -> tensor<?x4xf32>
  %6 = xf.combine pow %5, %2 : tensor<4xf32>, tensor<?x1xf32> -> tensor<?x4xf32>
  // CHECK: xf.combine less %[[C]], %{{.*}} : tensor<1xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %7 = xf.combine less %c, %6 : tensor<1xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.select %{{.*}}, %{{.*}}, %[[C]] : tensor<?x4xf32>, tensor<?x4xf32>, tensor<1xf32> -> tensor<?x4xf32>
  %8 = xf.select %7, %4, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<1xf32> -> tensor<?x4xf32>
  return %8 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @group
func.func @group(%x: tensor<?x4xf32>, %gain: tensor<4xf32>) -> (tensor<?x1xf32>, tensor<?x4xf32>) {
  // CHECK: %[[Y:.*]]:2 = xf.row_group %{{.*}}, %{{.*}} {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<?x4xf32>, %[[G:.*]]: tensor<4xf32>):
  // CHECK-NEXT: %[[M:.*]] = xf.reduce mean %[[A]]
  // CHECK-NEXT: %[[P:.*]] = xf.combine mul %[[A]], %[[G]]
  // CHECK-NEXT: %[[Q:.*]] = xf.activate gelu %[[P]]
  // CHECK-NEXT: xf.yield %[[M]], %[[Q]] : tensor<?x1xf32>, tensor<?x4xf32>
  // CHECK-NEXT: } : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x1xf32>, tensor<?x4xf32>)
  // CHECK-NEXT: return %[[Y]]#0, %[[Y]]#1
  %y:2 = xf.row_group %x, %gain {
  ^bb0(%a: tensor<?x4xf32>, %g: tensor<4xf32>):
    %0 = xf.reduce mean %a : tensor<?x4xf32> -> tensor<?x1xf32>
    %1 = xf.combine mul %a, %g : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
    %2 = xf.activate gelu %1 : tensor<?x4xf32>
    xf.yield %0, %2 : tensor<?x1xf32>, tensor<?x4xf32>
  } : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x1xf32>, tensor<?x4xf32>)
  return %y#0, %y#1 : tensor<?x1xf32>, tensor<?x4xf32>
}
