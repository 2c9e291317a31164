// RUN: lathe-opt %s --lathe-assign-precision=precision=bf16 | FileCheck %s
// RUN: lathe-opt %s --lathe-assign-precision | FileCheck %s --check-prefix=UNASKED
// RUN: lathe-opt %s --lathe-assign-precision=precision=f32 | FileCheck %s --check-prefix=UNASKED
// RUN: lathe-opt %s --lathe-assign-precision="precision=int4 group=32" | FileCheck %s --check-prefix=INT4
// RUN: not lathe-opt %s --lathe-assign-precision="precision=int4 group=48" 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not lathe-opt %s --lathe-assign-precision=precision=fp7 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: there is no precision 'fp7'; accepted are f32, bf16, int8, int4
// GROUP: there are no groups of 48; accepted are 32, 64, 128
// Nothing changes precision unasked.
// UNASKED-NOT: bf16

// Products and tables, in layers too; norms stay as they are.
// INT4-LABEL: func.func @layer
// INT4: xf.linear {{.*}} in int4 groups of 32 :
// CHECK-LABEL: func.func @layer
// CHECK: xf.linear {{.*}} bias(%{{.*}}) activation gelu residual({{.*}}) in bf16 :
// CHECK: xf.layer_norm
// CHECK-NOT: bf16
// CHECK: return
func.func @layer(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %y = xf.linear %x, %w bias(%b : tensor<8xf32>) activation gelu residual(%x : tensor<?x8xf32>) : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %z = xf.layer_norm %y, %b, %b eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @attention
// CHECK: xf.attention {{.*}} scale 5.000000e-01 in bf16 :
func.func @attention(%x: tensor<?x8xf32>, %cu: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = xf.attention %x, %x, %x cu_seqlens(%cu : tensor<?xi32>) heads 2 scale 0.5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @tables
// CHECK: xf.lookup {{.*}} rounded bf16 :
// CHECK: xf.embed {{.*}} rounded bf16 ->
func.func @tables(%ids: tensor<?xi32>, %t: tensor<10x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.embed ids(%ids, %ids : tensor<?xi32>, tensor<?xi32>) tables(%t, %t : tensor<10x8xf32>, tensor<10x8xf32>) -> tensor<?x8xf32>
  return %x, %y : tensor<?x8xf32>, tensor<?x8xf32>
}

// Tables are int8 where linears are int4, and so is a linear that reads one.
// INT4-LABEL: func.func @tied
// INT4: xf.lookup {{.*}} rounded int8 :
// INT4: xf.linear {{.*}} in int4 groups of 32 :
// INT4: xf.linear {{.*}} in int8 :
// INT4-NOT: int4
xf.weight @table = dense<1.0> : tensor<10x8xf32>
xf.weight @w = dense<1.0> : tensor<8x8xf32>
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x10xf32> {
  %t = xf.load_weight @table : tensor<10x8xf32>
  %again = xf.load_weight @table : tensor<10x8xf32>
  %w = xf.load_weight @w : tensor<8x8xf32>
  %x = xf.lookup %ids in %t : tensor<?xi32>, tensor<10x8xf32> -> tensor<?x8xf32>
  %y = xf.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %z = xf.linear %y, %again : tensor<?x8xf32>, tensor<10x8xf32> -> tensor<?x10xf32>
  return %z : tensor<?x10xf32>
}
