#include "tests/backends/entry/CompiledEntry.h"

#include "backends/cpu/HalideFunctions.h"
#include "backends/cpu/LoweredEntry.h"
#include "backends/cpu/layouts/WeightLayout.h"
#include "compiler/pipelines/Pipelines.h"
#include "runtime/core/FloatEnvironment.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <cstring>
#include <numeric>

using namespace mlir;

namespace lathe::test {

struct CompiledEntry::Loaded {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  lathe_entry_function function = nullptr;
};

CompiledEntry::~CompiledEntry() = default;

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// The tensors' section of a weights file: layouts of f32 as they are described, others as LayoutsTest has checked
/// them.
static std::vector<float> packWeights(ModuleOp scheduled) {
  std::vector<float> section;
  auto vectorOf = [&](std::optional<StringRef> name) {
    std::vector<float> values;
    if (name)
      for (APFloat value :
           cast<DenseFPElementsAttr>(scheduled.lookupSymbol<xf::WeightOp>(*name).getValue()).getValues<APFloat>())
        values.push_back(value.convertToFloat());
    return values;
  };
  for (auto packed : scheduled.getOps<xf::PackedWeightOp>()) {
    std::vector<float> values;
    int64_t rows = 0, width = 1;
    for (auto source : packed.getSources().getAsRange<FlatSymbolRefAttr>()) {
      auto weight = scheduled.lookupSymbol<xf::WeightOp>(source.getAttr());
      auto dense = cast<DenseFPElementsAttr>(weight.getValue());
      rows += weight.getLoadedType().getDimSize(0);
      width = weight.getLoadedType().getNumElements() / weight.getLoadedType().getDimSize(0);
      for (APFloat value : dense.getValues<APFloat>())
        values.push_back(value.convertToFloat());
    }
    size_t offset = packed.getOffset() / sizeof(float);
    section.resize(offset + packed.getBytes() / sizeof(float));
    const std::vector<float> smoothing = vectorOf(packed.getSmoothing()), importance = vectorOf(packed.getImportance());
    for (size_t at = 0; at < values.size() && !smoothing.empty(); ++at)
      values[at] /= smoothing[at % width];
    if (packed.getLayout().contains("_s8") || packed.getLayout().contains("_s4") ||
        packed.getLayout().contains("_bf16")) {
      auto read = [&](int64_t row, MutableArrayRef<float> out) {
        std::copy_n(&values[row * width], width, out.begin());
      };
      char *at = reinterpret_cast<char *>(&section[offset]);
      llvm::cantFail(
          lookupLayout(packed.getLayout())->write({rows, width, read, importance}, [&](ArrayRef<char> bytes) {
            at = llvm::copy(bytes, at);
          }));
      continue;
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < width; ++column) {
        int64_t at =
            packed.getLayout() == "panels" ? (row / 16 * width + column) * 16 + row % 16 : row * width + column;
        section[offset + at] = values[row * width + column];
      }
  }
  return section;
}

CompiledEntry::CompiledEntry(ModuleOp original, bool graphPasses, IsaLevel level) : level(level) {
  OwningOpRef<ModuleOp> module(original.clone());
  ScopedDiagnosticHandler collect(original.getContext(), [&](Diagnostic &diagnostic) { error += diagnostic.str(); });
  for (Stage stage : {Stage::Graph, Stage::Precision, Stage::Schedule, Stage::Kernels}) {
    PassManager manager(original.getContext());
    addStagePasses(manager, stage, {.graphPasses = graphPasses, .level = level});
    if (failed(manager.run(*module)))
      return;
    if (stage == Stage::Schedule)
      weights = packWeights(*module);
  }
  readEntry(*module);
  load(*module);
}

static lathe_size_formula formulaOf(DictionaryAttr attribute) {
  auto field = [&](StringRef name) {
    auto value = attribute.getAs<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  return {field("fixed"),     field("per_token"),  field("per_sequence"),     field("per_longest"),
          field("per_score"), field("per_target"), field("per_target_score"), field("per_cross_score")};
}

void CompiledEntry::readEntry(ModuleOp kernelsModule) {
  for (auto function : kernelsModule.getOps<func::FuncOp>()) {
    if (!function->hasAttr(xf::XfDialect::entryAttr))
      continue;
    symbol = function.getSymName().str();
    dense = function->hasAttr(xf::XfDialect::denseAttr);
    for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr))
      inputs.push_back(textOf(input, xf::XfDialect::inputAttr).str());
    for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr))
      outputs.push_back({textOf(output, xf::XfDialect::outputAttr).str(),
                         textOf(output, xf::XfDialect::rowsAttr) == "tokens",
                         output.getAs<IntegerAttr>("width").getInt()});
    for (DictionaryAttr step : listOf(function, xf::XfDialect::stepsAttr))
      kernels.push_back(textOf(step, "kernel").str());
    arena = formulaOf(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr));
    scratch = formulaOf(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr));
  }
}

