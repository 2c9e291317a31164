// The layouts of linears' weights in int4, of groups of 32, 64 or 128: panels_s4_g32 and so on.
//
// A panel of 16 rows is their scales (bf16); for each group 16 bytes, of each row its step less one in the lower half
// and its zero in the upper one; padding to a multiple of 64 bytes; and [ceil(K/8)][16] words of 32 bits, of which the
// lower halves of bytes are the codes of four neighbouring k, the upper halves those of the next four. So a line of 64
// bytes becomes two lines of panels_s8 by a mask, a shift, and what the groups say. What a panel needs lies with it, so
// that one stream reads all.
#include "ir/xf/Int4.h"

#include "backends/cpu/layouts/Elements.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lathe {
namespace {

/// Codes that a word holds, and those of them that make one word of bytes.
constexpr int64_t perWord = 8, perByteWord = 4, lineBytes = panelWidth * 4;
constexpr int64_t scalesBytes = panelWidth * sizeof(uint16_t);

class PanelsS4 final : public WeightLayout {
public:
  PanelsS4(StringRef name, int64_t group) : WeightLayout(name), group(group) {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get({int64_t(llvm::divideCeil(shape[0], panelWidth)), panelBytes(shape[1])},
                           builder.getI8Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    std::vector<float> values(rows.width);
    std::vector<char> panel(panelBytes(rows.width));
    for (int64_t first = 0; first < rows.count; first += panelWidth) {
      std::fill(panel.begin(), panel.end(), 0);
      for (int64_t n = 0; n < std::min(panelWidth, rows.count - first); ++n) {
        rows.read(first + n, values);
        putRow(xf::roundToInt4(values, group, rows.importance), n, panel);
      }
      put(sink, panel);
    }
    return llvm::Error::success();
  }

private:
  const int64_t group;

  int64_t headerBytes(int64_t width) const {
    return llvm::alignTo(scalesBytes + llvm::divideCeil(width, group) * panelWidth, lineBytes);
  }
  int64_t panelBytes(int64_t width) const { return headerBytes(width) + llvm::divideCeil(width, perWord) * lineBytes; }

  /// Stores a row as row n of a panel of zeros.
  void putRow(const xf::Int4Row &row, int64_t n, std::vector<char> &panel) const {
    const auto scale = uint16_t(llvm::bit_cast<uint32_t>(row.scale) >> 16);
    memcpy(&panel[n * sizeof scale], &scale, sizeof scale);
    char *groups = &panel[scalesBytes + n];
    for (auto [index, group] : llvm::enumerate(row.groups))
      groups[index * panelWidth] = char(group.step - 1 | group.zero << 4);
    const int64_t width = row.codes.size();
    char *words = &panel[headerBytes(width) + n * sizeof(int32_t)];
    for (int64_t k = 0; k < int64_t(llvm::alignTo(width, perWord)); ++k) {
      // Beyond the row, what stands for 0.
      const uint8_t code = k < width ? row.codes[k] : row.groups.back().zero;
      words[k / perWord * lineBytes + k % perByteWord] |= char(k % perWord < perByteWord ? code : code << 4);
    }
  }
};

} // namespace

const WeightLayout &layout_panels_s4_g32() {
  static const PanelsS4 layout("panels_s4_g32", 32);
  return layout;
}
const WeightLayout &layout_panels_s4_g64() {
  static const PanelsS4 layout("panels_s4_g64", 64);
  return layout;
}
const WeightLayout &layout_panels_s4_g128() {
  static const PanelsS4 layout("panels_s4_g128", 128);
  return layout;
}

} // namespace lathe
