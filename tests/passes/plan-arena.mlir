// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(lathe-plan-arena))' --split-input-file | FileCheck %s
// The same plan again: nothing depends on the order of a hash table.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(lathe-plan-arena,lathe-plan-arena))' --split-input-file | FileCheck %s

// A chain: %2 may lie where %0 was, %1 is live beside both.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 64 : i64}
// CHECK: xf.buffer tokens offset 0 : memref<?x8xf32>
// CHECK: xf.buffer tokens offset 32 : memref<?x8xf32>
// CHECK: xf.buffer tokens offset 0 : memref<?x8xf32>
func.func @chain(%n: i64) attributes {xf.entry} {
  %0 = xf.buffer tokens : memref<?x8xf32>
  xf.launch @k(%0) panels %n writes [0] step "a" : memref<?x8xf32>
  %1 = xf.buffer tokens : memref<?x8xf32>
  xf.launch @k(%0, %1) panels %n writes [1] step "b" : memref<?x8xf32>, memref<?x8xf32>
  %2 = xf.buffer tokens : memref<?x8xf32>
  xf.launch @k(%1, %2) panels %n writes [1] step "c" : memref<?x8xf32>, memref<?x8xf32>
  return
}

// -----
// The widest first, so that narrow ones fill what is left.
// CHECK-LABEL: func.func @widest_first
// CHECK-SAME: per_token = 80 : i64
// CHECK: xf.buffer tokens offset 64 : memref<?x4xf32>
// CHECK: xf.buffer tokens offset 0 : memref<?x16xf32>
func.func @widest_first(%n: i64) attributes {xf.entry} {
  %0 = xf.buffer tokens : memref<?x4xf32>
  %1 = xf.buffer tokens : memref<?x16xf32>
  xf.launch @k(%0, %1) panels %n writes [] step "a" : memref<?x4xf32>, memref<?x16xf32>
  return
}

// -----
// What is made outside a loop and read in it is live in all of it: the next iteration reads it again.
// CHECK-LABEL: func.func @loop
// CHECK-SAME: per_token = 64 : i64
// CHECK: xf.buffer tokens offset 0 : memref<?x8xf32>
// CHECK: scf.for
// CHECK: xf.buffer tokens offset 32 : memref<?x4xf32>
// CHECK: xf.buffer tokens offset 48 : memref<?x4xf32>
// CHECK: xf.buffer tokens offset 32 : memref<?x4xf32>
func.func @loop(%n: i64) attributes {xf.entry} {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %0 = xf.buffer tokens : memref<?x8xf32>
  xf.launch @k(%0) panels %n writes [0] step "a" : memref<?x8xf32>
  scf.for %i = %zero to %n step %one : i64 {
    %1 = xf.buffer tokens : memref<?x4xf32>
    xf.launch @k(%0, %1) panels %n writes [1] step "b" : memref<?x8xf32>, memref<?x4xf32>
    %2 = xf.buffer tokens : memref<?x4xf32>
    xf.launch @k(%1, %2) panels %n writes [1] step "c" : memref<?x4xf32>, memref<?x4xf32>
    %3 = xf.buffer tokens : memref<?x4xf32>
    xf.launch @k(%2, %3) panels %n writes [1] step "d" : memref<?x4xf32>, memref<?x4xf32>
  }
  return
}

// -----
// A view keeps its buffer alive, and so does a view of a view.
// CHECK-LABEL: func.func @views
// CHECK-SAME: per_token = 64 : i64
// CHECK: xf.buffer tokens offset 0 : memref<?x8xf32>
// CHECK: xf.buffer tokens offset 32 : memref<?x8xf32>
func.func @views(%n: i64) attributes {xf.entry} {
  %0 = xf.buffer tokens : memref<?x8xf32>
  %1 = xf.columns %0 from 2 : memref<?x8xf32> -> memref<?x4xf32, strided<[8, 1], offset: 2>>
  %2 = xf.columns %1 from 1 : memref<?x4xf32, strided<[8, 1], offset: 2>> -> memref<?x2xf32, strided<[8, 1], offset: 3>>
  %3 = xf.buffer tokens : memref<?x8xf32>
  xf.launch @k(%3) panels %n writes [0] step "a" : memref<?x8xf32>
  xf.launch @k(%2) panels %n writes [] step "b" : memref<?x2xf32, strided<[8, 1], offset: 3>>
  return
}

// -----
// Each kind of rows has a plan of its own: their numbers are not known before the run.
// CHECK-LABEL: func.func @kinds
// CHECK-SAME: xf.arena = {per_score = 8 : i64, per_sequence = 32 : i64, per_token = 16 : i64}
// CHECK: xf.buffer tokens offset 0
// CHECK: xf.buffer sequences offset 0
// CHECK: xf.buffer scores offset 0
func.func @kinds(%n: i64) attributes {xf.entry} {
  %0 = xf.buffer tokens : memref<?x4xf32>
  %1 = xf.buffer sequences : memref<?x8xf32>
  %2 = xf.buffer scores : memref<?x2xf32>
  xf.launch @k(%0, %1, %2) panels %n writes [] step "a" : memref<?x4xf32>, memref<?x8xf32>, memref<?x2xf32>
  return
}

// -----
// An entry without buffers needs nothing; what is no entry is left alone.
// CHECK-LABEL: func.func @empty
// CHECK-SAME: per_score = 0 : i64, per_sequence = 0 : i64, per_token = 0 : i64
// CHECK-LABEL: func.func @not_an_entry
// CHECK-NOT: offset
func.func @empty() attributes {xf.entry} {
  return
}
func.func @not_an_entry() {
  %0 = xf.buffer tokens : memref<?x4xf32>
  return
}
