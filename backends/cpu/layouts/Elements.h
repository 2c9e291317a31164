// Layouts that store every element as one number of fewer or as many bits: the same walks, in any precision.
#ifndef LATHE_BACKENDS_CPU_LAYOUTS_ELEMENTS_H
#define LATHE_BACKENDS_CPU_LAYOUTS_ELEMENTS_H

#include "backends/cpu/layouts/WeightLayout.h"

#include "llvm/Support/MathExtras.h"

namespace lathe {

/// Columns of a panel: the lanes of a vector.
constexpr int64_t panelWidth = 16;

/// Stores f32 values as Elements. Fails with the reason on one that has no such form.
template <typename Element> using Narrow = llvm::Error (*)(llvm::ArrayRef<float>, llvm::MutableArrayRef<Element>);

template <typename Element> void put(ByteSink sink, const std::vector<Element> &values) {
  sink(llvm::ArrayRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(Element)));
}

/// [N][K] as it is.
template <typename Element> llvm::Error writeRows(const WeightRows &rows, Narrow<Element> narrow, ByteSink sink) {
  std::vector<float> values(rows.width);
  std::vector<Element> stored(rows.width);
  for (int64_t row = 0; row < rows.count; ++row) {
    rows.read(row, values);
    if (llvm::Error error = narrow(values, stored))
      return error;
    put(sink, stored);
  }
  return llvm::Error::success();
}

/// [N][K] as [ceil(N/16)][ceil(K/c)][16][c], zero beyond N and K, where c Elements make a word of 4 bytes.
template <typename Element> llvm::Error writePanels(const WeightRows &rows, Narrow<Element> narrow, ByteSink sink) {
  constexpr int64_t perWord = 4 / sizeof(Element);
  const int64_t words = llvm::divideCeil(rows.width, perWord);
  std::vector<float> values(rows.width);
  std::vector<Element> row(words * perWord), panel(words * panelWidth * perWord);
  for (int64_t first = 0; first < rows.count; first += panelWidth) {
    for (int64_t n = 0; n < panelWidth; ++n) {
      if (first + n < rows.count) {
        rows.read(first + n, values);
        if (llvm::Error error = narrow(values, llvm::MutableArrayRef(row).take_front(rows.width)))
          return error;
      } else {
        std::fill(row.begin(), row.end(), Element());
      }
      for (int64_t word = 0; word < words; ++word)
        std::copy_n(&row[word * perWord], perWord, &panel[(word * panelWidth + n) * perWord]);
    }
    put(sink, panel);
  }
  return llvm::Error::success();
}

} // namespace lathe

#endif
