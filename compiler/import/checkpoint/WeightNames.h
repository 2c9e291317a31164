// The names that a family knows its weights by, and the names that files have used for them.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTNAMES_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTNAMES_H

#include "compiler/import/checkpoint/Checkpoint.h"

namespace lathe {

struct NamingRules {
  /// Taken off names that begin with it: "bert." in a file saved from BertForMaskedLM. Empty: none.
  llvm::StringRef basePrefix;
  /// Tensors that are no weights, by the end of their name: "position_ids". A whole component must match.
  llvm::ArrayRef<llvm::StringRef> ignoredBuffers;
  /// What a name without the prefix becomes, where files have their own order of components; null: it stays.
  std::string (*rename)(llvm::StringRef name) = nullptr;
  /// Files may hold what parts of the model share under the names of both: tensors that are equal, to the bit.
  bool mayRepeat = false;
};

struct NamedWeight {
  std::string name; ///< canonical
  const TensorView *tensor;
};

/// A checkpoint's tensors by canonical name: without the base model's prefix, without ignored buffers, and with
/// `LayerNorm.gamma` and `.beta`, as TensorFlow wrote them, renamed to `LayerNorm.weight` and `.bias`.
class WeightNames {
public:
  /// Two tensors with one canonical name are an error that names both. The checkpoint must outlive the result.
  static llvm::Expected<WeightNames> build(const Checkpoint &checkpoint, const NamingRules &rules);

  /// Sorted by name.
  llvm::ArrayRef<NamedWeight> weights() const { return sorted; }
  /// The tensor of that canonical name, or null.
  const TensorView *find(llvm::StringRef name) const;

private:
  std::vector<NamedWeight> sorted;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTNAMES_H
