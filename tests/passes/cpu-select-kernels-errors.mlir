// What the CPU back end has no kernel for is an error at the op.
// RUN: lathe-opt %s --lathe-cpu-select-kernels --verify-diagnostics --split-input-file

// Attention over everything, padding included.
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @f(%ids: tensor<?x?xi32> {xf.input = "input_ids"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  // expected-error @+1 {{has neither a mask nor cu_seqlens; the CPU's attention needs one of them}}
  %c = xf.attention %x, %x, %x heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Activations joined along the batch.
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @f(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  // expected-error @+1 {{joins something that is no weight; only weights can be joined at compile time}}
  %y = xf.concat %x : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// More tables than the kernel has slots for.
xf.weight @t = dense<1.0> : tensor<10x8xf32>
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<10x8xf32>
  // expected-error @+1 {{sums rows of 5 tables; the CPU's embedding takes up to 4}}
  %x = xf.embed ids(%i, %i, %i, %i, %i : tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>)
      tables(%t, %t, %t, %t, %t : tensor<10x8xf32>, tensor<10x8xf32>, tensor<10x8xf32>, tensor<10x8xf32>, tensor<10x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----
// A loop keeps no value but the last one, unless it is an output.
xf.weight @t = dense<1.0> : tensor<10x8xf32>
func.func private @layer(%x: tensor<?x8xf32>) -> tensor<?x8xf32> { return %x : tensor<?x8xf32> }
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<10x8xf32>
  %x = xf.lookup %i in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  // expected-error @+1 {{has results that are read elsewhere, or not returned}}
  %y:2 = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>)
  %z = xf.add %y#0, %y#1 : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----
// An op of another dialect.
xf.weight @t = dense<1.0> : tensor<10x8xf32>
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<10x8xf32>
  %x = xf.lookup %i in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  // expected-error @+1 {{has no kernel on the CPU}}
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// Formulas that read no rows, or a matrix of weights.
xf.weight @t = dense<1.0> : tensor<10x8xf32>
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<10x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<10x8xf32>
  // expected-error @+1 {{reads a 'tensor<10x8xf32>' that is neither rows nor a vector of weights}}
  %y = xf.map neg %t : tensor<10x8xf32>
  return %y : tensor<10x8xf32>
}

// -----
xf.weight @v = dense<1.0> : tensor<8xf32>
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<8xf32> attributes {xf.entry} {
  %v = xf.load_weight @v : tensor<8xf32>
  %y = xf.map neg %v : tensor<8xf32>
  // expected-error @+1 {{reads a vector that 'xf.map' computes; the CPU has weights as they are stored there}}
  return %y : tensor<8xf32>
}

// -----
// A layer's other results.
// expected-error @+1 {{gives more than the value that it carries; accepted are results of xf.softmax}}
func.func private @layer(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  return %x, %x : tensor<?x4xf32>, tensor<?x4xf32>
}
xf.weight @t = dense<1.0> : tensor<10x4xf32>
func.func @f(%i: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x4xf32> attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<10x4xf32>
  %x = xf.lookup %i in %t : tensor<?xi32>, tensor<10x4xf32> -> tensor<?x4xf32>
  %0:2 = xf.layer @layer(%x) weights "0." : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  return %0#0 : tensor<?x4xf32>
}
