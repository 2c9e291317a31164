#include "backends/cpu/kernels/MicroTile.h"

using namespace mlir;

namespace lathe {

KernelBuilder::Values emitTile(KernelBuilder &b, ValueRange rows, int64_t panels, PackedPanels packed, Value depth,
                               ValueRange initial, int64_t prefetchLines) {
  constexpr int64_t lanes = KernelBuilder::lanes;
  KernelBuilder::Values bases;
  for (int64_t p = 0; p < panels; ++p)
    bases.push_back(b.at(packed.base, b.mul(packed.stride, p)));
  return b.forRange(b.integer(0), depth, 1, initial, [&](Value k, ValueRange carried) {
    Value line = b.mul(k, lanes);
    KernelBuilder::Values columns, sums(carried);
    for (Value base : bases) {
      if (prefetchLines)
        b.prefetch(b.at(base, b.add(line, prefetchLines * lanes)));
      columns.push_back(b.load(b.at(base, line)));
    }
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value x = b.broadcast(b.loadScalar(b.at(row, k)));
      for (int64_t p = 0; p < panels; ++p)
        sums[r * panels + p] = b.fma(x, columns[p], sums[r * panels + p]);
    }
    return sums;
  });
}

} // namespace lathe
