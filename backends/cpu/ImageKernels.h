//===- ImageKernels.h - the front end for images as kernels -------------------===//
//
// The steps of backends/halide/ImageProgram.h as two kernels, which the runtime calls (runtime/vision).
//
// lathe_image_horizontal, a panel for each 16 rows of an image; scratch for a block of them, 16 times a row's bytes:
//   0 pixels           u8 [rows, columns, 3]: the first row that is needed
//   1 row_bytes        3 * columns
//   2 rows             that are needed
//   3 first, 4 weights, 5 taps      tables of the first pass, for `width` pixels
//   6 columns
//   7 width            of a row of the result, a multiple of 16
//   8 planes           u8 [3, ceil(rows / 16) * 16, width]
//   9 row_stride, 10 plane_stride   of these, in bytes
//
// lathe_image_patches, a panel for each row of patches:
//   0 planes           what the other one wrote
//   1 rows             of these
//   2 first, 3 weights, 4 taps      tables of the second pass, for the lines of all patches
//   5 row_stride, 6 plane_stride
//   7 patches          f32 [patches, 3, rows, columns] of a patch
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_IMAGEKERNELS_H
#define LATHE_BACKENDS_CPU_IMAGEKERNELS_H

#include "backends/halide/ImageProgram.h"
#include "ir/xf/XfDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace lathe {

constexpr llvm::StringLiteral imageHorizontalSymbol = "lathe_image_horizontal";
constexpr llvm::StringLiteral imagePatchesSymbol = "lathe_image_patches";

/// The last step of the front end of a module's entry, whose patches are as wide as its images; nothing where its
/// images have none. A module has one at most.
std::optional<ImageProgram> findImageProgram(mlir::ModuleOp module);
ImageProgram imageProgramOf(xf::FrontEndAttr front, xf::ImageAttr image);

/// Emits both kernels at the end of the module and declares what Halide compiles for them. `patches` is the last step.
void buildImageKernels(mlir::OpBuilder &builder, mlir::ModuleOp module, const ImageProgram &patches);

} // namespace lathe

#endif
