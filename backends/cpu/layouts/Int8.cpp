// The layouts of linears' weights and of tables in signed bytes, each row with a scale of its own: w = scale * q, with
// q from -127 to 127.
//
// rows_s8: each row is its scale (f32) and [K], padded with zeros to a multiple of 4 bytes. panels_s8: a panel of 16
// rows is their scales (f32), the sums of their bytes (i32) and [ceil(K/4)][16][4], of which 16 lines are a tile of AMX
// and a line is an operand of vpdpbusd. What a panel needs lies with it, so that one stream reads all.
#include "backends/cpu/layouts/Elements.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace lathe {
namespace {

constexpr int64_t perWord = 4;

/// Rounds a row to bytes, of which the largest in magnitude becomes 127, and returns their scale.
float quantize(ArrayRef<float> values, MutableArrayRef<int8_t> stored) {
  float largest = 0;
  for (float value : values)
    largest = std::max(largest, std::fabs(value));
  const float scale = largest / 127;
  for (auto [value, target] : llvm::zip_equal(values, stored))
    target = scale > 0 ? static_cast<int8_t>(std::clamp(std::nearbyint(value / scale), -127.0f, 127.0f)) : int8_t(0);
  return scale;
}

class RowsS8 final : public WeightLayout {
public:
  RowsS8() : WeightLayout("rows_s8") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get({shape[0], int64_t(sizeof(float) + llvm::alignTo(shape[1], perWord))}, builder.getI8Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    std::vector<float> values(rows.width), scale(1);
    std::vector<int8_t> stored(llvm::alignTo(rows.width, perWord));
    for (int64_t row = 0; row < rows.count; ++row) {
      rows.read(row, values);
      scale[0] = quantize(values, MutableArrayRef(stored).take_front(rows.width));
      put(sink, scale);
      put(sink, stored);
    }
    return llvm::Error::success();
  }
};

class PanelsS8 final : public WeightLayout {
public:
  PanelsS8() : WeightLayout("panels_s8") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    int64_t header = panelWidth * int64_t(sizeof(float) + sizeof(int32_t));
    int64_t bytes = header + panelWidth * int64_t(llvm::alignTo(shape[1], perWord));
    return MemRefType::get({int64_t(llvm::divideCeil(shape[0], panelWidth)), bytes}, builder.getI8Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    const int64_t words = llvm::divideCeil(rows.width, perWord);
    std::vector<float> values(rows.width), scales(panelWidth);
    std::vector<int32_t> sums(panelWidth);
    std::vector<int8_t> row(words * perWord), panel(words * panelWidth * perWord);
    for (int64_t first = 0; first < rows.count; first += panelWidth) {
      for (int64_t n = 0; n < panelWidth; ++n) {
        std::fill(values.begin(), values.end(), 0.0f);
        if (first + n < rows.count)
          rows.read(first + n, values);
        scales[n] = quantize(values, MutableArrayRef(row).take_front(rows.width));
        sums[n] = std::accumulate(row.begin(), row.end(), 0);
        for (int64_t word = 0; word < words; ++word)
          std::copy_n(&row[word * perWord], perWord, &panel[(word * panelWidth + n) * perWord]);
      }
      put(sink, scales);
      put(sink, sums);
      put(sink, panel);
    }
    return llvm::Error::success();
  }
};

} // namespace

const WeightLayout &layout_rows_s8() {
  static const RowsS8 layout;
  return layout;
}
const WeightLayout &layout_panels_s8() {
  static const PanelsS8 layout;
  return layout;
}

} // namespace lathe
