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

/// Pooled, and normalised where the directory says so.
static llvm::Error emitSentenceEmbedding(ModelBuilder &model, Value hidden, const SentenceTransformer &pooling) {
  if (!pooling.poolingFile.empty()) // else it is --pooling, which states no width
    if (llvm::Error error = pooling.checkWidth(widthOf(hidden)))
      return error;
  SmallVector<Value> vectors;
  FirstColumn firstColumn = FirstColumn::Unused;
  for (PoolingMode mode : pooling.poolings) {
    switch (mode) {
    case PoolingMode::Cls:
      vectors.push_back(model.firstToken(hidden));
      firstColumn = FirstColumn::Error;
      break;
    case PoolingMode::Max:
      vectors.push_back(model.pool(hidden, model.mask(), xf::PoolMode::Max));
      break;
    case PoolingMode::Mean:
      vectors.push_back(model.pool(hidden, model.mask(), xf::PoolMode::Mean));
      break;
    }
  }
  Value embedding = model.join(vectors);
  if (pooling.normalize)
    embedding = model.normalize(embedding, 1e-12); // the eps of torch.nn.functional.normalize
  model.output("sentence_embedding", embedding, {.firstColumn = firstColumn});
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
