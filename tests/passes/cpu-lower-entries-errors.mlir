// RUN: lathe-opt %s --lathe-cpu-lower-entries --verify-diagnostics --split-input-file

// expected-error @+1 {{has no arena plan; run lathe-plan-arena first}}
func.func @encode(%tokens: i64, %batch: i64, %longest: i64) attributes {xf.entry} {
  return
}

// -----
// expected-error @+1 {{has no arena plan; run lathe-plan-arena first}}
func.func @encode(%tokens: i64, %batch: i64, %longest: i64) attributes {xf.entry, xf.arena = {per_token = 4 : i64}} {
  return
}

// -----
// expected-error @+1 {{has 1 arguments; a scheduled entry ends in tokens, batch and longest}}
func.func @encode(%tokens: i64) attributes {xf.entry} {
  return
}

// -----
func.func @encode(%tokens: i64, %batch: i64, %longest: i64)
    attributes {xf.entry, xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 0 : i64}} {
  // expected-error @+1 {{calls @kernel, which is no function; run lathe-cpu-build-kernels first}}
  xf.launch @kernel(%batch) panels %tokens writes [] step "encode/first" : i64
  return
}

// -----
func.func @encode(%x: memref<?x8xf32>, %tokens: i64, %batch: i64, %longest: i64)
    attributes {xf.entry, xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 0 : i64}} {
  // expected-error @+1 {{is not part of a scheduled entry}}
  %0 = memref.cast %x : memref<?x8xf32> to memref<4x8xf32>
  return
}

// -----
func.func @encode(%tokens: i64, %batch: i64, %longest: i64)
    attributes {xf.entry, xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 0 : i64}} {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  // expected-error @+1 {{goes from a bound to a bound that are not constants; a scheduled entry loops over layers}}
  scf.for %i = %zero to %batch step %one : i64 {
  }
  return
}
