//===- HalideImages.cpp - from an image to patches, in Halide -----------------===//
//
// Buffers are memory from their first byte on: sizes and strides are arguments, so that of no buffer anything but its
// address is read. Integers add up exactly in any order, so schedules cannot change a result.
//
//===----------------------------------------------------------------------===//
#include "backends/halide/HalidePipelines.h"
#include "backends/halide/ImageProgram.h"

#include <functional>

using namespace Halide;

namespace lathe {
namespace {

constexpr int lanes = 16, channels = 3, fractionBits = 22;

/// Element n of 16 vectors whose elements take turns: vector j is `element(i, j)`. With n over 16 * 16 elements, a tile
/// is transposed by log2(16) rounds of interleaving.
Expr interleaved(const Expr &n, const std::function<Expr(const Expr &i, int j)> &element) {
  std::vector<Expr> elements;
  for (int j = 0; j < lanes; ++j)
    elements.push_back(element(n / lanes, j));
  return mux(n % lanes, elements);
}

/// A sum of pixels times weights as the byte that it stands for: half of the last digit is in it already.
Expr byteOf(const Expr &sum) { return saturating_cast<uint8_t>(sum >> fractionBits); }
constexpr int half = 1 << (fractionBits - 1);

/// Over the weights of a pixel. That there is one at least saves a case without any.
RDom tapsOf(const Param<int> &taps) { return RDom(0, max(taps, 1), "tap"); }

/// A pixel's number from a table, of `count` pixels.
Expr sourceOf(const ImageParam &first, const Expr &pixel, const RDom &tap, const Param<int> &count) {
  return unsafe_promise_clamped(first(pixel) + tap, 0, count - 1);
}

Module transpose(const std::string &symbol, const Target &target) {
  ImageParam image(UInt(8), 1, "image");
  Param<int> rowBytes("row_bytes"), rows("rows");
  Var n("n");
  Func columns("columns");
  columns(n) = interleaved(n, [&](const Expr &i, int row) { return image(i + min(row, rows - 1) * rowBytes); });

  image.dim(0).set_min(0).set_stride(1);
  columns.output_buffer().dim(0).set_bounds(0, rowBytes * lanes).set_stride(1);
  // The last tile begins where it ends with the row. Images of five columns have less than a tile.
  columns.specialize(rowBytes >= lanes).vectorize(n, lanes * lanes, TailStrategy::ShiftInwards);
  return Pipeline(columns).compile_to_module({image, rowBytes, rows}, symbol, target, LinkageType::External);
}

Module horizontal(const std::string &symbol, const Target &target) {
  ImageParam columns(UInt(8), 3, "columns"), first(Int(32), 1, "first"), weights(Int(32), 1, "weights");
  Param<int> across("across"), taps("taps"), width("width"), rowStride("row_stride"), planeStride("plane_stride");
  Var row("row"), channel("channel"), x("x"), n("n"), block("block");
  Func sum("sum"), pixel("pixel"), tile("tile"), planes("planes");
  RDom tap = tapsOf(taps);
  sum(row, channel, x) = half;
  sum(row, channel, x) += weights(x * taps + tap) * cast<int>(columns(row, channel, sourceOf(first, x, tap, across)));
  pixel(row, channel, x) = byteOf(sum(row, channel, x));
  tile(n, channel, block) = interleaved(n, [&](const Expr &i, int j) { return pixel(i, channel, block * lanes + j); });
  planes(x, row, channel) = tile(row * lanes + x % lanes, channel, x / lanes);

  columns.dim(0).set_bounds(0, lanes).set_stride(1);
  columns.dim(1).set_bounds(0, channels).set_stride(lanes);
  columns.dim(2).set_bounds(0, across).set_stride(channels * lanes);
  first.dim(0).set_min(0).set_stride(1);
  weights.dim(0).set_min(0).set_stride(1);
  OutputImageParam memory = planes.output_buffer();
  memory.dim(0).set_bounds(0, width).set_stride(1);
  memory.dim(1).set_bounds(0, lanes).set_stride(rowStride);
  memory.dim(2).set_bounds(0, channels).set_stride(planeStride);

  Var inside("inside");
  planes.split(x, block, inside, lanes, TailStrategy::RoundUp).reorder(inside, row, channel, block);
  planes.vectorize(inside).unroll(row).unroll(channel);
  tile.compute_at(planes, block).store_in(MemoryType::Stack);
  tile.bound_extent(n, lanes * lanes).vectorize(n, lanes * lanes).unroll(channel);
  pixel.compute_at(planes, block).store_in(MemoryType::Stack);
  pixel.bound_extent(row, lanes).vectorize(row, lanes).unroll(channel);
  sum.compute_at(pixel, x).store_in(MemoryType::Stack);
  sum.bound_extent(row, lanes).vectorize(row, lanes).unroll(channel);
  sum.update().reorder(row, channel, tap).vectorize(row, lanes).unroll(channel);
  return Pipeline(planes).compile_to_module({columns, first, weights, across, taps, width, rowStride, planeStride},
                                            symbol, target, LinkageType::External);
}

Module patches(const ImageProgram &program, const std::string &symbol, const Target &target) {
  const int height = int(program.rows), wide = int(program.columns), count = int(program.across);
  ImageParam planes(UInt(8), 3, "planes"), first(Int(32), 1, "first"), weights(Int(32), 1, "weights");
  Param<int> rows("rows"), taps("taps"), rowStride("row_stride"), planeStride("plane_stride");
  Var x("x"), y("y"), channel("channel"), patch("patch");
  Func sum("sum"), result("patches");
  RDom tap = tapsOf(taps);
  sum(x, patch, channel, y) = half;
  sum(x, patch, channel, y) +=
      weights(y * taps + tap) * cast<int>(planes(patch * wide + x, sourceOf(first, y, tap, rows), channel));
  auto ofChannel = [&](const std::array<float, channels> &of) { return mux(channel, {of[0], of[1], of[2]}); };
  Expr scaled = cast<float>(cast<double>(byteOf(sum(x, patch, channel, y))) * Expr(program.scale));
  result(x, y, channel, patch) = (scaled - ofChannel(program.mean)) / ofChannel(program.deviation);

  planes.dim(0).set_bounds(0, wide * count + lanes).set_stride(1);
  planes.dim(1).set_bounds(0, rows).set_stride(rowStride);
  planes.dim(2).set_bounds(0, channels).set_stride(planeStride);
  first.dim(0).set_min(0).set_stride(1);
  weights.dim(0).set_min(0).set_stride(1);
  OutputImageParam memory = result.output_buffer();
  memory.dim(0).set_bounds(0, wide).set_stride(1);
  memory.dim(1).set_bounds(0, height).set_stride(wide);
  memory.dim(2).set_bounds(0, channels).set_stride(height * wide);
  memory.dim(3).set_bounds(0, count).set_stride(channels * height * wide);

  // Four patches side by side share their weights. Sums are whole vectors; of the last one what is beyond the patch is
  // not stored.
  constexpr int side = 4;
  Var block("block"), group("group");
  result.split(x, block, x, lanes, TailStrategy::GuardWithIf)
      .split(patch, group, patch, side, TailStrategy::GuardWithIf);
  result.reorder(x, patch, block, group, channel, y).vectorize(x).unroll(patch).unroll(channel);
  sum.compute_at(result, block).store_in(MemoryType::Stack);
  sum.bound_extent(x, lanes).bound_extent(patch, side).vectorize(x, lanes).unroll(patch);
  sum.update().reorder(x, patch, tap).vectorize(x, lanes).unroll(patch);
  return Pipeline(result).compile_to_module({planes, first, weights, rows, taps, rowStride, planeStride}, symbol,
                                            target, LinkageType::External);
}

} // namespace

Module makeImagePipeline(const std::string &text, const std::string &symbol, const Target &target) {
  ImageProgram program;
  if (std::string problem; !parseImageProgram(text, program, problem))
    throw CompileError(problem);
  switch (program.step) {
  case ImageStep::Transpose:
    return transpose(symbol, target);
  case ImageStep::Horizontal:
    return horizontal(symbol, target);
  case ImageStep::Patches:
    return patches(program, symbol, target);
  }
  throw InternalError("every step has a pipeline");
}

} // namespace lathe
