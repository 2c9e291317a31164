#include "runtime/vision/FrontEnd.h"

#include "runtime/core/Checked.h"
#include "runtime/core/FloatEnvironment.h"
#include "runtime/core/Status.h"
#include "runtime/vision/Resample.h"

namespace lathe {
namespace {

constexpr int64_t channels = 3, blockRows = 16, lanes = 16, alignment = 64;
constexpr int64_t mostPixels = 1 << 20; // of a side; indices of generated code have 32 bits

struct Size {
  int64_t rows, columns;
};

/// What an image is resized to.
Size resizedSize(const lathe_image_front_end &front, const Images &images) {
  switch (lathe_sizing(front.sizing)) {
  case LATHE_SIZE_KEPT:
    break;
  case LATHE_SIZE_EXACT:
    return {front.rows, front.columns};
  case LATHE_SIZE_SHORTEST_EDGE: {
    const bool upright = images.columns <= images.rows;
    const int64_t shorter = upright ? images.columns : images.rows, longer = upright ? images.rows : images.columns;
    // As Python divides integers: the quotient as a double, cut off.
    const auto other = int64_t(double(front.rows * longer) / double(shorter));
    return upright ? Size{other, front.rows} : Size{front.rows, other};
  }
  }
  return {images.rows, images.columns};
}

lathe_status checkSize(const lathe_image_front_end &front, const Images &images, const Size &resized,
                       lathe_error *error) {
  if (images.rows < 1 || images.columns < 1 || images.rows > mostPixels || images.columns > mostPixels)
    return fail(error, LATHE_INVALID_ARGUMENT, "images: %lld x %lld pixels; accepted: 1 to %lld on each side",
                static_cast<long long>(images.rows), static_cast<long long>(images.columns),
                static_cast<long long>(mostPixels));
  if (!front.crops && (resized.rows != front.image_rows || resized.columns != front.image_columns))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "images: %lld x %lld pixels become %lld x %lld, and the model reads %lld x %lld",
                static_cast<long long>(images.rows), static_cast<long long>(images.columns),
                static_cast<long long>(resized.rows), static_cast<long long>(resized.columns),
                static_cast<long long>(front.image_rows), static_cast<long long>(front.image_columns));
  return LATHE_OK;
}

/// `count` of the pixels that are cut from the middle of a line; where it is too short there is more to add in front.
ResampledLine middleOf(const lathe_image_front_end &front, int64_t in, int64_t out, int64_t cut, int64_t count) {
  const int64_t beyond = out - cut;
  return {lathe_resample(front.resample), in, out, beyond >= 0 ? beyond / 2 : -((1 - beyond) / 2), count};
}

struct Table {
  ResampledLine line;
  int64_t taps;
  int32_t *first = nullptr, *weights = nullptr;

  explicit Table(const ResampledLine &line) : line(line), taps(tapsOf(line)) {}
};

/// Rows [begin, end) of the image that any pixel is made of; the table counts from `begin` afterwards.
struct RowRange {
  int64_t begin, end;

  explicit RowRange(Table &table) : begin(table.line.in), end(0) {
    for (int64_t index = 0; index < table.line.count; ++index)
      if (isInside(table, index)) {
        const int64_t first = table.first[index];
        begin = first < begin ? first : begin;
        end = first + table.taps > end ? first + table.taps : end;
      }
    for (int64_t index = 0; index < table.line.count; ++index)
      if (isInside(table, index))
        table.first[index] -= int32_t(begin);
  }

private:
  static bool isInside(const Table &table, int64_t index) {
    const int64_t pixel = table.line.begin + index;
    return pixel >= 0 && pixel < table.line.out;
  }
};

/// Hands out parts of one piece of memory, once how much there must be is known.
class Parts {
public:
  int64_t add(Checked bytes) {
    const int64_t offset = total.value;
    total += bytes.roundUp(alignment);
    return offset;
  }
  Checked total;
};

} // namespace

