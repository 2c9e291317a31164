// One test per rule of the verifiers of weights and layers.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// weight: floats
// expected-error @+1 {{holds 'tensor<4xi32>'; a weight is a tensor of floats}}
xf.weight @w = dense<1> : tensor<4xi32>

// -----
// load_weight: the weight exists
func.func @f() {
  // expected-error @+1 {{names @w, which is no xf.weight of the module}}
  %0 = xf.load_weight @w : tensor<4xf32>
  return
}

// -----
// load_weight: its type is the stored shape, widened
xf.weight @w = dense<1.0> : tensor<4xf16>
func.func @f() {
  // expected-error @+1 {{has type 'tensor<5xf32>', but the weight is a 'tensor<4xf32>'}}
  %0 = xf.load_weight @w : tensor<5xf32>
  return
}

// -----
// layer: there is a value to change
func.func private @layer(%gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<4xf32> { return %gain : tensor<4xf32> }
func.func @f() {
  // expected-error @+1 {{has no operand: a layer's first one is the value that it changes}}
  %0 = xf.layer @layer() weights "0." : () -> tensor<4xf32>
  return
}

// -----
// layer: the callee exists
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{calls @layer, which is no function of the module}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: the callee has a body
func.func private @layer(tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{calls @layer, which has no body}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: number of operands
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{passes 2 operands, but @layer takes 1 arguments in all}}
  %0 = xf.layer @layer(%x, %x) weights "0." : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: result
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{gives 'tensor<?x5xf32>', but @layer returns 'tensor<?x4xf32>'}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x5xf32>
  return
}

// -----
// layer: number of results
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{gives 'tensor<?x4xf32>', 'tensor<?x4xf32>', but @layer returns 'tensor<?x4xf32>'}}
  %0:2 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  return
}

// -----
// layer: types of operands
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x5xf32>) {
  // expected-error @+1 {{operand 0 is a 'tensor<?x5xf32>', but @layer takes 'tensor<?x4xf32>'}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x5xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: the other arguments name weights
func.func private @layer(%x: tensor<?x4xf32>, %gain: tensor<4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{gives argument 1 of @layer no value, and it names no weight}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: the weight behind the prefix exists
xf.weight @"0.gain" = dense<1.0> : tensor<4xf32>
func.func private @layer(%x: tensor<?x4xf32>, %gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-error @+1 {{needs weight '1.gain', which the module does not have}}
  %1 = xf.layer @layer(%x) weights "1." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layer: and has the argument's type
xf.weight @"0.gain" = dense<1.0> : tensor<5xf32>
func.func private @layer(%x: tensor<?x4xf32>, %gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{needs weight '0.gain' as 'tensor<4xf32>', but it is a 'tensor<5xf32>'}}
  %0 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layers: at least one
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{has no layers}}
  %0 = xf.layers @layer(%x) weights [] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// layers: one result or all
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{has 2 results; accepted are one, or one for each of the 3 layers}}
  %0:2 = xf.layers @layer(%x) weights ["0.", "1.", "2."] : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  return
}

// -----
// layers: something to carry
func.func private @layer(%gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<4xf32> { return %gain : tensor<4xf32> }
func.func @f() {
  // expected-error @+1 {{has no operand to carry from layer to layer}}
  %0 = xf.layers @layer() weights ["0."] : () -> tensor<4xf32>
  return
}

// -----
// layers: what is carried keeps its type
func.func private @layer(%x: tensor<?x4xf32>, %w: tensor<5x4xf32> {xf.weight = "w"}) -> tensor<?x5xf32> {
  %0 = xf.linear %x, %w : tensor<?x4xf32>, tensor<5x4xf32> -> tensor<?x5xf32>
  return %0 : tensor<?x5xf32>
}
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{carries 'tensor<?x4xf32>' but gives 'tensor<?x5xf32>'}}
  %0 = xf.layers @layer(%x) weights ["0."] : (tensor<?x4xf32>) -> tensor<?x5xf32>
  return
}

// -----
// layers: every prefix has its weights
xf.weight @"0.gain" = dense<1.0> : tensor<4xf32>
func.func private @layer(%x: tensor<?x4xf32>, %gain: tensor<4xf32> {xf.weight = "gain"}) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{needs weight '1.gain', which the module does not have}}
  %0 = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// weight: what is transposed has two axes
// expected-error @+1 {{is transposed, but 'tensor<3xf32>' is no matrix}}
xf.weight @w = dense<0.0> : tensor<3xf32> transposed

// -----
// weight: it is read the other way round
xf.weight @w = dense<0.0> : tensor<2x3xf32> transposed
func.func @f() {
  // expected-error @+1 {{has type 'tensor<2x3xf32>', but the weight is a 'tensor<3x2xf32>'}}
  %0 = xf.load_weight @w : tensor<2x3xf32>
  return
}
