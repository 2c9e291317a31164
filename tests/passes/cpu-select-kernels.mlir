// RUN: lathe-opt %s --lathe-cpu-select-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Outputs are computed where the caller wants them. Inputs are buffers, the sizes of the run follow them, results become
// an attribute with their widths.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME: %{{.*}}: memref<?xi32> {xf.input = "input_ids"}, %[[TOKENS:.*]]: i64, %{{.*}}: i64, %{{.*}}: i64)
// CHECK-SAME: xf.outputs = [{width = 8 : i64, xf.output = "x"}, {width = 16 : i64, xf.output = "y"}]
// CHECK-SAME: xf.scratch = {fixed = {{[0-9]+}} : i64, per_longest = {{[0-9]+}} : i64}
// CHECK-NOT: xf.buffer
// CHECK: %[[X:.*]] = xf.output_address [0] : memref<?x8xf32>
// CHECK: %[[TABLE:.*]] = xf.weight_address [@packed.table.rows] : memref<10x8xf32>
// CHECK: xf.launch @[[EMBED:[^(]*]]({{.*}}%[[TABLE]]{{.*}}) {{.*}} step "in_place/embeddings"
// CHECK: %[[Y:.*]] = xf.output_address [1] : memref<?x16xf32>
// CHECK: xf.launch @[[GEMM:[^(]*]](%[[X]], {{.*}}%[[Y]], {{.*}}) {{.*}} step "in_place/w"
// CHECK-NOT: xf.launch
// CHECK: xf.packed_weight @packed.table.rows from [@table] layout "rows" offset 0 bytes 320
// CHECK: xf.kernel @[[EMBED]] family "embed_f32" {norm = false, or_zeros = false, packed = 0 : i64, rounded = "none", smoothed = false, tables = 1 : i64, unbiased = false}
// CHECK: xf.packed_weight @packed.w from [@w] layout "panels" offset 320 bytes 512
// CHECK: xf.packed_weight @packed.b from [@b] layout "vector" offset 832 bytes 64
// CHECK: xf.kernel @[[GEMM]] family "gemm_f32" {activation = "gelu", bias = true, residual = false}
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.0> : tensor<16x8xf16>
xf.weight @b = dense<1.0> : tensor<16xf32>
func.func @in_place(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32> {xf.output = "x"}, tensor<?x16xf32> {xf.output = "y"}) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<16x8xf32>
  %b = xf.load_weight @b : tensor<16xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %x, %w bias(%b : tensor<16xf32>) activation gelu : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x16xf32>
}

