// RUN: lathe-opt %s --lathe-assign-precision=precision=int8 --split-input-file | FileCheck %s

// A layer function becomes a copy for each precision of its layers, under the name that people know them by; a stack
// becomes runs. What stands before layers is embeddings, what is computed from them head.
// CHECK-LABEL: func.func private @layer_int8
// CHECK-SAME: xf.layer_kind = "layer"
// CHECK: xf.linear {{.*}} in int8
// CHECK-LABEL: func.func private @layer_bf16
// CHECK-SAME: xf.layer_kind = "layer"
// CHECK: xf.linear {{.*}} in bf16
// CHECK-LABEL: func.func @encode
// CHECK: xf.lookup {{.*}} rounded bf16
// CHECK: %[[E:.*]] = xf.linear {{.*}} in bf16
// CHECK: %[[A:.*]] = xf.layers @layer_int8(%[[E]]) weights ["0.", "1."]
// CHECK: %[[B:.*]] = xf.layers @layer_bf16(%[[A]]) weights ["2."]
// CHECK: %[[C:.*]] = xf.layers @layer_int8(%[[B]]) weights ["3."]
// CHECK: %[[Y:.*]] = xf.linear %[[C]], %{{[^ ]*}} : tensor
// CHECK: return %[[C]], %[[Y]]
module attributes {xf.precision_overrides = {embeddings = "bf16", head = "f32", "layer 2" = "bf16"}} {
  xf.weight @table = dense<1.0> : tensor<10x4xf32>
  xf.weight @"0.w" = dense<1.0> : tensor<4x4xf32>
  xf.weight @"1.w" = dense<1.0> : tensor<4x4xf32>
  xf.weight @"2.w" = dense<1.0> : tensor<4x4xf32>
  xf.weight @"3.w" = dense<1.0> : tensor<4x4xf32>
  func.func private @layer(%x: tensor<?x4xf32>, %w: tensor<4x4xf32> {xf.weight = "w"}) -> tensor<?x4xf32> {
    %y = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) attributes {xf.entry} {
    %table = xf.load_weight @table : tensor<10x4xf32>
    %w = xf.load_weight @"0.w" : tensor<4x4xf32>
    %0 = xf.lookup %ids in %table : tensor<?xi32>, tensor<10x4xf32> -> tensor<?x4xf32>
    %1 = xf.linear %0, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %2 = xf.layers @layer(%1) weights ["0.", "1.", "2.", "3."] : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %3 = xf.linear %2, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    return %2, %3 : tensor<?x4xf32>, tensor<?x4xf32>
  }
}

// -----
// Where every layer's value is an output, each run gives those of its layers.
// CHECK-LABEL: func.func @hidden_states
// CHECK: %[[A:.*]] = xf.layers @layer_f32(%{{.*}}) weights ["0."] : (tensor<?x4xf32>) -> tensor<?x4xf32>
// CHECK: %[[B:.*]]:2 = xf.layers @layer_int8(%[[A]]) weights ["1.", "2."]
// CHECK: return %[[A]], %[[B]]#0, %[[B]]#1
module attributes {xf.precision_overrides = {"layer 0" = "f32"}} {
  func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
  func.func @hidden_states(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) attributes {xf.entry} {
    %0:3 = xf.layers @layer(%x) weights ["0.", "1.", "2."] : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>)
    return %0#0, %0#1, %0#2 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  }
}

// -----
// Layers that are no stack are called by precision, too; where all of a function's have one, it keeps its name.
// CHECK-LABEL: func.func private @layer(
// CHECK-NOT: xf.layer_kind
// CHECK: xf.linear {{.*}} in bf16
// CHECK-LABEL: func.func private @other_int8
// CHECK-LABEL: func.func private @other_f32
// CHECK-LABEL: func.func @calls
// CHECK: xf.layer @layer(
// CHECK: xf.layer @other_int8(
// CHECK: xf.layer @layer(
// CHECK: xf.layer @other_f32(
module attributes {xf.precision_overrides = {"layer 0" = "bf16", "layer 1" = "bf16", "other 1" = "f32"}} {
  xf.weight @"0.w" = dense<1.0> : tensor<4x4xf32>
  xf.weight @"1.w" = dense<1.0> : tensor<4x4xf32>
  func.func private @layer(%x: tensor<?x4xf32>, %w: tensor<4x4xf32> {xf.weight = "w"}) -> tensor<?x4xf32> {
    %y = xf.linear %x, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
  func.func private @other(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
  func.func @calls(%x: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {xf.entry} {
    %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %1 = xf.layer @other(%0) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %2 = xf.layer @layer(%1) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %3 = xf.layer @other(%2) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %3 : tensor<?x4xf32>
  }
}