lathe_status cutPatches(lathe_context &context, const lathe_image_front_end &front, const Images &images,
                        float *patches, int64_t stride, lathe_error *error) {
  const Size resized = resizedSize(front, images);
  if (lathe_status status = checkSize(front, images, resized, error))
    return status;
  const int64_t wide = front.across * front.patch_columns, high = front.down * front.patch_rows;
  const int64_t width = (wide + lanes - 1) / lanes * lanes, rowStride = (wide + lanes + alignment - 1) & -alignment;
  Table across(middleOf(front, images.columns, resized.columns, front.image_columns, width));
  Table down(middleOf(front, images.rows, resized.rows, front.image_rows, high));
  const int64_t rowBytes = images.columns * channels;
  const int64_t mostRows = (images.rows + blockRows - 1) / blockRows * blockRows;

  Parts parts;
  auto numbers = [&](Checked count) { return parts.add(count * int64_t(sizeof(int32_t))); };
  const int64_t acrossFirst = numbers(width), acrossWeights = numbers(Checked(width) * across.taps);
  const int64_t downFirst = numbers(high), downWeights = numbers(Checked(high) * down.taps);
  const int64_t exact = parts.add((Checked(across.taps) + down.taps) * int64_t(sizeof(double)));
  const Checked planeBytes = Checked(mostRows) * rowStride;
  const int64_t planes = parts.add(planeBytes * channels);
  const int64_t scratchBytes = rowBytes * blockRows; // a multiple of 16, as vectors of it need
  const int64_t scratch = parts.add(Checked(scratchBytes) * context.threads);
  // Generated code counts what it works on in 32 bits.
  const bool counts =
      (planeBytes * channels).value <= INT32_MAX && width * across.taps <= INT32_MAX && high * down.taps <= INT32_MAX;
  uint8_t *memory = parts.total.valid && counts ? context.images.reserve(size_t(parts.total.value)) : nullptr;
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for images of %lld x %lld pixels",
                static_cast<long long>(images.rows), static_cast<long long>(images.columns));

  FloatEnvironment environment;
  auto at = [&](int64_t offset) { return reinterpret_cast<int32_t *>(memory + offset); };
  across.first = at(acrossFirst), across.weights = at(acrossWeights);
  down.first = at(downFirst), down.weights = at(downWeights);
  for (const Table *table : {&across, &down})
    tabulate(table->line, table->taps, table->first, table->weights, reinterpret_cast<double *>(memory + exact));
  const RowRange range(down);
  const int64_t rows = range.end - range.begin, blocks = (rows + blockRows - 1) / blockRows;
  const int64_t planeStride = blocks * blockRows * rowStride;

  auto address = [](const void *pointer) { return uint64_t(reinterpret_cast<uintptr_t>(pointer)); };
  const int32_t level = context.model->level;
  for (int64_t image = 0; image < images.count; ++image) {
    const uint8_t *pixels = images.pixels + (image * images.rows + range.begin) * rowBytes;
    const uint64_t horizontal[] = {address(pixels),          uint64_t(rowBytes),      uint64_t(rows),
                                   address(across.first),    address(across.weights), uint64_t(across.taps),
                                   uint64_t(images.columns), uint64_t(width),         address(memory + planes),
                                   uint64_t(rowStride),      uint64_t(planeStride)};
    runPanels(context, front.horizontal[level], horizontal, blocks, memory + scratch, scratchBytes);
    const uint64_t cutting[] = {
        address(memory + planes), uint64_t(rows),      address(down.first),   address(down.weights),
        uint64_t(down.taps),      uint64_t(rowStride), uint64_t(planeStride), address(patches + image * stride)};
    runPanels(context, front.patches[level], cutting, front.down);
    if (context.cancelled.load(std::memory_order_relaxed))
      return fail(error, LATHE_CANCELLED, "the run was cancelled; its outputs are unfinished");
  }
  return LATHE_OK;
}

} // namespace lathe
