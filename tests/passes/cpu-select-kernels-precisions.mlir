// RUN: lathe-opt %s --lathe-cpu-select-kernels --canonicalize --cse --split-input-file | FileCheck %s

// In bf16: what only a product reads is stored in bf16 by its producer; anything else is rounded once for all products.
// CHECK-LABEL: func.func @bf16
// CHECK: %[[X:.*]] = xf.output_address [0] : memref<?x8xf32>
// CHECK: xf.launch {{.*}} step "bf16/embeddings"
// CHECK: %[[ROUNDED:.*]] = xf.buffer tokens : memref<?x16xbf16>
// CHECK: xf.launch {{.*}}(%[[X]], {{.*}}%[[ROUNDED]], {{.*}} step "bf16/round"
// CHECK: %[[INNER:.*]] = xf.buffer tokens : memref<?x32xbf16>
// CHECK: %[[W:.*]] = xf.weight_address [@packed.w] : memref<2x4x16x2xbf16>
// CHECK: xf.launch {{.*}}(%[[ROUNDED]], {{.*}}%[[W]], {{.*}}%[[INNER]], {{.*}} step "bf16/w"
// CHECK: xf.launch {{.*}}(%[[INNER]], {{.*}} step "bf16/u"
// CHECK-NOT: round
// CHECK: xf.launch {{.*}}(%[[ROUNDED]], {{.*}} step "bf16/v"
// CHECK: layout "rows_bf16"
// CHECK: family "embed_bf16"
// CHECK: layout "panels_bf16"
// CHECK: family "gemm_bf16" {{.*}}y_bf16 = true
// CHECK: family "gemm_bf16" {{.*}}y_bf16 = false
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.0> : tensor<20x8xf32>
xf.weight @u = dense<1.0> : tensor<8x20xf32>
xf.weight @v = dense<1.0> : tensor<8x8xf32>
func.func @bf16(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<20x8xf32>
  %u = xf.load_weight @u : tensor<8x20xf32>
  %v = xf.load_weight @v : tensor<8x8xf32>
  %x = xf.lookup %ids in %t rounded bf16 : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %inner = xf.linear %x, %w in bf16 : tensor<?x8xf32>, tensor<20x8xf32> -> tensor<?x20xf32>
  %y = xf.linear %inner, %u in bf16 : tensor<?x20xf32>, tensor<8x20xf32> -> tensor<?x8xf32>
  %z = xf.linear %x, %v in bf16 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %x, %y, %z : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// In int8 every factor is quantised once, behind headers; a table that is also a weight lies in its panels.
// CHECK-LABEL: func.func @int8
// CHECK: %[[TABLE:.*]] = xf.weight_address [@packed.table] : memref<1x256xi8>
// CHECK: xf.launch {{.*}}%[[TABLE]], {{.*}} step "int8/embeddings"
// CHECK: %[[QUANTIZED:.*]] = xf.buffer tokens : memref<?x128xi8>
// CHECK: xf.launch {{.*}}%[[QUANTIZED]], {{.*}} step "int8/quantize"
// CHECK: xf.launch {{.*}}(%[[QUANTIZED]], {{.*}}%[[TABLE]], {{.*}} step "int8/table"
// CHECK: layout "panels_s8" offset 0 bytes 256 uses 2
// CHECK: family "embed_s8" {{.*}}packed = 1
// CHECK: family "quantize_u8"
// CHECK: family "gemm_s8"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @int8(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x10xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t rounded int8 : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %x, %t in int8 : tensor<?x8xf32>, tensor<10x8xf32> -> tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}
