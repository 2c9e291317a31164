// One test per rule of the verifiers of primitives and row groups.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// constant: one number
func.func @f() {
  // expected-error @+1 {{result #0 must be tensor of one element of 32-bit float values, but got 'tensor<2xf32>'}}
  %0 = xf.constant 1.0 : tensor<2xf32>
  return
}

// -----
// map: known functions
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+2 {{expected ::lathe::xf::MapKind to be one of: neg, abs, sign, floor, sqrt, rsqrt, exp, log, log1p, tanh, erf, sigmoid}}
  // expected-error @+1 {{failed to parse Xf_MapKindAttr}}
  %0 = xf.map cosh %x : tensor<?x4xf32>
  return
}

// -----
// combine: widths are the same, or 1
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x3xf32>) {
  // expected-error @+1 {{operand 'tensor<?x3xf32>' meets rows of 4 elements; accepted are as many, or 1}}
  %0 = xf.combine add %x, %y : tensor<?x4xf32>, tensor<?x3xf32> -> tensor<?x4xf32>
  return
}

// -----
// combine: a vector of the rows' width
func.func @f(%x: tensor<?x4xf32>, %y: tensor<5xf32>) {
  // expected-error @+1 {{operand 'tensor<5xf32>' meets rows of 4 elements; accepted are as many, or 1}}
  %0 = xf.combine add %x, %y : tensor<?x4xf32>, tensor<5xf32> -> tensor<?x4xf32>
  return
}

// -----
// combine: rows are the same
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x?x4xf32>) {
  // expected-error @+1 {{operands 'tensor<?x4xf32>' and 'tensor<?x?x4xf32>' do not agree in their rows}}
  %0 = xf.combine add %x, %y : tensor<?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// -----
// combine: result
func.func @f(%x: tensor<?x1xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?x1xf32>'; expected 'tensor<?x4xf32>'}}
  %0 = xf.combine add %x, %y : tensor<?x1xf32>, tensor<4xf32> -> tensor<?x1xf32>
  return
}

// -----
// select: all three meet
func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x2xf32>) {
  // expected-error @+1 {{operand 'tensor<?x2xf32>' meets rows of 4 elements; accepted are as many, or 1}}
  %0 = xf.select %x, %x, %y : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x2xf32> -> tensor<?x4xf32>
  return
}

// -----
// reduce: the last axis stays
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{result is a 'tensor<?xf32>'; expected 'tensor<?x1xf32>'}}
  %0 = xf.reduce sum %x : tensor<?x4xf32> -> tensor<?xf32>
  return
}

// -----
// row_group: a body of its inputs
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{has inputs 'tensor<?x4xf32>', but its body takes 'tensor<?x1xf32>'}}
  %0 = xf.row_group %x {
  ^bb0(%a: tensor<?x1xf32>):
    xf.yield %a : tensor<?x1xf32>
  } : (tensor<?x4xf32>) -> tensor<?x1xf32>
  return
}

// -----
// row_group: it gives its results
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{ends in 'xf.yield'; expected an xf.yield of its results' types}}
  %0 = xf.row_group %x {
  ^bb0(%a: tensor<?x4xf32>):
    xf.yield %a, %a : tensor<?x4xf32>, tensor<?x4xf32>
  } : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----
// row_group: it gives rows
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{gives a 'tensor<4xf32>', which all rows share; expected rows}}
  %0 = xf.row_group %x {
  ^bb0(%a: tensor<4xf32>):
    xf.yield %a : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----
// row_group: ops on each row alone
func.func @f(%x: tensor<?x?x4xf32>) {
  %0 = xf.row_group %x {
  ^bb0(%a: tensor<?x?x4xf32>):
    // expected-error @+1 {{cannot stand in an xf.row_group: it works not on each row alone}}
    %1 = xf.first_token %a : tensor<?x?x4xf32> -> tensor<?x4xf32>
    xf.yield %1 : tensor<?x4xf32>
  } : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  return
}
