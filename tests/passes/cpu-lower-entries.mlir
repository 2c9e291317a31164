// RUN: lathe-opt %s --lathe-cpu-lower-entries | FileCheck %s
// RUN: lathe-opt %s --lathe-cpu-lower-entries | lathe-opt --lathe-verify-kernels -o /dev/null

// Tables of offsets are constants beside the entry.
// CHECK-DAG: llvm.mlir.global internal constant @lathe_entry_encode.weights.0(dense<[0, 512, 0]> : tensor<3xi64>)
// CHECK-DAG: llvm.mlir.global internal constant @lathe_entry_encode.outputs.1(dense<[1, 2, 4]> : tensor<3xi64>)
// CHECK-NOT: llvm.mlir.global

// CHECK-LABEL: func.func @lathe_entry_encode(%{{.*}}: !llvm.ptr) -> i32
// What the scheduled entry knew stays as attributes, for manifest and descriptor.
// CHECK-SAME: xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 32 : i64}
// CHECK-SAME: xf.entry
// CHECK-SAME: xf.inputs = [{xf.input = "input_ids"}]
// CHECK-SAME: xf.steps = [{activation_bytes = array<i64: 0, 36, 0, 0, 0, 0>, calls = 1 : i64, kernel = "kernel", name = "encode/first", result = {dtype = 0 : i64, rows = 0 : i64, slot = 1 : i64, stride = 8 : i64, width = 8 : i64}}, {calls = 3 : i64, flops = array<i64: 0, 0, 8, 0, 0, 0>, kernel = "kernel", name = "layer/second", weight_bytes = array<i64: 512, 0, 0, 0, 0, 0>}]

// A launch: the slots, a call through the frame with the step's number, and a way out when it fails.
// CHECK: %[[SLOTS:.*]] = llvm.alloca
// CHECK: llvm.store
// CHECK: %[[KERNEL:.*]] = builtin.unrealized_conversion_cast %{{.*}} : (!llvm.ptr, i64, i64) -> i32 to !llvm.ptr
// CHECK: %[[STATUS:.*]] = llvm.call %{{.*}}(%{{.*}}, %c0_i32{{.*}}, %[[KERNEL]], %[[SLOTS]], %{{.*}})
// CHECK: %[[FAILED:.*]] = arith.cmpi ne, %[[STATUS]]
// CHECK: cf.cond_br %[[FAILED]], ^[[STOP:bb[0-9]+]], ^[[NEXT:bb[0-9]+]]

// The loop is blocks, since a launch may leave it.
// CHECK-NOT: scf.for
// CHECK: llvm.mlir.addressof @lathe_entry_encode.weights.0
// Offsets that lie evenly are computed: 512 from layer to layer.
// CHECK: %[[STEP:.*]] = arith.constant 512 : i64
// CHECK: %[[DISTANCE:.*]] = arith.muli %{{.*}}, %[[STEP]] : i64
// CHECK: arith.addi %{{.*}}, %[[DISTANCE]] : i64
// CHECK: llvm.mlir.addressof @lathe_entry_encode.outputs.1

// CHECK-NOT: xf.packed_weight
// CHECK-NOT: xf.weight
xf.weight @w = dense<1.0> : tensor<16x8xf32>
xf.packed_weight @a from [@w] layout "panels" offset 0 bytes 512
xf.packed_weight @b from [@w] layout "panels" offset 512 bytes 512
xf.packed_weight @c from [@w] layout "panels" offset 1024 bytes 512
func.func private @kernel(!llvm.ptr, i64, i64) -> i32
func.func @encode(%ids: memref<?xi32> {xf.input = "input_ids"}, %tokens: i64, %batch: i64, %longest: i64)
    attributes {xf.entry, xf.arena = {per_score = 0 : i64, per_sequence = 0 : i64, per_token = 32 : i64},
                xf.scratch = {fixed = 0 : i64, per_longest = 0 : i64}} {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %three = arith.constant 3 : i64
  %0 = xf.buffer tokens offset 0 : memref<?x8xf32>
  xf.launch @kernel(%ids, %0) panels %tokens writes [1] step "encode/first" activation_bytes [0, 36, 0, 0, 0, 0] : memref<?xi32>, memref<?x8xf32>
  scf.for %i = %zero to %three step %one : i64 {
    %w = xf.weight_address [@a, @b, @a] at %i : memref<1x8x16xf32>
    %even = xf.weight_address [@a, @b, @c] at %i : memref<1x8x16xf32>
    %right = xf.columns %0 from 4 : memref<?x8xf32> -> memref<?x4xf32, strided<[8, 1], offset: 4>>
    %out = xf.output_address [1, 2, 4] at %i : memref<?x8xf32>
    xf.launch @kernel(%w, %even, %right, %out) panels %batch writes [3] step "layer/second" flops [0, 0, 8, 0, 0, 0] weight_bytes [512, 0, 0, 0, 0, 0] : memref<1x8x16xf32>, memref<1x8x16xf32>, memref<?x4xf32, strided<[8, 1], offset: 4>>, memref<?x8xf32>
  }
  return
}
