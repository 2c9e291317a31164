// RUN: lathe-opt %s --lathe-share-weights | FileCheck %s

// The same bytes as the same type: one resource, the first's.
// CHECK: xf.weight @first = dense_resource<first> : tensor<2x2xf32>
// CHECK: xf.weight @twin = dense_resource<first> : tensor<2x2xf32>
xf.weight @first = dense_resource<first> : tensor<2x2xf32>
xf.weight @twin = dense_resource<twin> : tensor<2x2xf32>

// The same bytes as another shape or another type are another weight.
// CHECK: xf.weight @flat = dense_resource<flat> : tensor<4xf32>
// CHECK: xf.weight @narrow = dense_resource<narrow> : tensor<4x2xf16>
// CHECK: xf.weight @flat_twin = dense_resource<flat> : tensor<4xf32>
xf.weight @flat = dense_resource<flat> : tensor<4xf32>
xf.weight @narrow = dense_resource<narrow> : tensor<4x2xf16>
xf.weight @flat_twin = dense_resource<flat_twin> : tensor<4xf32>

// The last byte differs.
// CHECK: xf.weight @other = dense_resource<other> : tensor<2x2xf32>
xf.weight @other = dense_resource<other> : tensor<2x2xf32>

// Numbers in the text are attributes of one value already.
// CHECK: xf.weight @text = dense<1.000000e+00> : tensor<2xf32>
xf.weight @text = dense<1.0> : tensor<2xf32>

{-#
  dialect_resources: {
    builtin: {
      first: "0x040000000000803F000000400000404000008040",
      twin: "0x040000000000803F000000400000404000008040",
      flat: "0x040000000000803F000000400000404000008040",
      flat_twin: "0x040000000000803F000000400000404000008040",
      narrow: "0x040000000000803F000000400000404000008040",
      other: "0x040000000000803F000000400000404000008041"
    }
  }
#-}
