// Every op of the scheduled form, printed and read again.
// RUN: lathe-opt %s | FileCheck %s
// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt --mlir-print-op-generic %s | lathe-opt | FileCheck %s

xf.weight @a = dense<1.0> : tensor<16x4xf32>
xf.weight @b = dense<1.0> : tensor<16x4xf32>
// CHECK: xf.packed_weight @packed.a from [@a, @b] layout "panels" offset 0 bytes 512
xf.packed_weight @packed.a from [@a, @b] layout "panels" offset 0 bytes 512
// CHECK: xf.packed_weight @packed.b from [@b] layout "rows" offset 512 bytes 256 uses 12
xf.packed_weight @packed.b from [@b] layout "rows" offset 512 bytes 256 uses 12
// CHECK: xf.kernel @copy family "copy_f32" {}
xf.kernel @copy family "copy_f32" {}

// CHECK-LABEL: func.func @encode
func.func @encode(%ids: memref<?xi32>, %tokens: i64, %batch: i64, %longest: i64) {
  %c0 = arith.constant 0 : i64
  // CHECK: xf.buffer tokens : memref<?x8xf32>
  %0 = xf.buffer tokens : memref<?x8xf32>
  // CHECK: xf.buffer sequences offset 64 : memref<?x8xf32>
  %1 = xf.buffer sequences offset 64 : memref<?x8xf32>
  // CHECK: xf.buffer scores : memref<?x2xf32>
  %2 = xf.buffer scores : memref<?x2xf32>
  // CHECK: xf.columns %{{.*}} from 4 : memref<?x8xf32> -> memref<?x4xf32, strided<[8, 1], offset: 4>>
  %3 = xf.columns %0 from 4 : memref<?x8xf32> -> memref<?x4xf32, strided<[8, 1], offset: 4>>
  // CHECK: xf.weight_address [@packed.a] : memref<2x4x16xf32>
  %4 = xf.weight_address [@packed.a] : memref<2x4x16xf32>
  // CHECK: xf.weight_address [@packed.a, @packed.b] at %{{.*}} : memref<2x4x16xf32>
  %5 = xf.weight_address [@packed.a, @packed.b] at %c0 : memref<2x4x16xf32>
  // CHECK: xf.output_address [0] : memref<?x8xf32>
  %6 = xf.output_address [0] : memref<?x8xf32>
  // CHECK: xf.output_address [1, 2] at %{{.*}} : memref<?x8xf32>
  %7 = xf.output_address [1, 2] at %c0 : memref<?x8xf32>
  // CHECK: xf.launch @copy(%{{.*}}, %{{.*}}, %{{.*}}) panels %{{.*}} writes [2] step "encode/copy" : memref<?x8xf32>, i64, memref<?x8xf32>
  xf.launch @copy(%0, %c0, %6) panels %tokens writes [2] step "encode/copy" : memref<?x8xf32>, i64, memref<?x8xf32>
  // CHECK: step "encode/work" flops [0, 1, 2, 3, 4, 5] weight_bytes [5, 0, 0, 0, 0, 0] activation_bytes [0, 6, 0, 0, 0, 0] : i64
  xf.launch @copy(%c0) panels %tokens writes [] step "encode/work" flops [0, 1, 2, 3, 4, 5] weight_bytes [5, 0, 0, 0, 0, 0] activation_bytes [0, 6, 0, 0, 0, 0] : i64
  return
}
