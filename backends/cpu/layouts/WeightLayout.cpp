#include "backends/cpu/layouts/WeightLayout.h"

using namespace mlir;

namespace lathe {

int64_t WeightLayout::bytes(Builder builder, ArrayRef<int64_t> shape) const {
  MemRefType stored = type(builder, shape);
  return stored.getNumElements() * stored.getElementTypeBitWidth() / 8;
}

const WeightLayout *lookupLayout(StringRef name) {
  static const WeightLayout *const layouts[] = {
#define LATHE_LAYOUT(NAME) &layout_##NAME(),
#include "backends/cpu/layouts/Layouts.def"
  };
  const auto *found = llvm::find_if(layouts, [&](const WeightLayout *layout) { return layout->name() == name; });
  return found == std::end(layouts) ? nullptr : *found;
}

} // namespace lathe
