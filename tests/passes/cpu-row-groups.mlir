// Row groups, and primitives alone, become launches of row programs.
// RUN: lathe-opt %s --lathe-cpu-select-kernels --canonicalize --cse --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lathe-cpu-select-kernels --canonicalize --cse --lathe-cpu-build-kernels --split-input-file | FileCheck %s --check-prefix=BUILT

// Inputs with the elements from row to row, vectors of weights, results, then the number of rows. A part of a wider row
// is read where it lies.
// CHECK-LABEL: func.func @group
// CHECK-DAG: %[[PART:.*]] = xf.columns %{{.*}} from 4
// CHECK-DAG: %[[GAIN:.*]] = xf.weight_address [@packed.gain] : memref<16xf32>
// CHECK-DAG: %[[Y:.*]] = xf.output_address [0] : memref<?x4xf32>
// CHECK-DAG: %[[MEAN:.*]] = xf.output_address [1] : memref<?x1xf32>
// CHECK: xf.launch @[[KERNEL:lathe_rows_f32_[0-9a-f]*]](%[[PART]], %c8{{[^,]*}}, %[[GAIN]], %c0{{[^,]*}}, %[[Y]], %c4{{[^,]*}}, %[[MEAN]], %c1{{[^,]*}}, %[[TOKENS:.*]]) panels %{{.*}} writes [4, 6] step "group/row_group"
// CHECK: xf.packed_weight @packed.gain from [@gain] layout "vector"
// CHECK: xf.kernel @[[KERNEL]] family "rows_f32" {program = "rows 4; shared 4; constant 2; add 1 2; mul 0 3; row_mean 0; result 4 5"}

// The kernel loops over rows and calls the function of one row, which is declared with what it computes.
// BUILT-LABEL: func.func @group
// BUILT: func.func private @[[ROW:lathe_rows_f32_[0-9a-f]*_row]](!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> i32 attributes {xf.row_program = "rows 4; shared 4; constant 2; add 1 2; mul 0 3; row_mean 0; result 4 5"}
// BUILT: func.func @lathe_rows_f32_{{[0-9a-f]*}}(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// BUILT: scf.for
// BUILT: call @[[ROW]]
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @gain = dense<1.0> : tensor<4xf32>
func.func @group(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x4xf32> {xf.output = "y"}, tensor<?x1xf32> {xf.output = "mean"}) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %gain = xf.load_weight @gain : tensor<4xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %parts:2 = xf.split %x : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
  %y:2 = xf.row_group %parts#1, %gain {
  ^bb0(%a: tensor<?x4xf32>, %g: tensor<4xf32>):
    %two = xf.constant 2.0 : tensor<1xf32>
    %0 = xf.combine add %g, %two : tensor<4xf32>, tensor<1xf32> -> tensor<4xf32>
    %1 = xf.combine mul %a, %0 : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
    %2 = xf.reduce mean %a : tensor<?x4xf32> -> tensor<?x1xf32>
    xf.yield %1, %2 : tensor<?x4xf32>, tensor<?x1xf32>
  } : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x1xf32>)
  return %y#0, %y#1 : tensor<?x4xf32>, tensor<?x1xf32>
}

// -----
// Alone, each primitive is a program; constants, and what is computed from weights, belong to who reads them. The name of
// the formula is the step's.
// CHECK-LABEL: func.func @alone
// CHECK: step "alone/map"
// CHECK: step "alone/swish"
// CHECK: step "alone/combine"
// CHECK-NOT: xf.launch
// CHECK-DAG: program = "rows 8; sigmoid 0; result 1"
// CHECK-DAG: program = "rows 8; rows 8; mul 0 1; result 2"
// CHECK-DAG: program = "rows 8; shared 8; constant 0.5; mul 1 2; max 0 3; result 4"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @gain = dense<1.0> : tensor<8xf32>
func.func @alone(%ids: tensor<?x?xi32> {xf.input = "input_ids"}, %mask: tensor<?x?xi1> {xf.input = "attention_mask"}) -> (tensor<?x?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %gain = xf.load_weight @gain : tensor<8xf32>
  %half = xf.constant 0.5 : tensor<1xf32>
  %small = xf.combine mul %gain, %half : tensor<8xf32>, tensor<1xf32> -> tensor<8xf32>
  %x = xf.lookup %ids in %t : tensor<?x?xi32>, tensor<10x8xf32> -> tensor<?x?x8xf32>
  %s = xf.map sigmoid %x : tensor<?x?x8xf32>
  %g = xf.combine mul %x, %s : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32> loc("swish")
  %y = xf.combine max %g, %small : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----
// Elementwise ops of a name become their formulas in a program, and equal numbers one.
// CHECK-LABEL: func.func @named
// CHECK: program = "rows 8; rows 8; add 0 1; constant 0.5; mul 2 3; gelu 4; constant 0; max 5 6; sigmoid 7; mul 7 8; tanh 9; mul 10 10; constant 0.044715; mul 11 12; constant 1; add 13 14; mul 10 15; constant 1.5957692; mul 16 17; sigmoid 18; mul 10 19; neg 20; result 21"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func @named(%ids: tensor<?xi32> {xf.input = "input_ids"}, %types: tensor<?xi32> {xf.input = "token_type_ids"}) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %z = xf.lookup %types in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.row_group %x, %z {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>):
    %0 = xf.add %a, %b : tensor<?x8xf32>
    %1 = xf.scale %0 by 0.5 : tensor<?x8xf32>
    %2 = xf.activate gelu %1 : tensor<?x8xf32>
    %3 = xf.activate relu %2 : tensor<?x8xf32>
    %4 = xf.activate silu %3 : tensor<?x8xf32>
    %5 = xf.activate tanh %4 : tensor<?x8xf32>
    %6 = xf.activate gelu_tanh %5 : tensor<?x8xf32>
    %7 = xf.map neg %6 : tensor<?x8xf32>
    xf.yield %7 : tensor<?x8xf32>
  } : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----
// A layer whose result is a group that reads the layer's argument does not write over it.
// CHECK-LABEL: func.func @carried
// CHECK: scf.for
// CHECK: %[[OWN:.*]] = xf.buffer tokens
// CHECK: xf.launch @lathe_rows_f32_{{.*}}%[[OWN]]{{.*}} step "layer/map"
// CHECK: xf.launch {{.*}}%[[OWN]]{{.*}} step "layer/carry"
xf.weight @table = dense<1.0> : tensor<10x8xf32>
func.func private @layer(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = xf.map neg %x : tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
func.func @carried(%ids: tensor<?xi32> {xf.input = "input_ids"}) -> (tensor<?x8xf32> {xf.output = "y"}) attributes {xf.entry} {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.layers @layer(%x) weights ["0.", "1."] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
