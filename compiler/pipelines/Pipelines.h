//===- Pipelines.h - the passes of each stage ---------------------------------===//
#ifndef LATHE_COMPILER_PIPELINES_PIPELINES_H
#define LATHE_COMPILER_PIPELINES_PIPELINES_H

#include "backends/cpu/IsaLevel.h"
#include "compiler/pipelines/Stages.h"

#include "mlir/Pass/PassManager.h"

#include <string>

namespace lathe {

struct PipelineOptions {
  bool graphPasses = true;           ///< off: the unfused form, for comparison
  bool linearAttention = false;      ///< elu(x) + 1 in place of softmax
  std::string precision = "f32";     ///< what products are computed from: f32, bf16, int8 or int4
  int64_t group = 64;                ///< weights in a group of int4
  bool cacheInBytes = false;         ///< keys and values that are kept between runs, in int8
  bool observe = false;              ///< have steps show what linears read; in f32
  IsaLevel level = IsaLevel::Avx512; ///< that stage kernels is for; stages before it know no level
};

/// Adds the passes that bring a module from the stage before to the end of `stage`, its verifier last. Stages `import`,
/// `object` and `artifact` are no pass pipelines and add nothing but, for import, its verifier.
void addStagePasses(mlir::OpPassManager &manager, Stage stage, const PipelineOptions &options);

/// Every pass of the project, for lathe-opt.
void registerLathePasses();
/// Every dialect that the passes use.
void registerLatheDialects(mlir::DialectRegistry &registry);

} // namespace lathe

#endif
