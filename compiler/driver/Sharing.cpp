//===- Sharing.cpp - what storing equal weights once has saved ----------------===//
#include "compiler/driver/Sharing.h"

#include "ir/xf/XfDialect.h"

using namespace mlir;

namespace lathe {

WeightSharing describeSharing(ModuleOp scheduled) {
  WeightSharing sharing;
  for (auto packed : scheduled.getOps<xf::PackedWeightOp>()) {
    if (packed.getUses() == 1)
      continue;
    SharedTensor &tensor = sharing.tensors.emplace_back(SharedTensor{{}, packed.getUses(), packed.getBytes()});
    for (auto source : packed.getSources().getAsRange<FlatSymbolRefAttr>())
      tensor.sources.push_back(source.getValue().str());
    sharing.bytesSaved += (packed.getUses() - 1) * packed.getBytes();
  }
  DenseMap<Attribute, StringRef> first;
  for (auto weight : scheduled.getOps<xf::WeightOp>())
    if (auto [place, isNew] = first.try_emplace(weight.getValue(), weight.getSymName()); !isNew)
      sharing.equal.push_back({weight.getSymName().str(), place->second.str()});
  return sharing;
}

} // namespace lathe
