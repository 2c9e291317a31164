//===- Interpret.cpp - the reference, on any model directory ------------------===//
#include "compiler/driver/Interpret.h"

#include "compiler/driver/RunStage.h"
#include "compiler/import/safetensors/Quote.h"
#include "ir/interpreter/Edge.h"
#include "passes/precision/PrecisionPlan.h"

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace lathe {

/// Ragged inputs become padded rows inside the interpreter: a lie about lengths must not become an allocation.
static Error checkSize(const InputTensors &inputs) {
  constexpr int64_t mostPositions = 1 << 22;
  int64_t longest = 0, sequences = 0;
  for (const char *name : {"cu_seqlens", "decoder_cu_seqlens"})
    if (const InputTensors::Array *offsets = inputs.find(name)) {
      sequences = std::max(sequences, offsets->count() - 1);
      for (int64_t row = 0; row + 1 < offsets->count(); ++row) {
        int64_t begin = offsets->at(row), end = offsets->at(row + 1);
        if (begin < 0 || end < begin || end > inputs.tokens())
          return Error::success(); // the interpreter says what is wrong with them
        longest = std::max(longest, end - begin);
      }
    }
  if (inputs.tokens() > mostPositions || (longest > 0 && sequences > mostPositions / longest))
    return createStringError("the inputs have more than " + llvm::Twine(mostPositions) +
                             " positions, counting padding; the interpreter is for small ones");
  return Error::success();
}

static NamedTensors toInterpreter(const InputTensors &inputs) {
  NamedTensors named;
  for (const InputTensors::Array &array : inputs.arrays()) {
    Tensor tensor(array.shape);
    for (int64_t index = 0; index < array.count(); ++index)
      tensor.values[index] = array.valueAt(index);
    named[array.name] = std::move(tensor);
  }
  return named;
}

static Expected<std::vector<FloatTensor>> fromInterpreter(const NamedTensors &named) {
  std::vector<FloatTensor> outputs;
  for (const auto &[name, tensor] : named) {
    Expected<FloatTensor> output = makeFloatTensor(name, tensor.shape);
    if (!output)
      return output.takeError();
    llvm::copy(tensor.values, output->data.get());
    outputs.push_back(std::move(*output));
  }
  return outputs;
}

Expected<std::vector<FloatTensor>> interpretModel(const InterpretOptions &options, const InputTensors &inputs) {
  if (options.stage > Stage::Precision)
    return createStringError(
        "the interpreter runs the forms at the end of stages import, graph and precision, not of '" +
        stageName(options.stage) + "'");
  if (Error error = checkSize(inputs))
    return std::move(error);
  if (looksLikeArtifact(options.model))
    return createStringError(quote(options.model) +
                             " is an artifact; the interpreter runs the model directory that it was compiled from");
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Expected<ImportedModel> model = importModel(context.get(), options.model, options.import);
  if (!model)
    return model.takeError();
  for (Stage stage : {Stage::Import, Stage::Graph, Stage::Precision})
    if (stage <= options.stage) {
      if (stage == Stage::Precision)
        setOverrides(*model->module, options.plan);
      if (Error error = runStage(*model->module, stage,
                                 {.linearAttention = options.plan.linearAttention,
                                  .precision = options.plan.precision,
                                  .group = options.group}))
        return std::move(error);
    }
  Expected<NamedTensors> outputs = interpretModule(*model->module, options.entry, toInterpreter(inputs));
  if (!outputs)
    return outputs.takeError();
  return fromInterpreter(*outputs);
}

} // namespace lathe
