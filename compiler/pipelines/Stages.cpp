//===- Stages.cpp - the forms a model goes through ----------------------------===//
#include "compiler/pipelines/Stages.h"

#include <string>

namespace lathe {

static constexpr StageInfo stages[] = {
    {Stage::Import, "import", "unfused dense xf ops, one function per kind of layer, weights in the mapped checkpoint"},
    {Stage::Graph, "graph", "fused and packed xf ops, layers in a loop over a table of weights, every fusion recorded"},
    {Stage::Precision, "precision", "an element type for every op"},
    {Stage::Schedule, "schedule",
     "kernel launches over planned buffers, weights with their layouts, memory as a formula"},
    {Stage::Kernels, "kernels", "functions in upstream dialects only, one per kernel and entry"},
    {Stage::Object, "object", "ELF objects per ISA level"},
    {Stage::Artifact, "artifact", "library, header, weights and manifest"},
};

llvm::ArrayRef<StageInfo> allStages() { return stages; }

llvm::StringRef stageName(Stage stage) { return stages[size_t(stage)].name; }

llvm::Expected<Stage> parseStage(llvm::StringRef name) {
  std::string accepted;
  for (const StageInfo &info : stages) {
    if (info.name == name)
      return info.stage;
    accepted += (accepted.empty() ? "" : ", ") + info.name.str();
  }
  return llvm::createStringError("unknown stage '" + name + "'; accepted are " + accepted);
}

} // namespace lathe
