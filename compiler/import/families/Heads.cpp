//===- Heads.cpp - what stands behind an encoder, by task ---------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {

static int64_t widthOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }

Value pooled(ModelBuilder &model, Value hidden, StringRef dense, xf::Activation activation) {
  return model.activate(model.linear(model.firstToken(hidden), dense, widthOf(hidden)), activation);
}

//===----------------------------------------------------------------------===//
// Vocabularies
//===----------------------------------------------------------------------===//

DecoderNames decoderOf(StringRef head) {
  return {"embeddings.word_embeddings.weight", (head + ".decoder.weight").str(), (head + ".bias").str(),
          (head + ".decoder.bias").str()};
}

Value vocabularyLogits(ModelBuilder &model, Value x, const DecoderNames &names, int64_t vocab, bool tied) {
  const bool isHeads = model.hasWeight(names.bias) && (tied || !model.hasWeight(names.ownBias));
  return model.linear(x, tied ? names.embedding : names.weight, isHeads ? names.bias : names.ownBias, vocab);
}

void emitVocabularyLogits(ModelBuilder &model, StringRef output, Value x, const DecoderNames &names, int64_t vocab,
                          bool tied) {
  model.output(output, vocabularyLogits(model, x, names, vocab, tied));
}

//===----------------------------------------------------------------------===//
// Without a head
//===----------------------------------------------------------------------===//

static void emitPoolerOutput(ModelBuilder &model, Value hidden, StringRef dense) {
  if (dense.empty() || (!model.hasWeight((dense + ".weight").str()) && !model.hasWeight((dense + ".bias").str())))
    return;
  model.output("pooler_output", pooled(model, hidden, dense), {.firstColumn = FirstColumn::Zero});
}

static Value featuresOf(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, Features features) {
  auto sum = [&](ArrayRef<Value> values) {
    Value total = values.front();
    for (Value value : values.drop_front())
      total = model.add(total, value);
    return total;
  };
  switch (features) {
  case Features::Embeddings:
    return embeddings;
  case Features::Last:
    return layers.back();
  case Features::SecondToLast:
    return layers.drop_back().back();
  case Features::SumLast4:
    return sum(layers.take_back(4));
  case Features::ConcatLast4:
    return model.join(layers.take_back(4));
  case Features::SumAll:
    return sum(layers);
  }
  llvm_unreachable("all features are of layers");
}

static llvm::Error emitStates(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, const HeadOptions &options,
                              StringRef prefix) {
  if (options.hiddenStates) {
    model.output((prefix + "hidden_states.0").str(), embeddings);
    for (auto [index, state] : llvm::enumerate(layers))
      model.output((prefix + "hidden_states." + Twine(index + 1)).str(), state);
  }
  for (auto [index, probabilities] : llvm::enumerate(model.attentions()))
    model.output((prefix + "attentions." + Twine(index)).str(), probabilities);
  if (!options.features)
    return llvm::Error::success();
  if (int64_t(layers.size()) < layersBehind(*options.features))
    return llvm::createStringError("--features " + featuresName(*options.features) + " is of " +
                                   Twine(layersBehind(*options.features)) + " layers; the model has " +
                                   Twine(layers.size()));
  model.output((prefix + "features").str(), featuresOf(model, embeddings, layers, *options.features));
  return llvm::Error::success();
}

llvm::Error finishEncoder(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, const HeadOptions &options,
                          ArrayRef<StringRef> otherHeads, StringRef prefix) {
  if (llvm::Error error = emitStates(model, embeddings, layers, options, prefix))
    return error;
  model.expectUnused(otherHeads);
  return llvm::Error::success();
}

/// One of a sentence's poolings. The first token is the first that exists, and where those of a prompt are left out the
/// first of the others.
static Value poolingOf(ModelBuilder &model, Value hidden, PoolingMode mode, bool poolsPrompts) {
  auto pool = [&](xf::PoolMode mode) { return model.pool(hidden, mode, poolsPrompts ? Value() : model.promptMask()); };
  switch (mode) {
  case PoolingMode::Cls:
    return pool(xf::PoolMode::First);
  case PoolingMode::Max:
    return pool(xf::PoolMode::Max);
  case PoolingMode::Mean:
    return pool(xf::PoolMode::Mean);
  case PoolingMode::MeanSqrtLen:
    return pool(xf::PoolMode::MeanSqrt);
  case PoolingMode::WeightedMean:
    return pool(xf::PoolMode::WeightedMean);
  case PoolingMode::LastToken:
    return pool(xf::PoolMode::Last);
  }
  llvm_unreachable("every mode pools");
}