void CompiledEntry::load(ModuleOp kernelsModule) {
  llvm::Expected<ObjectBytes> object = emitProgram(kernelsModule, {.level = level});
  if (!object) {
    error = llvm::toString(object.takeError());
    return;
  }
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  loaded = std::make_unique<Loaded>();
  loaded->jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(loaded->jit->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(StringRef(object->data(), object->size()), "entry")));
  loaded->function = llvm::cantFail(loaded->jit->lookup(symbolAt(symbol, level))).toPtr<lathe_entry_function>();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {
/// What lathe_frame.runtime points to.
struct Worker {
  uint8_t *scratch;
};

/// One worker that takes the panels from the back, a few at a time.
int32_t launchBackwards(const lathe_frame *frame, int32_t, lathe_kernel kernel, const uint64_t *args, int64_t panels) {
  for (int64_t end = panels; end > 0; end -= 3)
    kernel(args, std::max<int64_t>(end - 3, 0), end, static_cast<Worker *>(frame->runtime)->scratch);
  return LATHE_OK;
}
} // namespace

static int64_t bytesOf(const lathe_size_formula &formula, int64_t tokens, int64_t batch, int64_t longest,
                       int64_t scores) {
  auto rounded = [](int64_t count) { return (count + LATHE_ROW_QUANTUM - 1) / LATHE_ROW_QUANTUM * LATHE_ROW_QUANTUM; };
  return formula.fixed + formula.per_token * rounded(tokens) + formula.per_sequence * rounded(batch) +
         formula.per_longest * rounded(longest) + formula.per_score * rounded(scores);
}

std::map<std::string, Rows> CompiledEntry::run(const Sequences &sequences) const {
  int64_t batch = int64_t(sequences.size()), longest = 0;
  for (const std::vector<int32_t> &sequence : sequences)
    longest = std::max(longest, int64_t(sequence.size()));
  // Rows of padding exist in dense entries only.
  std::vector<int32_t> ids, columns, starts = {0};
  std::vector<uint8_t> present;
  for (const std::vector<int32_t> &sequence : sequences) {
    for (int64_t column = 0; column < (dense ? longest : int64_t(sequence.size())); ++column) {
      bool exists = column < int64_t(sequence.size());
      ids.push_back(exists ? sequence[column] : 0);
      columns.push_back(exists ? int32_t(column) : 0);
      present.push_back(exists);
    }
    starts.push_back(starts.back() + int32_t(sequence.size()));
  }
  std::map<std::string, void *> given = {{"input_ids", ids.data()},
                                         {"position_ids", columns.data()},
                                         {"attention_mask", present.data()},
                                         {"cu_seqlens", starts.data()}};
  std::vector<void *> inputPointers, outputPointers;
  for (const std::string &name : inputs)
    inputPointers.push_back(given.at(name));
  int64_t rows = int64_t(ids.size());
  std::vector<std::unique_ptr<Guarded<float>>> results;
  for (const Output &output : outputs) {
    results.push_back(std::make_unique<Guarded<float>>((output.tokens ? rows : batch) * output.width));
    outputPointers.push_back(results.back()->data());
  }
  GuardedBytes memory(bytesOf(arena, rows, batch, longest, rows * longest), /*alignment=*/64);
  GuardedBytes scratchMemory(bytesOf(scratch, rows, batch, longest, rows * longest), /*alignment=*/64);
  Guarded<float> section(weights);
  Worker worker = {scratchMemory.data()};
  lathe_frame frame = {reinterpret_cast<const uint8_t *>(section.data()),
                       memory.data(),
                       inputPointers.data(),
                       outputPointers.data(),
                       rows,
                       batch,
                       longest,
                       launchBackwards,
                       &worker,
                       /*targets=*/0,
                       /*longest_targets=*/0};
  {
    FloatEnvironment asTheRuntime;
    if (loaded->function(&frame) != LATHE_OK)
      llvm::report_fatal_error("an entry failed whose launches do not");
  }
  if (!memory.intact() || !scratchMemory.intact())
    llvm::report_fatal_error("an entry wrote before its memory");

  std::map<std::string, Rows> named;
  for (size_t index = 0; index < outputs.size(); ++index) {
    Rows &result = named[outputs[index].name] = {outputs[index].width, {}};
    for (int64_t row = 0; row < (outputs[index].tokens ? rows : batch); ++row)
      if (!outputs[index].tokens || present[row])
        result.values.insert(result.values.end(), results[index]->begin() + row * result.width,
                             results[index]->begin() + (row + 1) * result.width);
  }
  return named;
}

} // namespace lathe::test
