//===- Compile.cpp - from a model directory to an artifact --------------------===//
#include "compiler/driver/Compile.h"

#include "compiler/driver/Compilation.h"
#include "compiler/driver/Names.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"
#include "ir/xf/XfDialect.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

int64_t maximumLength(const ImportedModel &model, int64_t modelMaxLength, int64_t truncationLength) {
  int64_t length = model.sentenceMaxLength ? *model.sentenceMaxLength
                   : modelMaxLength        ? modelMaxLength
                                           : truncationLength;
  if (length && model.positionLimit)
    length = std::min(length, model.positionLimit);
  return length;
}

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
  if (options.certify && plan != PrecisionPlan())
    if (llvm::Error error = certify())
      return error;
  if (!options.evalTask.empty())
    if (llvm::Error error = evaluate())
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
  llvm::Expected<std::optional<CompiledTokenizer>> compiled = compileTokenizer(
      model.tokenizerDirectory, {.lowerFirst = model.lowerCaseText, .typesOfTemplate = model.tellsTypes});
  if (compiled)
    tokenizer = std::move(*compiled);
  else if (llvm::Error error = llvm::handleErrors(compiled.takeError(), [&](const UnsupportedTokenizer &unsupported) {
             facts.noTokenizer = unsupported.reason();
             log << "warning: " << unsupported.message() << "; inputs are token ids only\n";
           }))
    return error;

  if (model.generation && !model.generation->unsupported.empty()) {
    facts.unsupportedGeneration = model.generation->unsupported;
    log << "warning: generation_config.json says " << facts.unsupportedGeneration.front()
        << ", which is not supported yet; lathe generate will refuse to write\n";
  }

  facts.task = taskName(model.task);
  facts.sentence = model.sentence;
  facts.score = model.score;
  facts.features = options.import.features;
  if (isClassification(model.task))
    facts.labels = model.labels;
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
    if (model.fillsTexts && tokenizer->padId < 0)
      return llvm::createStringError(quote(model.tokenizerDirectory) + ": " + tokenizer->file +
                                     " and the files beside it name no pad_token, with which this model's texts are "
                                     "filled up; accepted is a token of the vocabulary");
    if (model.fillsTexts)
      facts.fillingId = tokenizer->padId;
  }
  if (llvm::Error error = runStage(*model.module, Stage::Import, {}))
    return error;
  return endStage(Stage::Import, Twine(tensors) + " tensors, " + Twine(facts.parameters) + " parameters, " +
                                     sizeText(model.checkpoint->totalBytes()) + " mapped");
}

llvm::Error compileModel(const CompileOptions &options, llvm::raw_ostream &log) {
  return Compilation(options, log).run();
}

} // namespace lathe
