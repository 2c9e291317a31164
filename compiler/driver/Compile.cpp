//===- Compile.cpp - from a model directory to an artifact --------------------===//
#include "compiler/driver/Compile.h"

#include "backends/cpu/Descriptor.h"
#include "backends/cpu/Passes.h"
#include "backends/cpu/ProgramLevels.h"
#include "backends/cpu/RowKernels.h"
#include "compiler/driver/FileWriter.h"
#include "compiler/driver/Link.h"
#include "compiler/driver/Manifest.h"
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/Package.h"
#include "compiler/driver/Progress.h"
#include "compiler/import/tokenizer/CompileTokenizer.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string defaultName(StringRef modelPath) {
  SmallString<128> path(modelPath);
  llvm::sys::fs::make_absolute(path);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  std::string name;
  for (char c : llvm::sys::path::filename(path))
    name += llvm::isAlnum(c) ? llvm::toLower(c) : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name = "m_" + name;
  return name;
}

llvm::Error checkName(StringRef name) {
  bool good = !name.empty() && name.size() <= 200 && !llvm::isDigit(name.front()) &&
              llvm::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || llvm::isDigit(c) || c == '_'; });
  if (!good)
    return llvm::createStringError(
        "name '" + name + "' cannot name a library: accepted are lower-case letters, digits and '_', no digit first");
  // lathe_<name> must not be a name of the ABI's own.
  for (StringRef taken : {"runtime_api", "api", "program_v1"})
    if (name == taken)
      return llvm::createStringError("name '" + name + "' is taken by Lathe itself");
  return llvm::Error::success();
}

int64_t maximumLength(const ImportedModel &model, int64_t modelMaxLength, int64_t truncationLength) {
  int64_t length = model.sentenceMaxLength ? *model.sentenceMaxLength
                   : modelMaxLength        ? modelMaxLength
                                           : truncationLength;
  if (length && model.positionLimit)
    length = std::min(length, model.positionLimit);
  return length;
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

std::unique_ptr<MLIRContext> createContext() {
  DialectRegistry registry;
  registerLatheDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

llvm::Error runStage(ModuleOp module, Stage stage, const PipelineOptions &options) {
  std::string messages;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
  });
  PassManager manager(module.getContext());
  addStagePasses(manager, stage, options);
  if (failed(manager.run(module)))
    return llvm::createStringError("stage '" + stageName(stage) + "' failed: " + messages);
  return llvm::Error::success();
}

static void print(ModuleOp module, llvm::raw_ostream &os) {
  OpPrintingFlags flags;
  flags.elideLargeResourceString(0).elideLargeElementsAttrs(16).useLocalScope().printNameLocAsPrefix();
  module.print(os, flags);
  os << "\n";
}

namespace {

/// One run of the compiler; its members are what later steps need of earlier ones.
class Compilation {
public:
  Compilation(const CompileOptions &options, llvm::raw_ostream &log) : options(options), log(log), progress(log) {}

  llvm::Error run();

private:
  llvm::Error import();
  llvm::Error stages();
  llvm::Error graphChecks();
  llvm::Error kernels();
  llvm::Error objects();
  SmallVector<StringRef> objectFiles() const {
    return llvm::map_to_vector(code, [](const LevelCode &at) { return StringRef(at.object.data(), at.object.size()); });
  }
  llvm::Error certify();
  llvm::Error artifact(OutputDirectory &output);
  llvm::Error link(OutputDirectory &output, const std::string &weightsPath);
  void summarize(const OutputDirectory &output);

  bool stops(Stage stage) const { return options.stopAfter == stage; }
  llvm::Error dump(Stage stage, StringRef suffix, StringRef contents);
  llvm::Error dump(Stage stage, StringRef suffix, ModuleOp module);
  llvm::Error endStage(Stage stage, const Twine &what);
  std::string describe(Stage stage);
  std::string suffix(IsaLevel level, StringRef suffix);

