//===- ShareWeights.cpp - weights with one content have one value -------------===//
#include "passes/schedule/Passes.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/xxhash.h"

#include <map>
#include <optional>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SHAREWEIGHTSPASS
#include "passes/schedule/Passes.h.inc"

namespace {

/// The bytes of a weight that stays.
struct Content {
  DenseResourceElementsAttr value;
  ArrayRef<char> bytes;
  std::optional<uint64_t> hash = std::nullopt; ///< of all bytes, once another weight begins like this one

  /// Equal hashes are no proof: the bytes decide. Different ones spare their comparison, so that many weights that
  /// begin alike cost one reading each and not one for each pair.
  bool equals(Content &other) { return getHash() == other.getHash() && bytes == other.bytes; }
  uint64_t getHash() {
    if (!hash)
      hash = llvm::xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
    return *hash;
  }
};

/// Weights are told apart by type and by how they begin, so that of a weight without a twin nearly nothing is read. A
/// type is known by its text: the order of pointers is another on every run.
using Beginning = std::pair<std::string, uint64_t>;

Beginning beginningOf(const Content &content) {
  constexpr size_t pageBytes = 4096;
  std::string type;
  llvm::raw_string_ostream(type) << content.value.getType();
  ArrayRef<char> first = content.bytes.take_front(pageBytes);
  return {type, llvm::xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(first.data()), first.size()))};
}

struct ShareWeights : impl::ShareWeightsPassBase<ShareWeights> {
  void runOnOperation() override {
    std::map<Beginning, std::vector<Content>> kept;
    for (auto weight : getOperation().getOps<xf::WeightOp>()) {
      auto value = dyn_cast<DenseResourceElementsAttr>(weight.getValue());
      if (!value) // numbers in the text of the IR: equal ones are one attribute already
        continue;
      Content content = {value, value.getRawHandle().getBlob()->getData()};
      std::vector<Content> &alike = kept[beginningOf(content)];
      auto twin = llvm::find_if(alike, [&](Content &other) { return content.equals(other); });
      if (twin != alike.end())
        weight.setValueAttr(twin->value);
      else
        alike.push_back(content);
    }
  }
};

} // namespace
} // namespace lathe
