// What each stage's verifier accepts and rejects. A diagnostic here is a defect of the compiler in use, so each names the
// op that broke the promise.
// RUN: split-file %s %t
// RUN: lathe-opt %t/import.mlir --lathe-verify-import --verify-diagnostics --split-input-file -o /dev/null
// RUN: lathe-opt %t/graph.mlir --lathe-verify-graph --verify-diagnostics --split-input-file -o /dev/null
// RUN: lathe-opt %t/precision.mlir --lathe-verify-precision --verify-diagnostics --split-input-file -o /dev/null
// RUN: lathe-opt %t/schedule.mlir --lathe-verify-schedule --verify-diagnostics --split-input-file -o /dev/null
// RUN: lathe-opt %t/kernels.mlir --lathe-verify-kernels --verify-diagnostics --split-input-file -o /dev/null

//--- import.mlir
// Accepted.
func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %x: tensor<?x?x4xf32> {xf.input = "x"})
    -> (tensor<?x?x4xf32> {xf.output = "y", xf.rows = "tokens"}) attributes {xf.entry} {
  return %x : tensor<?x?x4xf32>
}
// -----
// expected-error @+1 {{has no entry function}}
module {
  func.func @encode() { return }
}
// -----
// expected-error @+1 {{argument 1 names no input}}
func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %x: tensor<?x?x4xf32>) attributes {xf.entry} {
  return
}
// -----
// expected-error @+1 {{result 0 names no output or no kind of rows}}
func.func @encode(%x: tensor<?x?x4xf32> {xf.input = "x"}) -> (tensor<?x?x4xf32> {xf.rows = "tokens"}) attributes {xf.entry} {
  return %x : tensor<?x?x4xf32>
}
// -----
// expected-error @+1 {{result 0 names no output or no kind of rows}}
func.func @encode(%x: tensor<?x?x4xf32> {xf.input = "x"}) -> (tensor<?x?x4xf32> {xf.output = "y"}) attributes {xf.entry} {
  return %x : tensor<?x?x4xf32>
}
// -----
func.func @encode(%x: tensor<?x?x4xf32> {xf.input = "x"}) attributes {xf.entry} {
  // expected-error @+1 {{is a fused form, which importers do not write}}
  %0 = xf.attention %x, %x, %x heads 2 scale 1.0 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}
// -----
func.func @encode(%x: tensor<?x?x4xf32> {xf.input = "x"}) attributes {xf.entry} {
  // expected-error @+1 {{is a fused form, which importers do not write}}
  %0 = xf.row_group %x {
  ^bb0(%a: tensor<?x?x4xf32>):
    xf.yield %a : tensor<?x?x4xf32>
  } : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}
// -----
xf.weight @t = dense<1.0> : tensor<4x4xf32>
func.func @encode(%x: tensor<?x?xi32> {xf.input = "x"}) attributes {xf.entry} {
  %t = xf.load_weight @t : tensor<4x4xf32>
  // expected-error @+1 {{is a fused form, which importers do not write}}
  %0 = xf.embed ids(%x : tensor<?x?xi32>) tables(%t : tensor<4x4xf32>) -> tensor<?x?x4xf32>
  return
}

//--- graph.mlir
// Accepted: packed, its layer called.
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) attributes {xf.entry} {
  %0 = xf.layers @layer(%x) weights ["0."] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}
// -----
// expected-error @+1 {{is both dense and packed}}
func.func @encode(%mask: tensor<?x?xi1> {xf.input = "attention_mask"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) attributes {xf.entry} {
  return
}
// -----
// expected-error @+1 {{is a layer that nothing calls}}
func.func private @layer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }
func.func @encode(%x: tensor<?x4xf32> {xf.input = "x"}) attributes {xf.entry} {
  return
}

//--- precision.mlir
// Accepted: stored weights may be narrow, values are f32.
xf.weight @w = dense<1.0> : tensor<4xf16>
func.func @encode() attributes {xf.entry} {
  %0 = xf.load_weight @w : tensor<4xf32>
  return
}
// -----
func.func @encode(%x: tensor<4xf16>) attributes {xf.entry} {
  // expected-error @+1 {{computes in a type that no kernel has; accepted is f32}}
  %0 = arith.addf %x, %x : tensor<4xf16>
  return
}

//--- schedule.mlir
// Accepted.
func.func @encode() attributes {xf.entry, xf.arena = {}, xf.scratch = {}} {
  %0 = xf.buffer tokens offset 0 : memref<?x4xf32>
  return
}
// -----
xf.weight @w = dense<1.0> : tensor<4xf32>
func.func @encode() attributes {xf.entry, xf.arena = {}, xf.scratch = {}} {
  // expected-error @+1 {{still has a tensor}}
  %0 = xf.load_weight @w : tensor<4xf32>
  return
}
// -----
func.func @encode() attributes {xf.entry, xf.arena = {}, xf.scratch = {}} {
  // expected-error @+1 {{has no place in the arena}}
  %0 = xf.buffer tokens : memref<?x4xf32>
  return
}
// -----
// expected-error @+1 {{has no memory formula}}
func.func @encode() attributes {xf.entry, xf.arena = {}} {
  return
}

//--- kernels.mlir
// Accepted.
func.func @lathe_entry_encode(%frame: !llvm.ptr) -> i32 attributes {xf.entry} {
  %0 = arith.constant 0 : i32
  return %0 : i32
}
// -----
func.func @lathe_entry_encode(%frame: !llvm.ptr) -> i32 attributes {xf.entry} {
  // expected-error @+1 {{should have been lowered}}
  %0 = xf.buffer tokens offset 0 : memref<?x4xf32>
  %1 = arith.constant 0 : i32
  return %1 : i32
}
// -----
// expected-error @+1 {{is no function of a frame}}
func.func @encode() attributes {xf.entry} {
  return
}
