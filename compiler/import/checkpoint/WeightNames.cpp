#include "compiler/import/checkpoint/WeightNames.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lathe;
using llvm::createStringError;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

static std::string canonicalName(StringRef name, const NamingRules &rules) {
  name.consume_front(rules.basePrefix);
  if (rules.rename)
    return rules.rename(name);
  if (name.ends_with("LayerNorm.gamma"))
    return (name.drop_back(StringRef("gamma").size()) + "weight").str();
  if (name.ends_with("LayerNorm.beta"))
    return (name.drop_back(StringRef("beta").size()) + "bias").str();
  return name.str();
}

static bool endsWithComponents(StringRef name, StringRef components) {
  return name.consume_back(components) && (name.empty() || name.ends_with("."));
}

Expected<WeightNames> WeightNames::build(const Checkpoint &checkpoint, const NamingRules &rules) {
  WeightNames names;
  for (const TensorView *tensor : checkpoint.tensors())
    if (llvm::none_of(rules.ignoredBuffers, [&](StringRef end) { return endsWithComponents(tensor->name, end); }))
      names.sorted.push_back({canonicalName(tensor->name, rules), tensor});
  llvm::sort(names.sorted, [](const NamedWeight &a, const NamedWeight &b) {
    return std::tie(a.name, a.tensor->name) < std::tie(b.name, b.tensor->name);
  });

  auto isStoredTwice = [](const NamedWeight &a, const NamedWeight &b) {
    return a.name == b.name && a.tensor->dtype == b.tensor->dtype && a.tensor->shape == b.tensor->shape &&
           a.tensor->bytes == b.tensor->bytes;
  };
  if (rules.mayRepeat)
    names.sorted.erase(std::unique(names.sorted.begin(), names.sorted.end(), isStoredTwice), names.sorted.end());
  auto twin =
      llvm::adjacent_find(names.sorted, [](const NamedWeight &a, const NamedWeight &b) { return a.name == b.name; });
  if (twin != names.sorted.end())
    return createStringError(formatv("'{0}': the tensors {1} and {2} both mean {3}; accepted: one of them",
                                     checkpoint.directory(), quote(twin->tensor->name),
                                     quote(std::next(twin)->tensor->name), quote(twin->name)));
  return names;
}

const TensorView *WeightNames::find(StringRef name) const {
  auto found = llvm::partition_point(sorted, [&](const NamedWeight &weight) { return weight.name < name; });
  return found != sorted.end() && found->name == name ? found->tensor : nullptr;
}