static Value behindPooling(ModelBuilder &model, Value embedding, const SentenceModule &module) {
  switch (module.kind) {
  case SentenceModule::Kind::Dense: {
    embedding = model.linear(embedding, module.prefix + ".linear", module.outputs, module.biased);
    const ActivationFunction *function = llvm::find_if(
        allActivations(), [&](const ActivationFunction &function) { return function.name == module.activation; });
    return model.activate(embedding, *function);
  }
  case SentenceModule::Kind::LayerNorm:
    return model.layerNorm(embedding, module.prefix + ".norm", 1e-5); // the eps of torch.nn.LayerNorm
  case SentenceModule::Kind::Normalize:
    return model.normalize(embedding, 1e-12); // the eps of torch.nn.functional.normalize
  }
  llvm_unreachable("every kind of module computes something");
}

static llvm::Error emitSentenceEmbedding(ModelBuilder &model, Value hidden, const SentenceTransformer &sentence) {
  if (!sentence.poolingFile.empty()) // else it is --pooling, which states no width
    if (llvm::Error error = sentence.checkWidth(widthOf(hidden)))
      return error;
  Value embedding = model.join(llvm::map_to_vector(
      sentence.poolings, [&](PoolingMode mode) { return poolingOf(model, hidden, mode, sentence.poolsPrompts); }));
  for (const SentenceModule &module : sentence.modules)
    embedding = behindPooling(model, embedding, module);
  model.output("sentence_embedding", embedding);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

llvm::Error emitHead(ModelBuilder &model, Value hidden, const HeadOptions &options, const HeadParts &parts) {
  switch (options.task) {
  case Task::Embedding:
    return emitSentenceEmbedding(model, hidden, *options.sentenceEmbedding);
  case Task::Base:
  case Task::Encoder:
    model.output("last_hidden_state", hidden);
    emitPoolerOutput(model, hidden, parts.pooler);
    break;
  case Task::SequenceClassification:
    model.output("logits", model.linear(parts.summary(), parts.classifier, options.labels, parts.classifierIsBiased),
                 {.firstColumn = parts.summaryReads});
    break;
  case Task::TokenClassification:
    model.output("logits", model.linear(hidden, parts.tokenClassifier, options.labels));
    break;
  case Task::QuestionAnswering: {
    SmallVector<Value> ends = model.split(model.linear(hidden, parts.answers, 2), 2);
    model.output("start_logits", ends[0], {.squeezed = true});
    model.output("end_logits", ends[1], {.squeezed = true});
    break;
  }
  case Task::MultipleChoice:
    model.takeChoices();
    model.output("logits", model.linear(parts.choice(), "classifier", 1),
                 {.firstColumn = parts.summaryReads, .squeezed = true, .byChoice = true});
    break;
  default:
    llvm_unreachable("a task that the family lists and builds itself");
  }
  return llvm::Error::success();
}

static void emitLanguageModel(ModelBuilder &model, Value hidden, const DecoderParts &parts, OutputForm form = {}) {
  Value logits = model.linear(hidden, parts.tied ? parts.embedding : parts.head, parts.bias, parts.vocab);
  model.output("logits", parts.logitCap ? model.softCap(logits, *parts.logitCap) : logits, form);
}

llvm::Error emitDoubleHeads(ModelBuilder &model, Value hidden, const JsonDocument &config, const DecoderParts &parts) {
  JsonFields fields(config);
  const std::string type = fields.getString("summary_type", "cls_index");
  if (type != "cls_index")
    fields.reject("summary_type",
                  "found \"" + Twine(type) +
                      "\", which takes a choice of several, not a token of each; accepted is cls_index");
  const bool projects = fields.getBool("summary_use_proj", true),
             toOne = fields.getBool("summary_proj_to_labels", true);
  const bool activates = !fields.getOptionalString("summary_activation").value_or("").empty();
  const ActivationFunction *activation = activates ? &readActivation(fields, "summary_activation", "tanh") : nullptr;
  if (llvm::Error error = fields.takeError())
    return error;

  model.takeChoices();
  emitLanguageModel(model, hidden, parts, {.byChoice = true});
  Value summary = model.pool(hidden, xf::PoolMode::Last, model.exceptChosen());
  if (projects)
    summary = model.linear(summary, "multiple_choice_head.summary", toOne ? 1 : widthOf(hidden));
  if (activation)
    summary = model.activate(summary, *activation);
  model.output("mc_logits", summary, {.squeezed = widthOf(summary) == 1, .byChoice = true});
  return llvm::Error::success();
}

llvm::Error emitDecoderHead(ModelBuilder &model, Value hidden, const HeadOptions &options, const DecoderParts &parts) {
  if (options.task == Task::CausalLm)
    return emitLanguageModel(model, hidden, parts), llvm::Error::success();
  auto summary = [&] {
    return model.pool(hidden, xf::PoolMode::Last, parts.paddingId ? model.exceptLast(*parts.paddingId) : Value());
  };
  return emitHead(model, hidden, options,
                  {.summary = summary,
                   .classifier = parts.classifier,
                   .classifierIsBiased = false,
                   .tokenClassifier = parts.tokenClassifier,
                   .summaryReads = FirstColumn::Unused});
}

} // namespace lathe