  const CompileOptions &options;
  llvm::raw_ostream &log;
  Progress progress;
  std::unique_ptr<MLIRContext> context = createContext();
  ImportedModel model;
  std::optional<CompiledTokenizer> tokenizer;
  std::string name;
  /// From stage kernels on there is a form for each ISA level; `model.module` stays as scheduled.
  struct LevelCode {
    IsaLevel level;
    OwningOpRef<ModuleOp> kernels;
    ObjectBytes object;
  };
  std::vector<LevelCode> code; ///< ascending
  ManifestFacts facts;
};

llvm::Error Compilation::run() {
  name = options.name.empty() ? defaultName(options.model) : options.name;
  if (llvm::Error error = checkName(name))
    return error;
  std::optional<OutputDirectory> output;
  if (!options.stopAfter) { // before any work: a destination that cannot be used is better known at once
    llvm::Expected<OutputDirectory> created = OutputDirectory::create(options.output);
    if (!created)
      return created.takeError();
    output.emplace(std::move(*created));
  }
  log << "compiling " << options.model << "\n";
  if (llvm::Error error = import())
    return error;
  if (llvm::Error error = stages())
    return error;
  if (options.stopAfter && *options.stopAfter < Stage::Object)
    return llvm::Error::success();
  if (llvm::Error error = objects())
    return error;
  if (!output)
    return llvm::Error::success();
  if (options.certify && options.precision != "f32")
    if (llvm::Error error = certify())
      return error;
  return artifact(*output);
}

llvm::Error Compilation::import() {
  llvm::Expected<ImportedModel> imported = importModel(context.get(), options.model, options.import);
  if (!imported)
    return imported.takeError();
  model = std::move(*imported);
  if (!model.unknownWeights.empty()) {
    std::string names = llvm::join(ArrayRef(model.unknownWeights).take_front(10), ", ");
    if (model.unknownWeights.size() > 10)
      names += ", and " + std::to_string(model.unknownWeights.size() - 10) + " more (lathe explain lists them)";
    if (options.strict)
      return llvm::createStringError("unknown tensors in the checkpoint (--strict): " + names);
    log << "warning: the checkpoint has tensors that the model does not use: " << names << "\n";
  }
  llvm::Expected<std::optional<CompiledTokenizer>> compiled =
      compileTokenizer(model.tokenizerDirectory, {.lowerFirst = model.lowerCaseText});
  if (compiled)
    tokenizer = std::move(*compiled);
  else if (llvm::Error error = llvm::handleErrors(compiled.takeError(), [&](const UnsupportedTokenizer &unsupported) {
             facts.noTokenizer = unsupported.reason();
             log << "warning: " << unsupported.message() << "; inputs are token ids only\n";
           }))
    return error;

  facts.task = taskName(model.task);
  facts.poolings = model.poolings;
  facts.normalize = model.normalize;
  facts.architecture = model.architecture;
  facts.modelType = model.checkpoint->modelType();
  facts.unknownWeights = model.unknownWeights;
  facts.unusedWeights = model.unusedWeights;
  facts.positionLimit = model.positionLimit;
  unsigned tensors = 0;
  for (auto weight : model.module->getOps<xf::WeightOp>()) {
    facts.parameters += weight.getLoadedType().getNumElements();
    ++tensors;
  }
  if (tokenizer) {
    facts.tokenizerKind = tokenizer->kind;
    facts.vocabularySize = tokenizer->vocabularySize;
    facts.maxLength = maximumLength(model, tokenizer->modelMaxLength, tokenizer->truncationLength);
  }
  if (llvm::Error error = runStage(*model.module, Stage::Import, {}))
    return error;
  return endStage(Stage::Import, Twine(tensors) + " tensors, " + Twine(facts.parameters) + " parameters, " +
                                     sizeText(model.checkpoint->totalBytes()) + " mapped");
}

llvm::Error Compilation::stages() {
  for (Stage stage : {Stage::Graph, Stage::Precision, Stage::Schedule}) {
    if (options.stopAfter && *options.stopAfter < stage)
      return llvm::Error::success();
    if (llvm::Error error =
            runStage(*model.module, stage, {.graphPasses = options.graphPasses, .precision = options.precision}))
      return error;
    if (stage == Stage::Graph)
      if (llvm::Error error = graphChecks())
        return error;
    if (stage == Stage::Schedule)
      facts.sharing = describeSharing(*model.module);
    if (llvm::Error error = endStage(stage, describe(stage)))
      return error;
  }
  return options.stopAfter && *options.stopAfter < Stage::Kernels ? llvm::Error::success() : kernels();
}

llvm::Error Compilation::kernels() {
  facts.levels = options.levels.empty() ? programLevels(*model.module) : options.levels;
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
    print(*code.back().kernels, llvm::outs());
  return llvm::Error::success();
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
    return options.precision == "f32" ? "f32 throughout" : options.precision + " products and tables, f32 between them";
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
  std::vector<std::string> sizes;
  for (LevelCode &at : code) {
    std::string irText, assemblyText;
    bool prints = stops(Stage::Object) && &at == &code.back(), dumps = !options.dumpStages.empty();
    llvm::Expected<ObjectBytes> emitted =
        emitProgram(*at.kernels, {.level = at.level,
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
    print(*model.module, llvm::outs());
  return dump(stage, ".mlir", *model.module);
}

llvm::Error Compilation::dump(Stage stage, StringRef suffix, ModuleOp module) {
  if (options.dumpStages.empty())
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream stream(text);
  print(module, stream);
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

/// Measures the drift of the precision, and fails where it is larger than allowed.
llvm::Error Compilation::certify() {
  auto compileProbe = [&](StringRef precision, const std::string &directory) {
    CompileOptions probe = options;
    probe.output = directory;
    probe.name = "probe";
    probe.precision = precision.str();
    probe.levels = {IsaLevel::Avx512};
    probe.certify = probe.embedWeights = probe.requireFusion = false;
    probe.dumpStages.clear();
    return compileModel(probe, llvm::nulls());
  };
  llvm::Expected<DriftReport> report = measureDrift(compileProbe, options.precision, options.calibrate);
  if (!report)
    return llvm::createStringError("measuring drift: " + llvm::toString(report.takeError()));
  facts.drift = std::move(*report);
  const double drift = facts.drift->drift();
  progress.finish("drift", llvm::formatv("{0:e1} at most from f32, on {1} sequences ({2})", drift,
                                         facts.drift->sequences, facts.drift->inputs));
  if (options.maxDrift && !(drift <= *options.maxDrift))
    return llvm::createStringError(llvm::formatv("--max-drift {0:e2}: the outputs in {1} are up to {2:e2} from f32's",
                                                 *options.maxDrift, options.precision, drift)
                                       .str());
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The artifact
//===----------------------------------------------------------------------===//

/// 32 hexadecimal digits of everything that code and weights are made of.
static std::string buildId(ArrayRef<StringRef> objects, const PackedWeights &weights, StringRef name) {
  llvm::BLAKE3 hash;
  hash.update(latheVersion);
  hash.update(name);
  for (StringRef object : objects)
    hash.update(object);
  hash.update(runtimeObject());
  hash.update(weights.header.content_hash);
  return llvm::toHex(hash.final<16>(), /*LowerCase=*/true);
}

/// Bytes of the library that are code and constants.
static llvm::Expected<uint64_t> codeBytes(StringRef library) {
  auto file = llvm::object::ObjectFile::createObjectFile(library);
  if (!file)
    return file.takeError();
  uint64_t bytes = 0;
  for (const llvm::object::SectionRef &section : file->getBinary()->sections()) {
    llvm::Expected<StringRef> name = section.getName();
    if (name && (section.isText() || name->starts_with(".rodata") || name->starts_with(".data.rel.ro")))
      bytes += section.getSize();
    if (!name)
      llvm::consumeError(name.takeError());
  }
  return bytes;
}

static llvm::Expected<ManifestFacts::File> describeFile(const OutputDirectory &output, StringRef name) {
  auto contents = llvm::MemoryBuffer::getFile(output.file(name), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!contents)
    return llvm::createStringError("cannot read '" + output.file(name) + "': " + contents.getError().message());
  return ManifestFacts::File{
      name.str(), (*contents)->getBufferSize(),
      llvm::toHex(llvm::BLAKE3::hash<32>(llvm::arrayRefFromStringRef((*contents)->getBuffer())), true)};
}

llvm::Error Compilation::artifact(OutputDirectory &output) {
  std::string weightsPath = output.file(name + ".weights");
  ArrayRef<uint8_t> tables = tokenizer ? ArrayRef<uint8_t>(tokenizer->tables) : ArrayRef<uint8_t>();
  llvm::Expected<PackedWeights> packed = packWeights(*model.module, *model.checkpoint, tables, weightsPath);
  if (!packed)
    return packed.takeError();
  facts.name = name;
  facts.weights = *packed;
  facts.buildId = buildId(objectFiles(), *packed, name);
  facts.embedded = options.embedWeights;
  facts.precision = options.precision;
  if (llvm::Error error = stampBuildId(weightsPath, facts.weights, facts.buildId))
    return error;
  progress.finish("weights",
                  Twine(facts.weights.tensorCount) + " tensors, " + sizeText(facts.weights.header.file_bytes));
  if (llvm::Error error = link(output, weightsPath))
    return error;
  if (options.embedWeights)
    llvm::sys::fs::remove(weightsPath);

  for (const auto &[file, contents] : {std::pair{name + ".h", writeHeader(name)},
                                       {name + "Config.cmake", writeCMakeConfig(name)},
                                       {name + ".pc", writePkgConfig(name)}})
    if (llvm::Error error = writeFile(output.file(file), contents))
      return error;
  std::vector<std::string> files = {"lib" + name + ".so", "lib" + name + ".a", name + ".h", name + "Config.cmake",
                                    name + ".pc"};
  for (const std::string &file : files) {
    llvm::Expected<ManifestFacts::File> described = describeFile(output, file);
    if (!described)
      return described.takeError();
    facts.files.push_back(*described);
  }
  llvm::Expected<uint64_t> bytes = codeBytes(output.file("lib" + name + ".so"));
  if (!bytes)
    return bytes.takeError();
  facts.codeBytes = *bytes;
  if (llvm::Error error = writeFile(output.file("manifest.json"), writeManifest(*code.front().kernels, facts)))
    return error;
  if (llvm::Error error = output.publish())
    return error;
  progress.finish("artifact", "lib" + name + ".so, lib" + name + ".a, " + name + ".h");
  summarize(output);
  return llvm::Error::success();
}

llvm::Error Compilation::link(OutputDirectory &output, const std::string &weightsPath) {
  ProgramFacts program = {name,
                          facts.buildId,
                          facts.weights.header.file_bytes,
                          facts.maxLength,
                          options.embedWeights ? weightsPath : "",
                          facts.levels};
  llvm::Expected<ObjectBytes> descriptor = emitDescriptor(*code.front().kernels, program);
  if (!descriptor)
    return descriptor.takeError();
  std::vector<std::string> objects;
  auto add = [&](StringRef file, StringRef contents) {
    objects.push_back(output.file(file));
    return writeFile(objects.back(), contents);
  };
  if (llvm::Error error = add("descriptor.o", StringRef(descriptor->data(), descriptor->size())))
    return error;
  for (auto [level, object] : llvm::zip_equal(facts.levels, objectFiles()))
    if (llvm::Error error = add(("kernels." + lathe::describe(level).name + ".o").str(), object))
      return error;
  if (llvm::Error error = add("runtime.o", runtimeObject()))
    return error;
  if (llvm::Error error = linkSharedLibrary(objects, name, output.file("lib" + name + ".so")))
    return error;
  if (llvm::Error error = linkArchive(objects, name, output.file("lib" + name + ".a")))
    return error;
  for (const std::string &object : objects)
    llvm::sys::fs::remove(object);
  return llvm::Error::success();
}

/// "1536 T + 4 B" for the parts of a formula that are there.
static std::string formulaText(DictionaryAttr formula) {
  std::string text;
  for (auto [name, symbol] : {std::pair<StringRef, StringRef>{"fixed", ""},
                              {"per_token", " T"},
                              {"per_sequence", " B"},
                              {"per_longest", " L"},
                              {"per_score", " B L^2"}}) {
    auto value = formula.getAs<IntegerAttr>(name);
    if (value && value.getInt())
      text += (text.empty() ? "" : " + ") + std::to_string(value.getInt()) + symbol.str();
  }
  return text.empty() ? "0" : text;
}

void Compilation::summarize(const OutputDirectory &output) {
  llvm::StringMap<std::pair<unsigned, unsigned>> fusions; // made, declined by pass
  for (const FusionRecord &record : facts.fusions)
    ++(record.made ? fusions[record.pass].first : fusions[record.pass].second);
  std::vector<std::string> lines;
  for (const auto &entry : fusions)
    lines.push_back(
        llvm::formatv("{0} {1}{2}", entry.getKey(), entry.getValue().first,
                      entry.getValue().second ? llvm::formatv(" ({0} declined)", entry.getValue().second).str() : ""));
  llvm::sort(lines);
  log << llvm::formatv("compiled {0} in {1:F2} s to {2}\n", name, progress.total(), options.output);
  log << "  task     " << facts.task << (facts.architecture.empty() ? "" : " (" + facts.architecture + ")") << ", "
      << facts.precision << "\n";
  if (!lines.empty())
    log << "  fusions  " << llvm::join(lines, ", ") << "\n";
  log << "  weights  " << sizeText(facts.weights.header.file_bytes) << (facts.embedded ? ", embedded" : "") << "; code "
      << sizeText(facts.codeBytes) << " for " << levelNames(facts.levels) << "\n";
  if (const WeightSharing &sharing = facts.sharing; sharing.bytesSaved) {
    uint64_t uses = 0;
    for (const SharedTensor &tensor : sharing.tensors)
      uses += tensor.uses;
    log << "  sharing  " << sizeText(sharing.bytesSaved) << " saved: " << sharing.tensors.size()
        << " tensors, stored once, are used in " << uses << " places\n";
  }
  for (auto function : model.module->getOps<func::FuncOp>())
    if (function->hasAttr(xf::XfDialect::entryAttr))
      log << "  memory   " << formulaText(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr))
          << " bytes, and per thread "
          << formulaText(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr))
          << " (T tokens, B sequences, L the longest, each rounded up to " << LATHE_ROW_QUANTUM << ")\n";
  if (facts.tokenizerKind.empty())
    log << (facts.noTokenizer.empty() ? "  no tokenizer files: inputs are token ids only\n"
                                      : "  no tokenizer that is supported: inputs are token ids only\n");
}

} // namespace

llvm::Error compileModel(const CompileOptions &options, llvm::raw_ostream &log) {
  return Compilation(options, log).run();
}

} // namespace lathe
