// Every op of the dense form, printed and read again: as it is written here, and in MLIR's generic form.
// RUN: lathe-opt %s | FileCheck %s
// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt --mlir-print-op-generic %s | lathe-opt | FileCheck %s

// CHECK: xf.weight @table = dense<1.000000e+00> : tensor<10x4xf32>
xf.weight @table = dense<1.0> : tensor<10x4xf32>
// CHECK: xf.weight @half = dense<0.000000e+00> : tensor<4xf16>
xf.weight @half = dense<0.0> : tensor<4xf16>
xf.weight @layer.0.gain = dense<1.0> : tensor<4xbf16>
// CHECK: xf.weight @from_file = dense_resource<from_file> : tensor<2xf32>
xf.weight @from_file = dense_resource<from_file> : tensor<2xf32>

// CHECK-LABEL: func.func private @layer
func.func private @layer(%x: tensor<?x?x4xf32>, %mask: tensor<?x?xi1>, %gain: tensor<4xf32> {xf.weight = "gain"})
    -> tensor<?x?x4xf32> {
  // CHECK: xf.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 9.9999999999999998E-13 : tensor<?x?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x?x4xf32>
  %0 = xf.layer_norm %x, %gain, %gain eps 1.0e-12 : tensor<?x?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x?x4xf32>
  return %0 : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @lookups
func.func @lookups(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // CHECK: %[[TABLE:.*]] = xf.load_weight @table : tensor<10x4xf32>
  %table = xf.load_weight @table : tensor<10x4xf32>
  // CHECK: %[[BIAS:.*]] = xf.load_weight @half : tensor<4xf32>
  %bias = xf.load_weight @half : tensor<4xf32>
  // CHECK: xf.lookup %{{.*}} in %[[TABLE]] : tensor<?x?xi32>, tensor<10x4xf32> -> tensor<?x?x4xf32>
  %0 = xf.lookup %ids in %table : tensor<?x?xi32>, tensor<10x4xf32> -> tensor<?x?x4xf32>
  // CHECK: xf.linear %{{.*}}, %[[TABLE]] : tensor<?x?x4xf32>, tensor<10x4xf32> -> tensor<?x?x10xf32>
  %1 = xf.linear %0, %table : tensor<?x?x4xf32>, tensor<10x4xf32> -> tensor<?x?x10xf32>
  return %0 : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%x: tensor<?x?x4xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x4xf32> {
  // CHECK: %[[Q:.*]] = xf.split_heads %{{.*}} : tensor<?x?x4xf32> -> tensor<?x2x?x2xf32>
  %q = xf.split_heads %x : tensor<?x?x4xf32> -> tensor<?x2x?x2xf32>
  // CHECK: xf.matmul %[[Q]], transposed %[[Q]] : tensor<?x2x?x2xf32>, tensor<?x2x?x2xf32> -> tensor<?x2x?x?xf32>
  %0 = xf.matmul %q, transposed %q : tensor<?x2x?x2xf32>, tensor<?x2x?x2xf32> -> tensor<?x2x?x?xf32>
  // CHECK: xf.scale %{{.*}} by 5.000000e-01 : tensor<?x2x?x?xf32>
  %1 = xf.scale %0 by 0.5 : tensor<?x2x?x?xf32>
  // CHECK: xf.mask_scores %{{.*}}, %{{.*}} : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  %2 = xf.mask_scores %1, %mask : tensor<?x2x?x?xf32>, tensor<?x?xi1>
  // CHECK: xf.softmax %{{.*}} : tensor<?x2x?x?xf32>
  %3 = xf.softmax %2 : tensor<?x2x?x?xf32>
  // CHECK: xf.matmul %{{.*}}, %[[Q]] : tensor<?x2x?x?xf32>, tensor<?x2x?x2xf32> -> tensor<?x2x?x2xf32>
  %4 = xf.matmul %3, %q : tensor<?x2x?x?xf32>, tensor<?x2x?x2xf32> -> tensor<?x2x?x2xf32>
  // CHECK: xf.merge_heads %{{.*}} : tensor<?x2x?x2xf32> -> tensor<?x?x4xf32>
  %5 = xf.merge_heads %4 : tensor<?x2x?x2xf32> -> tensor<?x?x4xf32>
  // CHECK: xf.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) heads 2 scale 5.000000e-01 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  %6 = xf.attention %5, %5, %5 mask(%mask : tensor<?x?xi1>) heads 2 scale 0.5
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return %6 : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @distances
func.func @distances(%s: tensor<?x2x?x?xf32>, %x: tensor<?x?x4xf32>, %mask: tensor<?x?xi1>, %columns: tensor<?x?xi32>,
                     %table: tensor<33x2xf32>, %t: tensor<?x?x12xf32>, %index: tensor<7xf32>, %slopes: tensor<2xf32>, %prefix: tensor<?xi32>) {
  // CHECK: xf.bias_scores %{{.*}}, %{{.*}} at %{{.*}} buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<33x2xf32>, tensor<?x?xi32>
  %0 = xf.bias_scores %s, %table at %columns buckets <two_sided, 32, 128> : tensor<?x2x?x?xf32>, tensor<33x2xf32>, tensor<?x?xi32>
  // CHECK: xf.cap_scores %{{.*}} at 5.000000e+01 : tensor<?x2x?x?xf32>
  %capped = xf.cap_scores %0 at 50.0 : tensor<?x2x?x?xf32>
  // CHECK: xf.slope_scores %{{.*}}, %{{.*}} at %{{.*}} : tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<?x?xi32>
  %sloped = xf.slope_scores %0, %slopes at %columns : tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<?x?xi32>
  // CHECK: xf.window_scores %{{.*}} at %{{.*}} causal prefix(%{{.*}} : tensor<?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %prefixed = xf.window_scores %0 at %columns causal prefix(%prefix : tensor<?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.window_scores %{{.*}} at %{{.*}} reach 3 globals(%{{.*}} : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %globals = xf.window_scores %0 at %columns reach 3 globals(%columns : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.window_scores %{{.*}} at %{{.*}} reach 1 block 64 globals(%{{.*}} : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %blocks = xf.window_scores %0 at %columns reach 1 block 64 globals(%columns : tensor<?x?xi32>) : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.choose_queries %{{.*}} of %{{.*}} : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %chosen = xf.choose_queries %0 of %columns : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.window_scores %{{.*}} at %{{.*}} causal : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %c = xf.window_scores %0 at %columns causal : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.window_scores %{{.*}} at %{{.*}} reach 64 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  %1 = xf.window_scores %0 at %columns reach 64 : tensor<?x2x?x?xf32>, tensor<?x?xi32>
  // CHECK: xf.add_terms %{{.*}} query(%{{.*}} : tensor<?x?x12xf32>) key(%{{.*}} : tensor<?x?x12xf32>) at %{{.*}} by %{{.*}} : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  %terms = xf.add_terms %s query(%t : tensor<?x?x12xf32>) key(%t : tensor<?x?x12xf32>) at %columns by %index : tensor<?x2x?x?xf32>, tensor<?x?xi32>, tensor<7xf32>
  // CHECK: xf.attention %{{.*}} columns(%{{.*}} : tensor<?x?xi32>) key_terms(%{{.*}} : tensor<?x?x12xf32>) index(%{{.*}} : tensor<7xf32>) heads 2 scale
  %3 = xf.attention %x, %x, %x columns(%columns : tensor<?x?xi32>) key_terms(%t : tensor<?x?x12xf32>) index(%index : tensor<7xf32>) heads 2 scale 0.5
      : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  // CHECK: xf.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) columns(%{{.*}} : tensor<?x?xi32>) bias(%{{.*}} : tensor<33x2xf32>) buckets <two_sided, 32, 128> reach 64 heads 2 scale
  %2 = xf.attention %x, %x, %x mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>) bias(%table : tensor<33x2xf32>)
      buckets <two_sided, 32, 128> reach 64 heads 2 scale 0.5 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func.func @neighbours
func.func @neighbours(%next: tensor<?x?xi32>, %table: tensor<9x4xf32>) {
  // CHECK: xf.lookup %{{.*}} in %{{.*}} or_zeros : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  %0 = xf.lookup %next in %table or_zeros : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  // CHECK: xf.lookup %{{.*}} in %{{.*}} or_zeros rounded bf16
  %1 = xf.lookup %next in %table or_zeros rounded bf16 : tensor<?x?xi32>, tensor<9x4xf32> -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func.func @rotary
func.func @rotary(%x: tensor<?x?x12xf32>, %positions: tensor<?x?xi32>, %frequencies: tensor<3xf32>, %gain: tensor<12xf32>) {
  // CHECK: xf.angles %{{.*}}, %{{.*}} : tensor<?x?xi32>, tensor<3xf32> -> tensor<?x?x6xf32>
  %0 = xf.angles %positions, %frequencies : tensor<?x?xi32>, tensor<3xf32> -> tensor<?x?x6xf32>
  // CHECK: xf.rotate %{{.*}} by %{{.*}} heads 2 : tensor<?x?x12xf32>, tensor<?x?x6xf32>
  %1 = xf.rotate %x by %0 heads 2 : tensor<?x?x12xf32>, tensor<?x?x6xf32>
  // CHECK: xf.head_norm %{{.*}}, %{{.*}} heads 4 eps 1.000000e-05 : tensor<?x?x12xf32>, tensor<3xf32>
  %head = xf.head_norm %x, %frequencies heads 4 eps 1.0e-5 : tensor<?x?x12xf32>, tensor<3xf32>
  // CHECK: xf.layer_norm %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<?x?x12xf32>, tensor<12xf32> -> tensor<?x?x12xf32>
  %2 = xf.layer_norm %1, %gain eps 1.0e-5 : tensor<?x?x12xf32>, tensor<12xf32> -> tensor<?x?x12xf32>
  // CHECK: xf.layer_norm %{{.*}}, %{{.*}} eps 1.000000e-05 rms : tensor<?x?x12xf32>, tensor<12xf32> -> tensor<?x?x12xf32>
  %rms = xf.layer_norm %1, %gain eps 1.0e-5 rms : tensor<?x?x12xf32>, tensor<12xf32> -> tensor<?x?x12xf32>
  return
}

// CHECK-LABEL: func.func @head
func.func @head(%x: tensor<?x?x4xf32>, %mask: tensor<?x?xi1>, %prompt: tensor<?x?xi32>) -> tensor<?x12xf32> {
  // CHECK: xf.add %{{.*}}, %{{.*}} : tensor<?x?x4xf32>
  %0 = xf.add %x, %x : tensor<?x?x4xf32>
  // CHECK: xf.activate gelu %{{.*}} : tensor<?x?x4xf32>
  %1 = xf.activate gelu %0 : tensor<?x?x4xf32>
  // CHECK: xf.activate gelu_tanh
  // CHECK: xf.activate relu
  // CHECK: xf.activate silu
  // CHECK: xf.activate tanh
  %2 = xf.activate gelu_tanh %1 : tensor<?x?x4xf32>
  %3 = xf.activate relu %2 : tensor<?x?x4xf32>
  %4 = xf.activate silu %3 : tensor<?x?x4xf32>
  %5 = xf.activate tanh %4 : tensor<?x?x4xf32>
  // CHECK: xf.layer @layer(%{{.*}}, %{{.*}}) weights "layer.0." : (tensor<?x?x4xf32>, tensor<?x?xi1>) -> tensor<?x?x4xf32>
  %6 = xf.layer @layer(%5, %mask) weights "layer.0." : (tensor<?x?x4xf32>, tensor<?x?xi1>) -> tensor<?x?x4xf32>
  // CHECK: xf.first_token %{{.*}} : tensor<?x?x4xf32> -> tensor<?x4xf32>
  %7 = xf.first_token %6 : tensor<?x?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.pool mean %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) : tensor<?x?x4xf32> -> tensor<?x4xf32>
  %8 = xf.pool mean %6 mask(%mask : tensor<?x?xi1>) : tensor<?x?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.pool max %{{.*}} : tensor<?x?x4xf32> -> tensor<?x4xf32>
  %9 = xf.pool max %6 : tensor<?x?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.pool first %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) except(%{{.*}} : tensor<?x?xi32>) :
  %first = xf.pool first %6 mask(%mask : tensor<?x?xi1>) except(%prompt : tensor<?x?xi32>) : tensor<?x?x4xf32> -> tensor<?x4xf32>
  // CHECK: xf.join %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x12xf32>
  %10 = xf.join %7, %8, %9 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x12xf32>
  // CHECK: xf.normalize %{{.*}} eps 9.9999999999999998E-13 : tensor<?x12xf32>
  %11 = xf.normalize %10 eps 1.0e-12 : tensor<?x12xf32>
  return %11 : tensor<?x12xf32>
}

// CHECK-LABEL: func.func @linear_attention
func.func @linear_attention(%x: tensor<?x?x12xf32>, %w: tensor<5x4xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x12xf32> {
  // CHECK: xf.random_features %{{.*}}, %{{.*}} heads 3 : tensor<?x?x12xf32>, tensor<5x4xf32> -> tensor<?x?x15xf32>
  %f = xf.random_features %x, %w heads 3 : tensor<?x?x12xf32>, tensor<5x4xf32> -> tensor<?x?x15xf32>
  // CHECK: xf.linear_attention exp %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) heads 3 : tensor<?x?x15xf32>, tensor<?x?x15xf32>, tensor<?x?x12xf32>
  %0 = xf.linear_attention exp %f, %f, %x mask(%mask : tensor<?x?xi1>) heads 3 : tensor<?x?x15xf32>, tensor<?x?x15xf32>, tensor<?x?x12xf32>
  // CHECK: xf.linear_attention elu %{{.*}}, %{{.*}}, %{{.*}} causal heads 2 : tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?x?x12xf32>
  %1 = xf.linear_attention elu %0, %0, %0 causal heads 2 : tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?x?x12xf32>
  return %1 : tensor<?x?x12xf32>
}

// CHECK-LABEL: func.func @chunk_attention
func.func @chunk_attention(%x: tensor<?x?x12xf32>, %rows: tensor<?xi32>, %columns: tensor<?x?xi32>, %r: tensor<12x15xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x12xf32> {
  // CHECK: xf.chunk_attention %{{.*}}, %{{.*}}, %{{.*}} row_columns %{{.*}} mask(%{{.*}} : tensor<?x?xi1>) columns(%{{.*}} : tensor<?x?xi32>) chunks <length = 4, before = 1, after = 2, above = 4, multiple = 12> heads 3 scale 5.000000e-01 : tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?xi32>
  %0 = xf.chunk_attention %x, %x, %x row_columns %rows mask(%mask : tensor<?x?xi1>) columns(%columns : tensor<?x?xi32>) chunks <length = 4, before = 1, after = 2, above = 4, multiple = 12> heads 3 scale 0.5 : tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?xi32>
  // CHECK: xf.chunk_attention %{{.*}} rotations(%{{.*}} : tensor<12x15xf32>) factors [2, 4] chunks <length = 6, before = 0, after = 0, above = 4, multiple = 12> causal heads 2
  %1 = xf.chunk_attention %0, %0, %0 row_columns %rows mask(%mask : tensor<?x?xi1>) rotations(%r : tensor<12x15xf32>) factors [2, 4] chunks <length = 6, before = 0, after = 0, above = 4, multiple = 12> causal heads 2 scale 0.5 : tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?xi32>
  // CHECK: xf.axis_ids %{{.*}} stride 12 extent 5 : tensor<?x?xi32>
  %2 = xf.axis_ids %columns stride 12 extent 5 : tensor<?x?xi32>
  return %1 : tensor<?x?x12xf32>
}