// -----
// A value returned twice is computed once and copied.
// CHECK-LABEL: func.func @twice
// CHECK: %[[FIRST:.*]] = xf.output_address [0]
// CHECK: xf.launch {{.*}} step "twice/embeddings"
// CHECK: %[[SECOND:.*]] = xf.output_address [1]
// CHECK: xf.launch @{{.*}}(%[[FIRST]], %{{.*}}, %[[SECOND]], {{.*}} step "twice/output"
// CHECK-NOT: xf.launch
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @twice(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  return %x, %x : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// A table that is also a linear's weight is stored once, in the linear's layout.
// CHECK-LABEL: func.func @tied
// CHECK: %[[TABLE:.*]] = xf.weight_address [@packed.table] : memref<1x8x16xf32>
// CHECK: xf.launch {{.*}}%[[TABLE]], {{.*}} step "tied/embeddings"
// CHECK: xf.launch {{.*}}%[[TABLE]], {{.*}} step "tied/table"
// CHECK: xf.packed_weight @packed.table from [@table] layout "panels"
// CHECK: family "embed_f32" {norm = false, or_zeros = false, packed = 1 : i64, rounded = "none", smoothed = false, tables = 1 : i64, unbiased = false}
// CHECK-NOT: xf.packed_weight
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @tied(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x10xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %u = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %x, %u : tensor<?x8xf32>, tensor<10x8xf32> -> tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}

// -----
// A stack of layers is a loop: weights from a table by the layer's index, the value carried in one buffer, which is the
// output's. Joined weights are packed together; the parts of the product are views.
// CHECK-LABEL: func.func @stack
// CHECK: %[[CARRIED:.*]] = xf.output_address [0] : memref<?x8xf32>
// CHECK: xf.launch {{.*}}%[[CARRIED]]{{.*}} step "stack/embeddings"
// CHECK: scf.for %[[LAYER:.*]] = %{{.*}} to %c2{{.*}} step
// CHECK: %[[QKV:.*]] = xf.buffer tokens : memref<?x24xf32>
// CHECK: xf.weight_address [@packed.0.q, @packed.1.q] at %[[LAYER]] : memref<2x8x16xf32>
// CHECK: xf.launch @{{.*}}(%[[CARRIED]], {{.*}} step "layer/q"
// CHECK-DAG: %[[Q:.*]] = xf.columns %[[QKV]] from 0
// CHECK-DAG: %[[K:.*]] = xf.columns %[[QKV]] from 8
// CHECK-DAG: %[[V:.*]] = xf.columns %[[QKV]] from 16
// CHECK: xf.launch @{{.*}}(%[[Q]], {{.*}}%[[K]], {{.*}}%[[V]], {{.*}} step "layer/attention"
// CHECK: xf.launch @{{.*}}, %[[CARRIED]], {{.*}} step "layer/o"
// CHECK-NOT: step "layer/carry"
// CHECK-DAG: xf.packed_weight @packed.0.q from [@"0.q", @"0.k", @"0.v"] layout "panels"
// CHECK-DAG: xf.kernel @{{.*}} family "attention_f32" {head_dim = 4 : i64, masked = false}
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @"0.q" = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.k" = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.v" = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.o" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.q" = dense<2.0> : tensor<8x8xf32>
xf.weight @"1.k" = dense<2.0> : tensor<8x8xf32>
xf.weight @"1.v" = dense<2.0> : tensor<8x8xf32>
xf.weight @"1.o" = dense<2.0> : tensor<8x8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %q: tensor<8x8xf32> {xf.weight = "q"}, %k: tensor<8x8xf32> {xf.weight = "k"},
                         %v: tensor<8x8xf32> {xf.weight = "v"}, %o: tensor<8x8xf32> {xf.weight = "o"}) -> tensor<?x8xf32> {
  %w = xf.concat %q, %k, %v : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32> -> tensor<24x8xf32>
  %qkv = xf.linear %x, %w : tensor<?x8xf32>, tensor<24x8xf32> -> tensor<?x24xf32>
  %0:3 = xf.split %qkv : tensor<?x24xf32> -> tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %1 = xf.attention %0#0, %0#1, %0#2 cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %2 = xf.linear %1, %o : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}
func.func @stack(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x, %cu) weights ["0.", "1."] : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// Layers, and sources of tensors, are known by what they hold: layers 0 and 2 have one tensor of two uses. Where all have
// one there is no table, and a lookup's table that a linear holds too under another name has the linear's layout.
// CHECK-LABEL: func.func @shared
// CHECK: %[[TABLE:.*]] = xf.weight_address [@packed.table] : memref<1x8x16xf32>
// CHECK: xf.launch {{.*}}%[[TABLE]], {{.*}} step "shared/embeddings"
// CHECK: scf.for %[[LAYER:.*]] =
// CHECK-DAG: xf.weight_address [@packed.0.w, @packed.1.w, @packed.0.w] at %[[LAYER]]
// CHECK-DAG: %[[BIAS:.*]] = xf.weight_address [@packed.0.b] : memref<16xf32>
// CHECK: xf.launch {{.*}}%[[BIAS]], {{.*}} step "layer/w"
// CHECK: xf.launch {{.*}}%[[TABLE]], {{.*}} step "shared/decoder"
// CHECK: xf.packed_weight @packed.table from [@table] layout "panels" offset 0 bytes 512 uses 2
// CHECK: xf.packed_weight @packed.0.w from [@"0.w"] layout "panels" offset 512 bytes 512 uses 2
// CHECK: xf.packed_weight @packed.1.w from [@"1.w"] layout "panels" offset 1024 bytes 512
// CHECK: xf.packed_weight @packed.0.b from [@"0.b"] layout "vector" offset 1536 bytes 64 uses 3
// CHECK-NOT: xf.packed_weight
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @decoder = dense<1.0> : tensor<10x8xf32>
xf.weight @"0.w" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.w" = dense<2.0> : tensor<8x8xf32>
xf.weight @"2.w" = dense<1.0> : tensor<8x8xf32>
xf.weight @"0.b" = dense<0.0> : tensor<8xf32>
xf.weight @"1.b" = dense<0.0> : tensor<8xf32>
xf.weight @"2.b" = dense<0.0> : tensor<8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %w: tensor<8x8xf32> {xf.weight = "w"}, %b: tensor<8xf32> {xf.weight = "b"}) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %w bias(%b : tensor<8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @shared(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x10xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %u = xf.load_weight @decoder : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1.", "2."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = xf.linear %y, %u : tensor<?x8xf32>, tensor<10x8xf32> -> tensor<?x10xf32>
  return %z : tensor<?x10xf32>
}

// -----
// Every layer's value is an output: each iteration copies what it carries to its own.
// CHECK-LABEL: func.func @hidden_states
// CHECK: scf.for %[[LAYER:.*]] =
// CHECK: %[[STATE:.*]] = xf.output_address [1, 2] at %[[LAYER]]
// CHECK: xf.launch @{{.*}}, %[[STATE]], {{.*}} step "hidden_states/hidden_states"
// CHECK: return
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @"0.w" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.w" = dense<1.0> : tensor<8x8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %w: tensor<8x8xf32> {xf.weight = "w"}) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @hidden_states(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y:2 = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>)
  return %x, %y#0, %y#1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// A layer whose result is computed while its argument is still read goes through a buffer of its own.
// CHECK-LABEL: func.func @carry
// CHECK: %[[CARRIED:.*]] = xf.output_address [0]
// CHECK: scf.for
// CHECK: %[[OWN:.*]] = xf.buffer tokens
// CHECK: xf.launch @{{.*}}(%[[CARRIED]], {{.*}}%[[OWN]], {{.*}} step "layer/w"
// CHECK: xf.launch @{{.*}}(%[[OWN]], %{{.*}}, %[[CARRIED]], {{.*}} step "layer/carry"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @"0.w" = dense<1.0> : tensor<8x8xf32>
xf.weight @"1.w" = dense<1.0> : tensor<8x8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %w: tensor<8x8xf32> {xf.weight = "w"}) -> tensor<?x8xf32> {
  %0 = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @carry(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// Views of the argument count as the argument: the result must not be written over what a view still shows. An
// elementwise kernel that wants rows without gaps gets a copy of the view.
// CHECK-LABEL: func.func @views
// CHECK: %[[CARRIED:.*]] = xf.output_address [0]
// CHECK: scf.for
// CHECK: %[[RIGHT:.*]] = xf.columns %[[CARRIED]] from 4
// CHECK: %[[WHOLE:.*]] = xf.buffer tokens : memref<?x4xf32>
// CHECK: xf.launch @{{.*}}(%[[RIGHT]], {{.*}}%[[WHOLE]], {{.*}} step "layer/gather"
// CHECK: xf.launch @{{.*}}(%[[WHOLE]], {{.*}} step "layer/relu"
// CHECK: %[[JOINED:.*]] = xf.buffer tokens : memref<?x8xf32>
// CHECK: xf.launch @{{.*}}(%[[JOINED]], {{.*}}%[[CARRIED]], {{.*}} step "layer/carry"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func private @layer(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0:2 = xf.split %x : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  %1 = xf.activate relu %0#1 : tensor<?x4xf32>
  %2 = xf.join %1, %0#0 : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}
func.func @views(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// The dense form, unfused: a kernel per op, scores of their own kind of rows, masked pooling; the mask is bytes.
// CHECK-LABEL: func.func @dense
// CHECK-SAME: %[[MASK:[^:]*]]: memref<?xi8> {xf.input = "attention_mask"}
// CHECK-SAME: xf.dense
// CHECK: step "dense/split_heads"
// CHECK: %[[SCORES:.*]] = xf.buffer scores : memref<?x2xf32>
// CHECK: step "dense/matmul_qk"
// CHECK: step "dense/scale"
// CHECK: xf.launch @{{.*}}%[[MASK]]{{.*}} step "dense/mask_scores"
// CHECK: step "dense/softmax"
// CHECK: step "dense/matmul_pv"
// CHECK: step "dense/merge_heads"
// CHECK: step "dense/add"
// CHECK: %[[Y:.*]] = xf.output_address [0] : memref<?x8xf32>
// CHECK: xf.launch @{{.*}}%[[Y]]{{.*}}%[[MASK]]{{.*}} step "dense/pool_mean"
// CHECK: family "pool_f32" {excepting = false, masked = true, mode = "mean"}
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @dense(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %r = xf.scale %s by 0.5 : tensor<?x2x?x?xf32>
  %u = xf.mask_scores %r, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %p = xf.softmax %u : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  %z = xf.add %c, %x : tensor<?x?x8xf32>
  %y = xf.pool mean %z mask(%mask : tensor<?x?xi1>) : tensor<?x?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// Dense attention that fused although packing was declined.
// CHECK-LABEL: func.func @dense_attention
// CHECK: family "attention_f32" {head_dim = 4 : i64, masked = true}
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @dense_attention(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  %c = xf.attention %x, %x, %x mask(%mask : tensor<?x?xi1>) heads 2 scale 0.5 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// What a launch does, in terms of [fixed, tokens, sequences, longest, pairs of tokens]. Of tables the rows looked up:
// one for each token, one for each position, all types. A product's rows may be tokens or sequences; the first token is
// one row of each sequence.
// CHECK-LABEL: func.func @work
// CHECK: step "work/embeddings" weight_bytes [256, 32, 0, 32, 0, 0] activation_bytes [0, 44, 0, 0, 0, 0]
// CHECK: step "layer/w" flops [0, 384, 0, 0, 0, 0] weight_bytes [1152, 0, 0, 0, 0, 0] activation_bytes [0, 128, 0, 0, 0, 0]
// CHECK: step "layer/attention" flops [0, 0, 0, 0, 32, 0] activation_bytes [0, 128, 4, 0, 0, 0]
// CHECK: step "work/pool_cls" activation_bytes [0, 0, 68, 0, 0, 0]
// CHECK: step "work/p" flops [0, 0, 128, 0, 0, 0] weight_bytes [512, 0, 0, 0, 0, 0] activation_bytes [0, 0, 64, 0, 0, 0]
// CHECK: step "work/pool_mean" activation_bytes [0, 32, 36, 0, 0, 0]
xf.weight @words = dense<1.0> : tensor<10x8xf32>
xf.weight @positions = dense<1.0> : tensor<6x8xf32>
xf.weight @types = dense<1.0> : tensor<4x8xf32>
xf.weight @gain = dense<1.0> : tensor<8xf32>
xf.weight @bias = dense<1.0> : tensor<8xf32>
xf.weight @"0.w" = dense<1.0> : tensor<24x8xf32>
xf.weight @"0.b" = dense<1.0> : tensor<24xf32>
xf.weight @"1.w" = dense<1.0> : tensor<24x8xf32>
xf.weight @"1.b" = dense<1.0> : tensor<24xf32>
xf.weight @p = dense<1.0> : tensor<8x8xf32>
func.func private @layer(%x: tensor<?x8xf32>, %cu: tensor<?xi32>, %w: tensor<24x8xf32> {xf.weight = "w"}, %b: tensor<24xf32> {xf.weight = "b"}) -> tensor<?x8xf32> {
  %qkv = xf.linear %x, %w bias(%b : tensor<24xf32>) : tensor<?x8xf32>, tensor<24x8xf32> -> tensor<?x24xf32>
  %0:3 = xf.split %qkv : tensor<?x24xf32> -> tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %1 = xf.attention %0#0, %0#1, %0#2 cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
func.func @work(%ids: tensor<?xi32> {xf.input = "input_ids"}, %columns: tensor<?xi32> {xf.input = "position_ids"}, %kinds: tensor<?xi32> {xf.input = "token_type_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> (tensor<?x8xf32>, tensor<?x8xf32>) attributes {xf.entry} {
  %t = xf.load_weight @words : tensor<10x8xf32>
  %u = xf.load_weight @positions : tensor<6x8xf32>
  %v = xf.load_weight @types : tensor<4x8xf32>
  %g = xf.load_weight @gain : tensor<8xf32>
  %b = xf.load_weight @bias : tensor<8xf32>
  %w = xf.load_weight @p : tensor<8x8xf32>
  %x = xf.embed ids(%ids, %columns, %kinds : tensor<?xi32>, tensor<?xi32>, tensor<?xi32>) tables(%t, %u, %v : tensor<10x8xf32>, tensor<6x8xf32>, tensor<4x8xf32>) norm(%g : tensor<8xf32>) bias(%b : tensor<8xf32>) eps 1.0e-12 -> tensor<?x8xf32>
  %y = xf.layers @layer(%x, %cu) weights ["0.", "1."] : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %f = xf.first_token %y cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  %q = xf.linear %f, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %m = xf.pool mean %y cu_seqlens(%cu : tensor<?xi32>) : tensor<?x8xf32> -> tensor<?x8xf32>
  return %q, %m : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----
// Of the dense form, scores count by pairs of tokens, and padding not at all.
// CHECK-LABEL: func.func @dense_work
// CHECK: step "dense_work/matmul_qk" flops [0, 0, 0, 0, 16, 0] activation_bytes [0, 64, 0, 0, 8, 0]
// CHECK: step "dense_work/softmax" activation_bytes [0, 0, 0, 0, 16, 0]
// CHECK: step "dense_work/matmul_pv" flops [0, 0, 0, 0, 16, 0] activation_bytes [0, 64, 0, 0, 8, 0]
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @dense_work(%ids: tensor<?x?xi32> {xf.input = "input_ids"}) -> tensor<?x?x8xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  %h = xf.split_heads %x : tensor<?x?x8xf32> -> tensor<?x2x?x4xf32>
  %s = xf.matmul %h, transposed %h : tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x?xf32>
  %p = xf.softmax %s : tensor<?x2x?x?xf32>
  %o = xf.matmul %p, %h : tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32> -> tensor<?x2x?x4xf32>
  %c = xf.merge_heads %o : tensor<?x2x?x4xf32> -> tensor<?x?x8xf32>
  return %c : tensor<?x?x8xf32>
}

// -----
// Products that are joined are computed as columns of the whole; anything else is copied there.
// CHECK-LABEL: func.func @joined
// CHECK: %[[X:.*]] = xf.buffer tokens : memref<?x8xf32>
// CHECK: %[[WHOLE:.*]] = xf.buffer tokens : memref<?x24xf32>
// CHECK: %[[FIRST:.*]] = xf.columns %[[WHOLE]] from 0 : memref<?x24xf32> -> memref<?x8xf32, strided<[24, 1]>>
// CHECK: xf.launch @lathe_gemm_f32({{.*}}%[[FIRST]]
// CHECK: %[[SECOND:.*]] = xf.columns %[[WHOLE]] from 8
// CHECK: xf.launch @lathe_gemm_f32({{.*}}%[[SECOND]]
// CHECK-NOT: copy
// CHECK: %[[THIRD:.*]] = xf.columns %[[WHOLE]] from 16
// CHECK: xf.launch @lathe_copy_f32(%[[X]], {{.*}}%[[THIRD]]
// CHECK-NOT: copy
// CHECK: return
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @p = dense<1.0> : tensor<8x8xf32>
func.func @joined(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> tensor<?x24xf32> attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @p : tensor<8x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %a = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %y = xf.join %a, %b, %x : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x24xf32>
  %z = xf.add %y, %y : tensor<?x24xf32>
  return %z : tensor<?x24xf32>
}

// -----
// Linear attention: a panel for each head of a sequence, and work that goes by tokens alone.
// CHECK-LABEL: func.func @linear_attention
// CHECK: %[[W:.*]] = xf.weight_address [@packed.p] : memref<1x4x16xf32>
// CHECK: xf.launch @lathe_random_features_f32({{.*}}%[[W]], {{.*}} flops [0, 80, 0, 0, 0, 0]
// CHECK: %[[PANELS:.*]] = arith.muli
// CHECK: xf.launch @lathe_linear_attention_f32_exp_causal_head_dim4_features5({{.*}}) panels %[[PANELS]] {{.*}} flops [0, 160, 0, 0, 0, 0]
// CHECK: xf.packed_weight @packed.p from [@p] layout "panels"
xf.weight @words = dense<1.0> : tensor<10x8xf32>
xf.weight @p = dense<1.0> : tensor<5x4xf32>
func.func @linear_attention(%ids: tensor<?xi32> {xf.input = "input_ids"}, %cu: tensor<?xi32> {xf.input = "cu_seqlens"}) -> tensor<?x8xf32> attributes {xf.entry} {
  %words = xf.load_weight @words : tensor<10x8xf32>
  %p = xf.load_weight @p : tensor<5x4xf32>
  %x = xf.lookup %ids in %words : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %f = xf.random_features %x, %p heads 2 : tensor<?x8xf32>, tensor<5x4xf32> -> tensor<?x10xf32>
  %0 = xf.linear_attention exp %f, %f, %x cu_seqlens(%cu : tensor<?xi32>) causal heads 2 : tensor<?x10xf32>, tensor<?x10xf32>, tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
