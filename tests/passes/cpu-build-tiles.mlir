// RUN: lathe-opt %s --lathe-cpu-build-kernels="level=amx" | FileCheck %s
// RUN: lathe-opt %s --lathe-cpu-build-kernels="level=avx512_bf16" | FileCheck %s --check-prefix=DOT

// At level amx a product of bf16 is of tiles: four of sums, from two of x and two of columns.
// CHECK-LABEL: func.func @lathe_gemm(
// CHECK: amx.tile_zero : !amx.tile<16x16xf32>
// CHECK: amx.tile_load {{.*}} into !amx.tile<16x32xbf16>
// CHECK: amx.tile_mulf {{.*}} : !amx.tile<16x32xbf16>, !amx.tile<16x32xbf16>, !amx.tile<16x16xf32>
// Tiles do not survive a call, so there is none.
// CHECK-NOT: call
// DOT-LABEL: func.func @lathe_gemm(
// DOT-NOT: amx.
// DOT: dpbf16ps
xf.kernel @lathe_gemm family "gemm_bf16" {bias = true}

// Bytes are unsigned in x and signed in W.
// CHECK-LABEL: func.func @lathe_gemm_bytes(
// CHECK: amx.tile_muli {{.*}} zext, {{.*}} : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
xf.kernel @lathe_gemm_bytes family "gemm_s8" {bias = true}
