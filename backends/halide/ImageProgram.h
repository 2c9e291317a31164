//===- ImageProgram.h - the steps from an image to rows of patches ------------===//
//
// What a model's vision tower reads is made of an image, u8 [rows, columns, 3], in two passes as Pillow resizes it: the
// first makes each line shorter or longer, the second the columns of what the first gave; in between are bytes. An
// image may have any size, so which pixels of a line make one of the result is a table, which the runtime computes: for
// each of the result's pixels the number of the first that counts, and `taps` weights, i32 with 22 bits behind the
// point. Weights may be zero; all that they refer to is there.
//
// The first pass works on a block of 16 lines at once, one in each lane: the block is transposed before and, a tile at
// a time, behind it. What it gives are planes, one for each channel, so that the second reads and writes vectors.
//
// Each step is one function of Halide's. As text, with the arguments of its function:
//
//   transpose                          (image, i32 row_bytes, i32 rows, columns)
//     columns[16 * i + r] = image[row r][i], for row_bytes bytes i of 16 rows r; of fewer rows the last one again.
//   horizontal                         (columns, first, weights, i32 across, i32 taps, i32 width,
//                                       i32 row_stride, i32 plane_stride, planes)
//     16 rows of `width` pixels, a multiple of 16, in three planes, of a transposed block of `across` pixels.
//   patches ROWS COLUMNS ACROSS SCALE MEAN{3} DEVIATION{3}
//                                      (planes, first, weights, i32 rows, i32 taps, i32 row_stride, i32 plane_stride,
//                                       patches)
//     The second pass for ROWS lines, of `rows` rows: f32 [ACROSS, 3, ROWS, COLUMNS], a row of patches, of pixels
//     (SCALE * byte - MEAN) / DEVIATION. Lines of the planes must be there for 16 pixels behind the last patch.
//     As the processors of Transformers compute it: the product in f64, then rounded to f32, as are all others.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_IMAGEPROGRAM_H
#define LATHE_BACKENDS_HALIDE_IMAGEPROGRAM_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

enum class ImageStep : uint8_t { Transpose, Horizontal, Patches };

struct ImageProgram {
  ImageStep step = ImageStep::Transpose;
  /// Of patches:
  int64_t rows = 0, columns = 0, across = 0;
  double scale = 1;
  std::array<float, 3> mean = {}, deviation = {1, 1, 1};

  bool operator==(const ImageProgram &) const = default;
};

/// The longest side of a patch, and the most of them side by side: far beyond any model, and indices stay within 32
/// bits.
constexpr int64_t maxPatchSide = 1 << 10, maxPatchesAcross = 1 << 10;

std::string printImageProgram(const ImageProgram &program);

/// Reads what `printImageProgram` writes. A text that is no program leaves a message in `error`.
bool parseImageProgram(std::string_view text, ImageProgram &program, std::string &error);

} // namespace lathe

#endif
