//===- Labels.cpp - the classes that a classifier tells apart -----------------===//
#include "compiler/import/Labels.h"

namespace lathe {

llvm::Expected<Labels> readLabels(const JsonDocument &config) {
  constexpr int64_t mostLabels = 1 << 20;
  Labels labels;
  JsonFields fields(config);
  fields.readObject("id2label", [&](JsonFields &byId) {
    const std::vector<llvm::StringRef> ids = byId.names();
    labels.names.resize(ids.size());
    std::vector<bool> given(ids.size());
    for (llvm::StringRef id : ids) {
      uint64_t index;
      if (id.getAsInteger(10, index) || index >= ids.size() || given[index])
        return byId.reject(id, "is the number of a class; accepted are 0 to " + llvm::Twine(ids.size() - 1) +
                                   ", each once");
      given[index] = true;
      labels.names[index] = byId.getString(id);
    }
  });
  if (labels.names.empty())
    for (int64_t index = 0, count = fields.getInt("num_labels", 2, 1, mostLabels); index < count; ++index)
      labels.names.push_back("LABEL_" + std::to_string(index));
  labels.problem = fields.getOptionalString("problem_type").value_or("");
  if (llvm::Error error = fields.takeError())
    return std::move(error);
  return labels;
}

} // namespace lathe
