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

// -----
// Attention multiplies in bf16: queries, keys and values are stored so by their product, whose precision is another,
// and so is what attention gives where only a product in bf16 reads it.
// CHECK-LABEL: func.func @attention
// CHECK: %[[QKV:.*]] = xf.buffer tokens : memref<?x32xbf16>
// CHECK: xf.launch @lathe_gemm_s8_y_bf16({{.*}}%[[QKV]], {{.*}} step "attention/w"
// CHECK: %[[K:.*]] = xf.columns %[[QKV]] from 8 : memref<?x32xbf16> -> memref<?x8xbf16, strided<[32, 1], offset: 8>>
// CHECK: %[[CONTEXT:.*]] = xf.buffer tokens : memref<?x16xbf16>
// CHECK: xf.launch @lathe_attention_bf16_head_dim4_y_bf16({{.*}}%[[K]], {{.*}}%[[CONTEXT]], {{.*}} step "attention/attention"
// CHECK: xf.launch @lathe_gemm_bf16(%[[CONTEXT]], {{.*}} step "attention/u"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.0> : tensor<24x8xf32>
xf.weight @u = dense<1.0> : tensor<8x8xf32>
func.func @attention(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<24x8xf32>
  %u = xf.load_weight @u : tensor<8x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %qkv = xf.linear %x, %w in int8 : tensor<?x8xf32>, tensor<24x8xf32> -> tensor<?x24xf32>
  %q, %k, %v = xf.split %qkv : tensor<?x24xf32> -> tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %c = xf.attention %q, %k, %v cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 in bf16 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %c, %u in bf16 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// What is narrow is stored in bf16, of an odd width as well, and bytes are made of that.
// CHECK-LABEL: func.func @narrow
// CHECK: xf.launch @lathe_attention_bf16_head_dim3_y_bf16({{[^,]*, [^,]*, [^,]*, [^,]*, [^,]*, [^,]*}}, %[[CONTEXT:[0-9]+]], {{.*}} step "narrow/attention"
// CHECK: %[[BYTES:.*]] = xf.buffer tokens : memref<?x128xi8>
// CHECK: xf.launch @lathe_quantize_u8_x_bf16(%[[CONTEXT]], %c16{{.*}}, %[[BYTES]], {{.*}} step "narrow/quantize"
// CHECK: %[[INNER:.*]] = xf.buffer tokens : memref<?x16xbf16>
// CHECK: xf.launch @lathe_gemm_s8_gelu_y_bf16(%[[BYTES]], {{.*}}%[[INNER]], {{.*}} step "narrow/w"
// CHECK: xf.launch @lathe_quantize_u8_x_bf16(%[[INNER]], {{.*}} step "narrow/quantize"
// CHECK: xf.launch @lathe_gemm_s8({{.*}} step "narrow/w"
xf.weight @table = dense<1.0> : tensor<10x3xf32>
xf.weight @w = dense<1.0> : tensor<3x3xf32>
func.func @narrow(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> tensor<?x3xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x3xf32>
  %w = xf.load_weight @w : tensor<3x3xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x3xf32> -> tensor<?x3xf32>
  %c = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 1 scale 0.5 in bf16 narrow : tensor<?x3xf32>, tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x3xf32>
  %a = xf.linear %c, %w activation gelu in int8 narrow : tensor<?x3xf32>, tensor<3x3xf32> -> tensor<?x3xf32>
  %b = xf.linear %a, %w in int8 : tensor<?x3xf32>, tensor<3x3xf32> -> tensor<?x3xf32>
  return %b : tensor<?x3xf32>
}

// -----
// A norm whose rows products read stores them as factors, too: for products beside it, and for the next layer. So does
// what layers begin with; where that cannot, its rows are rounded before the loop. Where nothing reads a factor none
// is stored.
// CHECK-LABEL: func.func @norms_in_layers
// CHECK: %[[X:.*]] = xf.output_address [0] : memref<?x8xf32>
// CHECK: %[[CARRIED:.*]] = xf.buffer tokens : memref<?x128xi8>
// CHECK: xf.launch @lathe_embed_s8_tables1_norm_u8(%[[X]], {{.*}}%[[CARRIED]], %c128{{.*}}) panels %{{.*}} writes [0, 15] step "norms_in_layers/embeddings"
// CHECK: scf.for
// CHECK-NOT: quantize
// CHECK: xf.launch @lathe_gemm_s8(%[[CARRIED]], {{.*}} step "layer/up"
// CHECK: quantize_u8
// CHECK: xf.launch {{.*}} step "layer/down"
// CHECK: %[[OWN:.*]] = xf.buffer tokens : memref<?x128xi8>
// CHECK: xf.launch @lathe_layer_norm_f32_u8({{.*}}%[[OWN]], %c128{{.*}}) {{.*}} step "layer/gain"
// CHECK: xf.launch @lathe_gemm_s8(%[[OWN]], {{.*}} step "layer/square"
// CHECK: xf.launch @lathe_layer_norm_f32_residual_u8({{.*}}%[[X]], {{.*}}%[[CARRIED]], %c128{{.*}}) {{.*}} step "layer/gain"
// CHECK: }
// CHECK: xf.launch @lathe_gemm_s8(%[[CARRIED]], {{.*}} step "norms_in_layers/v"
// CHECK: xf.launch @lathe_layer_norm_f32({{.*}} step "norms_in_layers/gain"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @gain = dense<1.0> : tensor<8xf32>
xf.weight @v = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.up" = dense<1.0> : tensor<20x8xf32>
xf.weight @"1.up" = dense<2.0> : tensor<20x8xf32>
xf.weight @"0.down" = dense<1.0> : tensor<8x20xf32>
xf.weight @"1.down" = dense<2.0> : tensor<8x20xf32>
xf.weight @"0.square" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.square" = dense<2.0> : tensor<8x8xf32>
xf.weight @"0.gain" = dense<1.0> : tensor<8xf32>
xf.weight @"1.gain" = dense<2.0> : tensor<8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %up: tensor<20x8xf32> {xf.weight = "up"}, %down: tensor<8x20xf32> {xf.weight = "down"}, %square: tensor<8x8xf32> {xf.weight = "square"}, %gain: tensor<8xf32> {xf.weight = "gain"}) -> tensor<?x8xf32> {
  %a = xf.linear %x, %up in int8 : tensor<?x8xf32>, tensor<20x8xf32> -> tensor<?x20xf32>
  %b = xf.linear %a, %down in int8 : tensor<?x20xf32>, tensor<8x20xf32> -> tensor<?x8xf32>
  %c = xf.layer_norm %b, %gain, %gain eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %d = xf.linear %c, %square in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %y = xf.layer_norm %d residual(%c : tensor<?x8xf32>), %gain, %gain eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @norms_in_layers(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %gain = xf.load_weight @gain : tensor<8xf32>
  %v = xf.load_weight @v : tensor<8x8xf32>
  %x = xf.embed ids(%ids : tensor<?xi32>) tables(%t : tensor<10x8xf32>) norm(%gain : tensor<8xf32>) bias(%gain : tensor<8xf32>) eps 1.0e-5 rounded int8 -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = xf.linear %y, %v in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %n = xf.layer_norm %z, %gain, %gain eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y, %n : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// CHECK-LABEL: func.func @unstacked
// CHECK: step "unstacked/embeddings"
// CHECK: %[[BETWEEN:.*]] = xf.buffer tokens : memref<?x16xbf16>
// CHECK: xf.launch @lathe_round_bf16({{.*}}%[[FIRST:[0-9]+]], {{.*}} step "layer/round"
// CHECK: xf.launch @lathe_gemm_bf16(%[[FIRST]],
// CHECK: xf.launch @lathe_layer_norm_f32_bf16({{.*}}%[[BETWEEN]], {{.*}} step "layer/gain"
// CHECK-NOT: round
// CHECK: xf.launch @lathe_gemm_bf16(%[[BETWEEN]],
// CHECK: xf.launch @lathe_layer_norm_f32({{.*}} step "layer/gain"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @"0.square" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.square" = dense<2.0> : tensor<8x8xf32>
xf.weight @"0.gain" = dense<1.0> : tensor<8xf32>
xf.weight @"1.gain" = dense<2.0> : tensor<8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %square: tensor<8x8xf32> {xf.weight = "square"}, %gain: tensor<8xf32> {xf.weight = "gain"}) -> tensor<?x8xf32> {
  %d = xf.linear %x, %square in bf16 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %y = xf.layer_norm %d, %gain, %gain eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @unstacked(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t rounded bf16 : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layer @layer(%x) weights "0." : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = xf.layer @layer(%y) weights "1." : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----
// In int4 weights alone: x is quantised once for products in int4 and in int8, and a table that is read in another
// precision than its product is stored for each.
// CHECK-LABEL: func.func @int4
// CHECK: xf.weight_address [@packed.table.rows] : memref<10x12xi8>
// CHECK: step "int4/quantize"
// CHECK: %[[W:.*]] = xf.weight_address [@packed.w] : memref<1x128xi8>
// CHECK: xf.launch @lathe_gemm_s4_g32({{.*}}%[[W]], {{.*}} step "int4/w"
// CHECK-NOT: quantize
// CHECK: xf.launch @lathe_gemm_s8({{.*}} step "int4/u"
// CHECK: xf.weight_address [@packed.table] : memref<1x128xi8>
// CHECK: xf.launch @lathe_gemm_s4({{.*}} step "int4/table"
// CHECK: layout "rows_s8"
// CHECK: layout "panels_s4_g32"
// CHECK: layout "panels_s8"
// CHECK: layout "panels_s4_g64"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.5> : tensor<8x8xf32>
xf.weight @u = dense<2.0> : tensor<8x8xf32>
func.func @int4(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x10xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<8x8xf32>
  %u = xf.load_weight @u : tensor<8x8xf32>
  %x = xf.lookup %ids in %t rounded int8 : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %x, %w in int4 groups of 32 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %z = xf.linear %x, %u in int8 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %v = xf.linear %x, %t in int4 groups of 64 : tensor<?x8xf32>, tensor<10x8xf32> -> tensor<?x10xf32>
  return %y, %z, %v : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x10xf32>
}

// -----
// A stack's norm stores what the next layer reads in bytes, smoothed by the one vector that all layers have; weights are
// packed with what it is divided by, and in int4 for what they multiply.
// CHECK-LABEL: func.func @smoothed
// CHECK: xf.launch @lathe_quantize_u8_smoothed({{.*}} step "smoothed/quantize"
// CHECK: scf.for
// CHECK-NOT: quantize
// CHECK: xf.launch @lathe_gemm_s8
// CHECK-NOT: quantize
// CHECK: xf.launch @lathe_layer_norm_f32_u8_smoothed({{.*}} step "layer/gain"
// CHECK: xf.launch @lathe_gemm_s4_g32({{.*}} step "smoothed/w"
// CHECK-DAG: from [@"0.square"] smoothed by @s layout "panels_s8"
// CHECK-DAG: from [@"1.square"] smoothed by @s layout "panels_s8"
// CHECK-DAG: from [@w] smoothed by @s weighed by @i layout "panels_s4_g32"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @s = dense<3.0> : tensor<8xf32>
xf.weight @i = dense<4.0> : tensor<8xf32>
xf.weight @w = dense<5.0> : tensor<8x8xf32>
xf.weight @"0.square" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.square" = dense<2.0> : tensor<8x8xf32>
xf.weight @"0.gain" = dense<1.0> : tensor<8xf32>
xf.weight @"1.gain" = dense<2.0> : tensor<8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %square: tensor<8x8xf32> {xf.weight = "square"}, %gain: tensor<8xf32> {xf.weight = "gain"}) -> tensor<?x8xf32> {
  %s = xf.load_weight @s : tensor<8xf32>
  %d = xf.linear %x, %square in int8 smoothing(%s : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %y = xf.layer_norm %d, %gain, %gain eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @smoothed(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<8x8xf32>
  %s = xf.load_weight @s : tensor<8xf32>
  %i = xf.load_weight @i : tensor<8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = xf.linear %y, %w in int4 groups of 32 smoothing(%s : tensor<8xf32>) importance(%i : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----
// What attention multiplies is stored in bf16; terms, which it adds, are not.
// CHECK-LABEL: func.func @terms
// CHECK: xf.launch @lathe_gemm_bf16_y_bf16({{.*}} step "terms/w"
// CHECK: xf.launch @lathe_gemm_bf16({{.*}} step "terms/t"
// CHECK: xf.launch @lathe_attention_bf16_head_dim8_key_terms(
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.0> : tensor<8x8xf32>
xf.weight @t = dense<1.0> : tensor<5x8xf32>
xf.weight @index = dense<0.0> : tensor<7xf32>
func.func @terms(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}, %columns: tensor<?xi32> {xf.input = "columns"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %table = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<8x8xf32>
  %t = xf.load_weight @t : tensor<5x8xf32>
  %index = xf.load_weight @index : tensor<7xf32>
  %x = xf.lookup %ids in %table : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %q = xf.linear %x, %w in bf16 : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %terms = xf.linear %x, %t in bf16 : tensor<?x8xf32>, tensor<5x8xf32> -> tensor<?x5xf32>
  %y = xf.attention %q, %q, %q cu_seqlens(%cu : tensor<?xi32>) columns(%columns : tensor<?xi32>) key_terms(%terms : tensor<?x5xf32>) index(%index : tensor<7xf32>) heads 1 scale 0.5 in bf16 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// Where nothing but the greatest of a product's columns is wanted, its rows are stored nowhere; what changes them is
// computed of all.
// CHECK-LABEL: func.func @greatest
// CHECK: %[[SIXTEENS:.*]] = xf.buffer {{.*}}memref<?x6xf32
// CHECK: xf.launch @lathe_gemm_s8_best({{.*}}%[[SIXTEENS]]
// CHECK: xf.launch @lathe_argmax_f32_of_sixteens(%[[SIXTEENS]]
// CHECK: xf.launch @lathe_gemm_f32(
// CHECK: xf.launch @lathe_unary_f32
// CHECK: xf.launch @lathe_argmax_f32(
xf.weight @w = dense<1.0> : tensor<40x8xf32>
func.func @greatest(%x: tensor<?x8xf32> {xf.input = "hidden"}) -> (tensor<?x2xf32>, tensor<?x2xf32>) attributes {xf.entry} {
  %w = xf.load_weight @w : tensor<40x8xf32>
  %a = xf.linear %x, %w in int8 : tensor<?x8xf32>, tensor<40x8xf32> -> tensor<?x40xf32>
  %b = xf.argmax %a : tensor<?x40xf32> -> tensor<?x2xf32>
  %c = xf.linear %x, %w : tensor<?x8xf32>, tensor<40x8xf32> -> tensor<?x40xf32>
  %d = xf.activate relu %c : tensor<?x40xf32>
  %e = xf.argmax %d : tensor<?x40xf32> -> tensor<?x2xf32>
  return %b, %e : tensor<?x2xf32>, tensor<?x2xf32>
}
