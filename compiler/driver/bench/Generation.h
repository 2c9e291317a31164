//===- Generation.h - a model that writes, as lathe bench times it ------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_GENERATION_H
#define LATHE_COMPILER_DRIVER_BENCH_GENERATION_H

#include "compiler/driver/Writing.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// Prompts of a workload, and calls that go on with them, greedily or with beams, whatever else the model's own options
/// ask for: no token is forbidden, and none ends a text.
class GenerationRun {
public:
  /// Must not outlive the model.
  static llvm::Expected<GenerationRun> create(const LoadedModel &model, const Workload &workload);
  /// For a context that these calls keep within the budget of.
  RunOptions contextOptions(int64_t threads) const;

  /// Writes so many tokens behind each prompt, and gives them.
  llvm::Expected<std::vector<std::vector<int32_t>>> write(const RunContext &context, int64_t newTokens);
  /// As many as the workload asks for.
  llvm::Expected<std::vector<std::vector<int32_t>>> write(const RunContext &context) {
    return write(context, what.newTokens);
  }
  /// "logits" [batch, vocabulary] of what comes behind the prompts.
  llvm::Expected<FloatTensor> logits(const RunContext &context) const;

private:
  GenerationRun(const LoadedModel &model, Generation what, PromptTokens prompts, WritingOptions options)
      : model(&model), what(what), prompts(std::move(prompts)), options(std::move(options)) {}

  const LoadedModel *model;
  Generation what;
  PromptTokens prompts;
  WritingOptions options;
};

} // namespace lathe

#endif
