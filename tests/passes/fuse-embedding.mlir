// RUN: lathe-opt %s --lathe-fuse-embedding --split-input-file | FileCheck %s

// CHECK: made = true, pass = "FuseEmbedding", reason = "", what = "3 tables and a norm"
// CHECK-LABEL: func.func @three
// CHECK-SAME: %[[A:[^:]*]]: tensor<?x?xi32>, %[[B:[^:]*]]: tensor<?x?xi32>, %[[T:[^:]*]]: tensor<9x4xf32>
// CHECK-NEXT: xf.embed ids(%[[A]], %[[B]], %[[A]] : {{.*}}) tables(%[[T]], %[[T]], %[[T]] : {{.*}}) norm({{.*}}) eps 9.9{{.*}} -> tensor<?x?x4xf32>
// CHECK-NEXT: return
func.func @three(%a: tensor<?x?xi32>, %b: tensor<?x?xi32>, %t: tensor<9x4xf32>, %v: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %0 = xf.lookup %a in %t : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  %1 = xf.lookup %b in %t : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  %2 = xf.lookup %a in %t : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  %3 = xf.add %0, %1 : tensor<?x?x4xf32>
  %4 = xf.add %3, %2 : tensor<?x?x4xf32>
  %5 = xf.layer_norm %4, %v, %v eps 1.0e-12 : tensor<?x?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x?x4xf32>
  return %5 : tensor<?x?x4xf32>
}

// -----
// Does not apply: a + (b + c) rounds differently from (a + b) + c.
// CHECK-LABEL: func.func @right_leaning
// CHECK-NOT: xf.embed
// CHECK: xf.layer_norm
func.func @right_leaning(%a: tensor<?xi32>, %t: tensor<9x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %1 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %2 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %3 = xf.add %1, %2 : tensor<?x4xf32>
  %4 = xf.add %0, %3 : tensor<?x4xf32>
  %5 = xf.layer_norm %4, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %5 : tensor<?x4xf32>
}

// -----
// Does not apply: a term is read elsewhere.
// CHECK-LABEL: func.func @shared_term
// CHECK-NOT: xf.embed
// CHECK: xf.layer_norm
func.func @shared_term(%a: tensor<?xi32>, %t: tensor<9x4xf32>, %v: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %1 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %2 = xf.add %0, %1 : tensor<?x4xf32>
  %3 = xf.layer_norm %2, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %3, %0 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----
// Does not apply: something that is no lookup is added.
// CHECK-LABEL: func.func @other_term
// CHECK-NOT: xf.embed
// CHECK: xf.layer_norm
func.func @other_term(%a: tensor<?xi32>, %x: tensor<?x4xf32>, %t: tensor<9x4xf32>, %v: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = xf.lookup %a in %t : tensor<?xi32>, tensor<9x4xf32> -> tensor<?x4xf32>
  %1 = xf.add %0, %x : tensor<?x4xf32>
  %2 = xf.layer_norm %1, %v, %v eps 1.0e-12 : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}
