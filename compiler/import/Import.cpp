//===- Import.cpp - from a model directory to the `import` form ---------------===//
#include "compiler/import/Import.h"

#include "compiler/import/FrontEnd.h"
#include "compiler/import/ModelBuilder.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "compiler/import/families/Family.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

llvm::Expected<PoolingMode> parsePooling(llvm::StringRef name) {
  if (std::optional<PoolingMode> mode = findPooling(name))
    return *mode;
  return llvm::createStringError("there is no pooling '" + name + "'; accepted are " + poolingNames());
}

/// The task that the directory stands for, by its first architecture.
static llvm::Expected<Task> taskOf(const Family &family, const Checkpoint &checkpoint) {
  if (checkpoint.architectures().empty())
    return Task::Base;
  llvm::Expected<Task> task = taskOfClass(family, checkpoint.architectures().front());
  if (!task)
    return llvm::createStringError(checkpoint.config().origin() + ": " + llvm::toString(task.takeError()));
  return task;
}

static llvm::Error checkTask(const Family &family, Task task, StringRef origin) {
  if (llvm::is_contained(family.tasks, task))
    return llvm::Error::success();
  std::string names = llvm::join(llvm::map_range(family.tasks, taskName), ", ");
  return llvm::createStringError(origin + ": task '" + taskName(task) + "' is not supported yet for model_type '" +
                                 family.modelType + "'; supported are: " + names);
}

/// Weights that the module uses must be finite.
static llvm::Error checkWeights(ModuleOp module, const WeightNames &names, StringRef origin) {
  for (auto weight : module.getOps<xf::WeightOp>())
    if (const TensorView *tensor = names.find(weight.getSymName())) // else it is none of the checkpoint's
      if (llvm::Error error = checkFinite(*tensor, origin))
        return error;
  return llvm::Error::success();
}

llvm::Expected<ImportedModel> importModel(MLIRContext *context, StringRef path, const ImportOptions &options) {
  ImportedModel model;
  HeadOptions head;
  head.hiddenStates = options.hiddenStates;
  head.features = options.features;
  llvm::Expected<std::optional<SentenceTransformer>> sentence = readSentenceTransformer(path);
  if (!sentence)
    return sentence.takeError();
  std::string directory = path.str();
  if (*sentence) {
    directory = (*sentence)->transformerPath;
    model.lowerCaseText = (*sentence)->doLowerCase;
    model.sentenceMaxLength = (*sentence)->maxSeqLength;
  }
  model.tokenizerDirectory = directory;

  llvm::Expected<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::open(directory);
  if (!checkpoint)
    return checkpoint.takeError();
  model.checkpoint = std::move(*checkpoint);
  StringRef configOrigin = model.checkpoint->config().origin();
  llvm::Expected<const Family *> family = findFamily(model.checkpoint->modelType());
  if (!family)
    return llvm::createStringError(configOrigin + ": " + llvm::toString(family.takeError()));

  const bool hasPooling = *sentence && !(*sentence)->poolings.empty(); // else a cross-encoder's modules
  if (options.task) {
    head.task = *options.task;
  } else if (hasPooling || !options.pooling.empty()) {
    head.task = Task::Embedding;
  } else {
    llvm::Expected<Task> task = taskOf(**family, *model.checkpoint);
    if (!task)
      return task.takeError();
    head.task = *task;
  }
  if (llvm::Error error = checkTask(**family, head.task, configOrigin))
    return error;
  if (head.task == Task::Embedding) {
    if (hasPooling) {
      head.sentenceEmbedding = std::move(**sentence);
    } else if (options.pooling.empty()) {
      return llvm::createStringError(
          path +
          ": task 'embedding' needs a pooling: the directory has none in a modules.json, so give "
          "--pooling; accepted are " +
          poolingNames());
    }
    if (!options.pooling.empty()) {
      if (!head.sentenceEmbedding)
        head.sentenceEmbedding.emplace();
      head.sentenceEmbedding->poolings = options.pooling;
      head.sentenceEmbedding->modules.clear();
    }
    for (const SentenceModule &module : head.sentenceEmbedding->modules)
      if (!module.prefix.empty())
        if (llvm::Error error = model.checkpoint->addModule(module.directory, module.prefix))
          return error;
  } else if (!options.pooling.empty()) {
    return llvm::createStringError("--pooling goes with task 'embedding', not with '" + taskName(head.task) + "'");
  }

  llvm::Expected<Labels> labels = readLabels(model.checkpoint->config());
  if (!labels)
    return labels.takeError();
  model.labels = std::move(*labels);
  head.labels = model.labels.names.size();
  if (head.task == Task::SequenceClassification && head.labels == 1) {
    llvm::Expected<std::optional<ScoreActivation>> score = readCrossEncoder(path, model.checkpoint->config());
    if (!score)
      return score.takeError();
    model.score = *score;
  }

  SmallVector<StringRef> buffers = {"position_ids"};
  llvm::append_range(buffers, (*family)->buffers);
  llvm::Expected<WeightNames> names = WeightNames::build(
      *model.checkpoint, {(*family)->basePrefix, buffers, (*family)->renameWeight, (*family)->mayRepeatWeights});
  if (!names)
    return names.takeError();
  ModelBuilder builder(context, *names, "encode", options.attentions);
  if (llvm::Error error = (*family)->build(builder, model.checkpoint->config(), head))
    return error;
  if (writes(head.task)) {
    builder.generates();
    assert((*family)->writingIds && "a family that writes says what ends its texts");
    llvm::Expected<GenerationConfig> generation =
        readGenerationConfig(directory, model.checkpoint->config(), *(*family)->writingIds);
    if (!generation)
      return generation.takeError();
    model.generation = std::move(*generation);
  }
  llvm::Expected<OwningOpRef<ModuleOp>> module = builder.finish();
  if (!module)
    return llvm::createStringError(directory + ": " + llvm::toString(module.takeError()));
  model.module = std::move(*module);
  if (llvm::Error error = attachFrontEnd(*model.module, directory, model.checkpoint->modelType()))
    return error;
  if (llvm::Error error = checkWeights(*model.module, *names, directory))
    return error;

  model.task = head.task;
  model.fillsTexts = (*family)->fillsTexts && head.task != Task::ImageClassification;
  model.tellsTypes = builder.tellsTypes();
  model.sentence = std::move(head.sentenceEmbedding);
  if (!model.checkpoint->architectures().empty())
    model.architecture = model.checkpoint->architectures().front();
  model.unknownWeights = builder.unknownWeights();
  model.unusedWeights = builder.unusedWeights();
  for (auto function : model.module->getOps<func::FuncOp>())
    if (auto limit = function->getAttrOfType<IntegerAttr>(xf::XfDialect::positionLimitAttr))
      model.positionLimit = limit.getInt();
  return model;
}

} // namespace lathe
