// RUN: lathe-opt %s --lathe-cpu-build-kernels="level=amx" --split-input-file --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --lathe-cpu-build-kernels --split-input-file --verify-diagnostics | FileCheck %s

// A declaration becomes a function of (slots, first panel, panel beyond the last, scratch).
// CHECK-LABEL: func.func @lathe_copy(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64
// CHECK: vector.
// CHECK-LABEL: func.func @lathe_gemm(
// The code that does the work is a function of its own, which all products share.
// CHECK-LABEL: func.func private @lathe_tile_f32(
// CHECK: llvm.intr.fma
// CHECK-NOT: func.func private @lathe_tile_f32(
// CHECK-NOT: xf.kernel
xf.kernel @lathe_copy family "copy_f32" {}
xf.kernel @lathe_gemm family "gemm_f32" {activation = "relu", bias = true, residual = false}
xf.kernel @lathe_gemm_plain family "gemm_f32" {activation = "none", bias = false, residual = false}

// -----
// expected-error @+1 {{names family 'fft_f32', which the CPU back end does not have}}
xf.kernel @k family "fft_f32" {}

// -----
// expected-error @+1 {{has no parameter 'program'; expected a row program's text}}
xf.kernel @k family "rows_f32" {}

// -----
// expected-error @below {{row program, value 1 'cosh 0': unknown op}}
module {
  xf.kernel @k family "rows_f32" {program = "rows 4; cosh 0; result 1"}
}
