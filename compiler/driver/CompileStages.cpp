//===- CompileStages.cpp - the stages of one run of the compiler --------------===//
#include "backends/cpu/HalideFunctions.h"
#include "backends/cpu/LoweredEntry.h"
#include "backends/cpu/ProgramLevels.h"
#include "backends/cpu/emit/ObjectCache.h"
#include "compiler/driver/Compilation.h"
#include "compiler/driver/FileWriter.h"
#include "compiler/driver/PlanFile.h"
#include "ir/xf/XfDialect.h"
#include "runtime/core/Cpu.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

namespace lathe {

/// The one of these levels that a library would choose on this machine.
static llvm::Expected<IsaLevel> nativeLevel(ArrayRef<IsaLevel> levels) {
  unsigned compiled = 0;
  for (IsaLevel level : levels)
    compiled |= 1u << unsigned(level);
  int level = 0;
  lathe_error error = {};
  if (selectLevel(readCpu(), /*requested=*/nullptr, compiled, level, &error))
    return llvm::createStringError("--isa native: " + Twine(error.message));
  return IsaLevel(level);
}

llvm::Error Compilation::stages() {
  for (Stage stage : {Stage::Graph, Stage::Precision, Stage::Schedule}) {
    if (options.stopAfter && *options.stopAfter < stage)
      return llvm::Error::success();
    if (stage == Stage::Precision && !options.calibrate.empty() && readsBytes(plan))
      if (llvm::Error error = applyCalibration())
        return error;
    if (stage == Stage::Precision && options.maxDrift && options.searchPrecisions && !plan.computesInF32())
      if (llvm::Error error = search())
        return error;
    if (stage == Stage::Precision)
      setOverrides(*model.module, plan);
    if (stage == Stage::Graph && plan.linearAttention)
      if (llvm::Error error = allowApproximation())
        return error;
    if (llvm::Error error = runStage(*model.module, stage,
                                     {.graphPasses = options.graphPasses,
                                      .linearAttention = plan.linearAttention,
                                      .precision = plan.precision,
                                      .group = options.group,
                                      .cacheInBytes = plan.cacheInBytes,
                                      .observe = options.observe}))
      return error;
    if (stage == Stage::Precision && options.staticActivations)
      model.module->walk([&](xf::LinearOp linear) {
        if (linear.getRange())
          facts.staticInputs.push_back(linear->getParentOfType<func::FuncOp>().getSymName().str());
      });
    if (stage == Stage::Graph)
      if (llvm::Error error = graphChecks())
        return error;
    if (stage == Stage::Schedule && plan.cacheInBytes)
      if (llvm::Error error = expectCache())
        return error;
    if (stage == Stage::Schedule)
      facts.sharing = describeSharing(*model.module);
    if (llvm::Error error = endStage(stage, describe(stage)))
      return error;
  }
  return options.stopAfter && *options.stopAfter < Stage::Kernels ? llvm::Error::success() : kernels();
}

llvm::Error Compilation::kernels() {
  facts.fusions = getFusionRecords(*model.module); // with what the schedule did or declined
  facts.levels = options.levels.empty() ? programLevels(*model.module) : options.levels;
  if (options.native) {
    llvm::Expected<IsaLevel> level = nativeLevel(facts.levels);
    if (!level)
      return level.takeError();
    facts.levels = {*level};
  }
  for (IsaLevel level : facts.levels)
    code.push_back({level, model.module->clone(), {}});
  for (LevelCode &at : code) {
    if (llvm::Error error = runStage(*at.kernels, Stage::Kernels, {.level = at.level}))
      return error;
    if (llvm::Error error = dump(Stage::Kernels, suffix(at.level, ".mlir"), *at.kernels))
      return error;
  }
  progress.finish(stageName(Stage::Kernels),
                  llvm::formatv("{0} functions", llvm::range_size(code.front().kernels->getOps<func::FuncOp>())));
  if (stops(Stage::Kernels))
    printForm(*code.back().kernels, llvm::outs());
  return llvm::Error::success();
}

/// What a model does not compute has to be asked for twice; what it computes anyway is no approximation.
llvm::Error Compilation::allowApproximation() {
  size_t softmaxes = 0;
  model.module->walk([&](xf::SoftmaxOp) { ++softmaxes; });
  plan.linearAttention = softmaxes;
  if (!plan.linearAttention)
    return llvm::Error::success();
  if (!options.graphPasses)
    return llvm::createStringError("--attention linear: the graph passes are off");
  if (!options.allowApproximate)
    return llvm::createStringError(
        "--attention linear: the model's attention is softmax, and linear attention computes something else; accepted "
        "with --allow-approximate, where the certificate states how far results are from the model's");
  return llvm::Error::success();
}

/// A cache whose form was asked for must be there.
llvm::Error Compilation::expectCache() {
  if (xf::findDerivedEntry(*model.module, "decode"))
    return llvm::Error::success();
  std::string reason = "it computes no logits of what comes next";
  for (const FusionRecord &record : getFusionRecords(*model.module))
    if (!record.made && record.pass == "DeriveDecode")
      reason = record.reason;
  return llvm::createStringError("--cache int8: the model keeps nothing between runs: " + reason);
}

llvm::Error Compilation::graphChecks() {
  facts.fusions = getFusionRecords(*model.module);
  if (!options.requireFusion)
    return llvm::Error::success();
  if (!options.graphPasses)
    return llvm::createStringError("--require-fusion: the graph passes are off");
  for (const FusionRecord &record : facts.fusions)
    if (!record.made && llvm::is_contained({"FuseAttention", "MergeQkv", "PackTokens"}, record.pass))
      return llvm::createStringError("--require-fusion: " + record.pass + " declined " + record.what + " in @" +
                                     record.where + ": " + record.reason);
  return llvm::Error::success();
}

std::string Compilation::describe(Stage stage) {
  ModuleOp module = *model.module;
  switch (stage) {
  case Stage::Graph: {
    size_t made = llvm::count_if(facts.fusions, [](const FusionRecord &record) { return record.made; });
    return options.graphPasses
               ? llvm::formatv("{0} fusions made, {1} declined", made, facts.fusions.size() - made).str()
               : "left as imported (graph passes off)";
  }
  case Stage::Precision:
    return planText(plan);
  case Stage::Schedule: {
    unsigned launches = 0;
    module.walk([&](xf::LaunchOp) { ++launches; });
    return llvm::formatv("{0} launches of {1} kernels", launches, llvm::range_size(module.getOps<xf::KernelOp>()));
  }
  default:
    return "";
  }
}

llvm::Error Compilation::objects() {
  const ObjectCache cache = ObjectCache::ofUser();
  std::vector<std::string> sizes;
  for (LevelCode &at : code) {
    std::string irText, assemblyText;
    bool prints = stops(Stage::Object) && &at == &code.back(), dumps = !options.dumpStages.empty();
    llvm::Expected<ObjectBytes> emitted =
        emitProgram(*at.kernels, {.level = at.level,
                                  .cache = &cache,
                                  .irText = dumps ? &irText : nullptr,
                                  .assemblyText = dumps || prints ? &assemblyText : nullptr});
    if (!emitted)
      return emitted.takeError();
    at.object = std::move(*emitted);
    sizes.push_back((lathe::describe(at.level).name + ", " + sizeText(at.object.size())).str());
    for (auto [ending, contents] : {std::pair<StringRef, StringRef>{".ll", irText},
                                    {".s", assemblyText},
                                    {".o", StringRef(at.object.data(), at.object.size())}})
      if (llvm::Error error = dump(Stage::Object, suffix(at.level, ending), contents))
        return error;
    if (prints)
      llvm::outs() << assemblyText;
  }
  progress.finish("object", llvm::join(sizes, "; "));
  return llvm::Error::success();
}

/// Of a dump, which names its level where there are several.
std::string Compilation::suffix(IsaLevel level, StringRef suffix) {
  return code.size() > 1 ? ("." + lathe::describe(level).name + suffix).str() : suffix.str();
}

/// Ends a stage: reports it, dumps it, prints it if it is the last.
llvm::Error Compilation::endStage(Stage stage, const Twine &what) {
  progress.finish(stageName(stage), what);
  if (stops(stage))
    printForm(*model.module, llvm::outs());
  return dump(stage, ".mlir", *model.module);
}

llvm::Error Compilation::dump(Stage stage, StringRef suffix, ModuleOp module) {
  if (options.dumpStages.empty())
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream stream(text);
  printForm(module, stream);
  return dump(stage, suffix, text);
}

llvm::Error Compilation::dump(Stage stage, StringRef suffix, StringRef contents) {
  if (options.dumpStages.empty())
    return llvm::Error::success();
  if (std::error_code error = llvm::sys::fs::create_directories(options.dumpStages))
    return llvm::createStringError("cannot create '" + options.dumpStages + "': " + error.message());
  return writeFile(llvm::formatv("{0}/0{1}-{2}{3}", options.dumpStages, int(stage) + 1, stageName(stage), suffix).str(),
                   contents);
}

} // namespace lathe
