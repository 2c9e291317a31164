//===- Compile.cpp - lathe compile --------------------------------------------===//
#include "compiler/tools/lathe/ImportFlags.h"
#include "compiler/tools/lathe/Verbs.h"

#include "llvm/Support/FormatVariadic.h"

#include "backends/cpu/ProgramLevels.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/PlanFile.h"
#include "ir/xf/Int4.h"

#include "llvm/ADT/StringExtras.h"

namespace lathe {

namespace {
/// The flags as given; `resolve` turns them into the driver's options.
struct Flags {
  CompileOptions options;
  ImportFlags import;
  std::string attention = "model", cache = "model", activations = "dynamic", isa = "all", target = "cpu", stage,
              planFile;
  bool tune = false, noGraphPasses = false;

  llvm::Error resolve();
};
} // namespace

llvm::Error Flags::resolve() {
  if (!llvm::is_contained(precisionLadder(), options.plan.precision))
    return notBuiltYet("--precision " + options.plan.precision, acceptedPrecisions());
  if (!planFile.empty()) {
    llvm::Expected<PrecisionPlan> read = readPlan(planFile);
    if (!read)
      return read.takeError();
    options.plan = *read;
    options.searchPrecisions = false; // these are the user's
  }
  if (cache != "model" && cache != "int8")
    return llvm::createStringError("--cache is '" + cache + "'; accepted are model and int8");
  options.plan.cacheInBytes |= cache == "int8";
  if (attention != "model" && attention != "linear")
    return llvm::createStringError("--attention is '" + attention + "'; accepted are model and linear");
  options.plan.linearAttention |= attention == "linear";
  if (!xf::isInt4Group(options.group))
    return llvm::createStringError(llvm::formatv("--group-size is {0}; accepted are 32, 64, 128", options.group).str());
  options.native = isa == "native";
  llvm::Expected<llvm::SmallVector<IsaLevel>> levels = parseLevels(options.native ? "all" : isa);
  if (!levels)
    return llvm::createStringError("--isa: " + llvm::toString(levels.takeError()));
  options.levels = *levels;
  if (target != "cpu")
    return notBuiltYet("--target " + target, "cpu");
  if (options.maxDrift && !(*options.maxDrift >= 0))
    return llvm::createStringError(
        llvm::formatv("--max-drift is {0}; accepted are 0 and more", *options.maxDrift).str());
  if (tune)
    return notBuiltYet("--tune");
  if (!options.evalTask.empty() && options.evalTask != "sts")
    return notBuiltYet("--eval " + options.evalTask, "sts");
  llvm::Expected<ImportOptions> imported = import.resolve();
  if (!imported)
    return imported.takeError();
  options.import = *imported;
  if (!stage.empty()) {
    llvm::Expected<Stage> parsed = parseStage(stage);
    if (!parsed)
      return parsed.takeError();
    if (*parsed != Stage::Artifact)
      options.stopAfter = *parsed;
  }
  options.graphPasses = !noGraphPasses;
  if (activations != "dynamic" && activations != "static")
    return llvm::createStringError("--activations is '" + activations + "'; accepted are dynamic and static");
  options.staticActivations = activations == "static";
  return llvm::Error::success();
}

void addCompile(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("compile", "Compile a model directory into a library with its weights");
  auto flags = std::make_shared<Flags>();
  verb->add_option("MODEL", flags->options.model, "A Hugging Face or sentence-transformers directory")->required();
  verb->add_option("-o,--output", flags->options.output,
                   "Directory of the artifact; replaced in one step if it holds one");
  verb->add_option("--name", flags->options.name, "Name of the library (default: from the directory's name)");
  flags->import.declare(*verb);
  verb->add_option("--precision", flags->options.plan.precision,
                   "What products are computed from, in linears and tables: f32 (default), bf16, int8 or int4; with "
                   "--max-drift the cheapest allowed");
  verb->add_option(
      "--precision-plan", flags->planFile,
      "Instead: a JSON file with a precision for each part, or the manifest.json of an artifact that is to "
      "be compiled again");
  verb->add_option("--group-size", flags->options.group,
                   "With int4: how many weights share a step, 32, 64 (default) or 128");
  verb->add_option("--cache", flags->cache,
                   "What a decoder keeps keys and values in: model (default), as attention reads them, f32 or bf16; or "
                   "int8, with steps of their own for each token and head, which counts as drift");
  verb->add_option(
      "--attention", flags->attention,
      "What attention computes: model (default), what the model does; or linear, elu(x) + 1 in place of softmax, "
      "in time linear in the length, with --allow-approximate, since it counts as drift");
  verb->add_flag("--allow-approximate", flags->options.allowApproximate,
                 "Accept that attention computes something else than the model's");
  verb->add_option("--activations", flags->activations,
                   "Ranges of what products in int8 read: dynamic, each row's own (default), or static, from "
                   "--calibrate's inputs where another product computes it and so can store bytes at once");
  verb->add_option(
      "--isa", flags->isa,
      "Instruction set levels to generate: all that the model has code for (default); native, of these the one "
      "that this machine would choose; or a list of: avx512, avx512_vnni, avx512_bf16, amx");
  verb->add_option("--target", flags->target, "cpu");
  verb->add_option(
      "--calibrate", flags->options.calibrate,
      "Inputs to measure drift on (default: random ids), by which int8 and int4 are fitted to the model, too: a "
      "safetensors file, or a text a line");
  verb->add_option(
      "--max-drift", flags->options.maxDrift,
      "Raise precisions, part by part, until no output is further from f32: max |y - y_f32| / max(1, max |y_f32|), on "
      "--calibrate's inputs; fail if nothing but f32 meets it, or --precision-plan does not");
  verb->add_option("--eval", flags->options.evalTask,
                   "Measure a task in f32 and as compiled, on --eval-data: sts, Spearman's correlation as lathe eval");
  verb->add_option("--eval-data", flags->options.evalData, "The file for --eval: for sts a CSV file of scored pairs");
  verb->add_flag("--require-fusion", flags->options.requireFusion, "Fail when a fusion is declined");
  verb->add_flag("--strict", flags->options.strict, "Fail when the checkpoint has tensors the model does not use");
  verb->add_flag("--embed-weights", flags->options.embedWeights, "Put the weights inside the library");
  verb->add_flag("--tune", flags->tune, "Search kernel parameters on this machine (not supported yet)");
  verb->add_option("--compile-to", flags->stage,
                   "Stop after a stage and print its form: import, graph, precision, schedule, kernels, object");
  verb->add_option("--dump-stages", flags->options.dumpStages, "Directory to write every stage's form to");
  verb->footer(
      "Environment:\n"
      "  LATHE_OBJECT_CACHE  a directory, made if need be, to keep generated code in (up to 1 GB): what has been\n"
      "                      generated is not generated again");
  verb->add_flag("--no-graph-passes", flags->noGraphPasses, "Leave the graph unfused, for comparison")->group("");
  verb->callback([flags, verb, &line] {
    if (verb->count("--precision") && verb->count("--precision-plan"))
      throw UsageError("give either --precision or --precision-plan, not both");
    if (flags->options.output.empty() && flags->stage.empty())
      throw UsageError("compile needs -o DIR, or --compile-to STAGE");
    if (flags->options.maxDrift && flags->options.calibrate.empty())
      throw UsageError("--max-drift needs --calibrate FILE: the inputs on which drift is measured");
    if (flags->activations == "static" && flags->options.calibrate.empty())
      throw UsageError("--activations static needs --calibrate FILE: the inputs on which ranges are measured");
    if (flags->options.evalTask.empty() != flags->options.evalData.empty())
      throw UsageError("--eval TASK and --eval-data FILE go together");
    if (verb->count("--group-size") && flags->options.plan.precision != "int4" && flags->planFile.empty())
      throw UsageError("--group-size goes with --precision int4: other precisions have no groups");
    line.action = [flags]() -> llvm::Error {
      if (llvm::Error error = flags->resolve())
        return error;
      return compileModel(flags->options, llvm::errs());
    };
  });
}

} // namespace lathe
