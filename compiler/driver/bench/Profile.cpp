//===- Profile.cpp - times of the steps of a run ------------------------------===//
#include "compiler/driver/bench/Profile.h"

#include <chrono>

using llvm::Error;
using llvm::Expected;

namespace lathe {

Expected<std::vector<lathe_profile_step>> profileSteps(const LoadedModel &model, const lathe_entry_info &entry,
                                                       int64_t threads, const Workload &workload) {
  Expected<RunContext> context =
      model.createContext({.threads = threads, .maxTokens = workload.batch() * workload.longest(), .profile = true});
  if (!context)
    return context.takeError();
  std::vector<lathe_tensor> inputs = workload.inputs.views();
  Expected<std::vector<FloatTensor>> outputs = context->prepare(entry, inputs);
  if (!outputs)
    return outputs.takeError();
  auto began = std::chrono::steady_clock::now();
  do {
    if (Error error = context->run(entry, inputs, *outputs))
      return std::move(error);
  } while (std::chrono::steady_clock::now() - began < std::chrono::seconds(1));
  return context->profile();
}

} // namespace lathe
