//===- Pipelines.cpp - the passes of each stage -------------------------------===//
#include "compiler/pipelines/Pipelines.h"

#include "backends/cpu/Passes.h"
#include "backends/cpu/emit/Emit.h"
#include "passes/graph/Passes.h"
#include "passes/precision/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/verify/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe {

static void addGraphPasses(OpPassManager &pm, bool linearAttention) {
  pm.addPass(createFuseAttentionPass()); // first: afterwards only xf.attention mixes tokens
  pm.addPass(createPackTokensPass());    // so padding can go, before anything is sized by [batch, seq]
  if (linearAttention)
    pm.addPass(createLinearizeAttentionPass()); // once it is known which tokens attend to which
  pm.addPass(createMergeQkvPass());             // three products over the same input become one
  pm.addPass(createFuseLinearEpiloguePass());   // activation and residual while the tile is in registers
  pm.addPass(createFuseEmbeddingPass()); // the lookups that begin every model, before their sum is taken for a residual
  pm.addPass(createFuseResidualNormPass()); // what the epilogue could not take
  pm.addPass(createFormRowGroupsPass());    // then formulas that no kernel was written for
  pm.addPass(createNarrowRowsPass());       // the last layer's products, where one row of each sequence is read
  pm.addPass(createStackLayersPass());      // last: layers are alike now, and their number no longer matters
}

static void addSchedulePasses(OpPassManager &pm, bool cacheInBytes) {
  pm.addPass(createDeriveDecodePass({cacheInBytes}));    // first: precisions are chosen, and the copies have the same
  pm.addPass(createDeferLastLayerPass());                // of what these entries compute, part is rarely asked for
  pm.addPass(createShareWeightsPass());                  // what is packed below is known by its content
  pm.addPass(createSelectKernelsPass());                 // every op a launch; layers inlined into loops
  pm.addPass(createCanonicalizerPass());                 // most sizes are constants
  pm.addPass(createCSEPass());                           // and the others are asked for again and again
  pm.addNestedPass<func::FuncOp>(createPlanArenaPass()); // now that it is known which buffers there are
}

static void addKernelPasses(OpPassManager &pm, IsaLevel level) {
  pm.addPass(createBuildKernelsPass({level})); // first: entries refer to the functions
  pm.addPass(createLowerEntriesPass());
}

void addStagePasses(OpPassManager &pm, Stage stage, const PipelineOptions &options) {
  switch (stage) {
  case Stage::Import:
    pm.addPass(createVerifyImportPass());
    break;
  case Stage::Graph:
    if (options.graphPasses)
      addGraphPasses(pm, options.linearAttention);
    pm.addPass(createVerifyGraphPass());
    break;
  case Stage::Precision:
    pm.addPass(createAssignPrecisionPass({.precision = options.precision, .group = options.group}));
    pm.addPass(createSmoothFactorsPass()); // once it is known which products read bytes
    pm.addPass(createFixRangesPass());
    pm.addPass(createNarrowResultsPass()); // but for those whose reader has a range
    pm.addPass(createWeighColumnsPass());
    if (options.observe)
      pm.addPass(createObserveFactorsPass());
    pm.addPass(createVerifyPrecisionPass());
    break;
  case Stage::Schedule:
    addSchedulePasses(pm, options.cacheInBytes);
    pm.addPass(createVerifySchedulePass());
    break;
  case Stage::Kernels:
    addKernelPasses(pm, options.level);
    pm.addPass(createVerifyKernelsPass());
    break;
  case Stage::Object:
  case Stage::Artifact:
    break;
  }
}

void registerLathePasses() {
  registerLatheGraphPasses();
  registerLathePrecisionPasses();
  registerLatheSchedulePasses();
  registerLatheVerifyPasses();
  registerLatheCpuPasses();
  registerCSEPass();
  registerCanonicalizerPass();
}

void registerLatheDialects(DialectRegistry &registry) {
  registry.insert<xf::XfDialect, func::FuncDialect, arith::ArithDialect, scf::SCFDialect, memref::MemRefDialect,
                  vector::VectorDialect, cf::ControlFlowDialect, LLVM::LLVMDialect>();
  registerEmission(registry);
}

} // namespace lathe
