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

void emitHiddenStates(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, const HeadOptions &options) {
  if (!options.hiddenStates)
    return;
  model.output("hidden_states.0", embeddings);
  for (auto [index, state] : llvm::enumerate(layers))
    model.output(("hidden_states." + Twine(index + 1)).str(), state);
}

/// One of a sentence's poolings. Where tokens of a prompt are left out, the first token is the first of the others.
static Value poolingOf(ModelBuilder &model, Value hidden, PoolingMode mode, bool poolsPrompts) {
  auto pool = [&](xf::PoolMode mode) { return model.pool(hidden, mode, !poolsPrompts); };
  switch (mode) {
  case PoolingMode::Cls:
    return poolsPrompts ? model.firstToken(hidden) : pool(xf::PoolMode::First);
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
  const bool readsFirstColumn = sentence.poolsPrompts && llvm::is_contained(sentence.poolings, PoolingMode::Cls);
  Value embedding = model.join(llvm::map_to_vector(
      sentence.poolings, [&](PoolingMode mode) { return poolingOf(model, hidden, mode, sentence.poolsPrompts); }));
  for (const SentenceModule &module : sentence.modules)
    embedding = behindPooling(model, embedding, module);
  model.output("sentence_embedding", embedding,
               {.firstColumn = readsFirstColumn ? FirstColumn::Error : FirstColumn::Unused});
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
    model.output("last_hidden_state", hidden);
    emitPoolerOutput(model, hidden, parts.pooler);
    break;
  case Task::SequenceClassification:
    model.output("logits", model.linear(parts.summary(), parts.classifier, options.labels),
                 {.firstColumn = parts.summaryReads});
    break;
  case Task::TokenClassification:
    model.output("logits", model.linear(hidden, "classifier", options.labels));
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
                 {.firstColumn = parts.summaryReads, .squeezed = true});
    break;
  default:
    llvm_unreachable("a task that the family lists and builds itself");
  }
  return llvm::Error::success();
}

} // namespace lathe
