// One test per rule of the verifiers of XfScheduleOps.td.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// packed_weight: made of something
// expected-error @+1 {{has no sources}}
xf.packed_weight @p from [] layout "rows" offset 0 bytes 64

// -----
// packed_weight: alignment
xf.weight @w = dense<1.0> : tensor<4xf32>
// expected-error @+1 {{lies at 32; expected a multiple of 64}}
xf.packed_weight @p from [@w] layout "rows" offset 32 bytes 64

// -----
// packed_weight: used
xf.weight @w = dense<1.0> : tensor<4xf32>
// expected-error @+1 {{is used 0 times; expected once or more often}}
xf.packed_weight @p from [@w] layout "rows" offset 0 bytes 64 uses 0

// -----
// weight_address: several need an index
xf.packed_weight @p from [@w] layout "rows" offset 0 bytes 64
func.func @f() {
  // expected-error @+1 {{has 2 weights; expected one, or several and an index}}
  %0 = xf.weight_address [@p, @p] : memref<4xf32>
  return
}

// -----
// weight_address: at least one
func.func @f() {
  // expected-error @+1 {{has 0 weights; expected one, or several and an index}}
  %0 = xf.weight_address [] : memref<4xf32>
  return
}

// -----
// weight_address: a packed weight
xf.weight @w = dense<1.0> : tensor<4xf32>
func.func @f() {
  // expected-error @+1 {{names @w, which is no xf.packed_weight of the module}}
  %0 = xf.weight_address [@w] : memref<4xf32>
  return
}

// -----
// output_address: several need an index
func.func @f() {
  // expected-error @+1 {{has 2 outputs; expected one, or several and an index}}
  %0 = xf.output_address [0, 1] : memref<?x4xf32>
  return
}

// -----
// buffer: rows
func.func @f() {
  // expected-error @+1 {{is a 'memref<f32>'; expected rows of static extents, their number dynamic}}
  %0 = xf.buffer tokens : memref<f32>
  return
}

// -----
// buffer: their number is dynamic
func.func @f() {
  // expected-error @+1 {{is a 'memref<4x8xf32>'; expected rows of static extents, their number dynamic}}
  %0 = xf.buffer tokens : memref<4x8xf32>
  return
}

// -----
// buffer: their extents are not
func.func @f() {
  // expected-error @+1 {{is a 'memref<?x?xf32>'; expected rows of static extents, their number dynamic}}
  %0 = xf.buffer tokens : memref<?x?xf32>
  return
}

// -----
// buffer: known kinds of rows
func.func @f() {
  // expected-error @+2 {{expected ::lathe::xf::Rows to be one of: tokens, sequences, scores}}
  // expected-error @+1 {{failed to parse Xf_RowsAttr}}
  %0 = xf.buffer columns : memref<?x4xf32>
  return
}

// -----
// launch: writes are arguments
func.func @f(%n: i64) {
  // expected-error @+1 {{writes argument 1 of 1}}
  xf.launch @k(%n) panels %n writes [1] step "f/k" : i64
  return
}

// -----
// launch: formulas have every term
func.func @f(%n: i64) {
  // expected-error @+1 {{has 2 terms of weight_bytes; expected fixed, per_token, per_sequence, per_longest, per_token_pair, per_causal_pair}}
  xf.launch @k(%n) panels %n writes [] step "f/k" weight_bytes [1, 2] : i64
  return
}
