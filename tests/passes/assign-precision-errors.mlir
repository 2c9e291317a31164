// RUN: lathe-opt %s --lathe-assign-precision=precision=int8 --split-input-file --verify-diagnostics

// expected-error @below {{there is no 'layer 1' to have a precision; there are embeddings, layer 0}}
module attributes {xf.precision_overrides = {"layer 1" = "bf16"}} {
  xf.weight @table = dense<1.0> : tensor<10x4xf32>
  func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
  func.func @encode(%ids: tensor<?xi32>) -> tensor<?x4xf32> attributes {xf.entry} {
    %table = xf.load_weight @table : tensor<10x4xf32>
    %0 = xf.lookup %ids in %table : tensor<?xi32>, tensor<10x4xf32> -> tensor<?x4xf32>
    %1 = xf.layers @layer(%0) weights ["0."] : (tensor<?x4xf32>) -> tensor<?x4xf32>
    return %1 : tensor<?x4xf32>
  }
}

// -----
// expected-error @below {{there is no precision 'fp7'; accepted are f32, bf16, int8}}
module attributes {xf.precision_overrides = {head = "fp7"}} {
}

// -----
// expected-error @below {{the precision of 'head' is no string}}
module attributes {xf.precision_overrides = {head = 7}} {
}
