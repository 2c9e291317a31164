//===- Families.cpp - the list of families, and what they share ---------------===//
#include "compiler/import/families/Family.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

extern const Family albertFamily, bertFamily;

llvm::ArrayRef<const Family *> allFamilies() {
  static const Family *const families[] = {&albertFamily, &bertFamily};
  return families;
}

llvm::Expected<const Family *> findFamily(llvm::StringRef modelType) {
  SmallVector<StringRef> known;
  for (const Family *family : allFamilies()) {
    if (family->modelType == modelType)
      return family;
    known.push_back(family->modelType);
  }
  return llvm::createStringError("model_type '" + modelType +
                                 "' is not supported yet; supported are: " + llvm::join(known, ", "));
}

void requireAbsolutePositions(JsonFields &fields) {
  if (std::string type = fields.getString("position_embedding_type", "absolute"); type != "absolute")
    fields.reject("position_embedding_type",
                  "found \"" + type + "\", which is not supported yet; accepted is \"absolute\"");
}

void requireWholeHeads(JsonFields &fields, int64_t hidden, int64_t heads) {
  if (hidden % std::max<int64_t>(heads, 1))
    fields.reject("hidden_size",
                  "found " + Twine(hidden) + ", which is no multiple of num_attention_heads " + Twine(heads));
}

Value bertEmbeddings(ModelBuilder &m, const BertEmbeddingSizes &s) {
  Value x =
      m.add(m.add(m.lookup(m.inputIds(s.vocab), "embeddings.word_embeddings", s.vocab, s.width),
                  m.lookup(m.tokenTypeIds(s.tokenTypes), "embeddings.token_type_embeddings", s.tokenTypes, s.width)),
            m.lookup(m.positionIds(s.positions), "embeddings.position_embeddings", s.positions, s.width));
  return m.layerNorm(x, "embeddings.LayerNorm", s.eps);
}

void emitMaskedLmLogits(ModelBuilder &m, Value x, StringRef head, int64_t vocab, bool tied) {
  // Files hold the bias under one name or both; tied models read the head's own, untied ones the decoder's.
  std::string own = (head + ".bias").str(), decoder = (head + ".decoder.bias").str();
  const std::string &bias = m.hasWeight(own) && (tied || !m.hasWeight(decoder)) ? own : decoder;
  std::string weight = tied ? "embeddings.word_embeddings.weight" : (head + ".decoder.weight").str();
  m.output("logits", m.linear(x, weight, bias, vocab));
}

static void emitPoolerOutput(ModelBuilder &m, Value hidden, StringRef dense) {
  if (!m.hasWeight((dense + ".weight").str()) && !m.hasWeight((dense + ".bias").str()))
    return;
  int64_t width = cast<RankedTensorType>(hidden.getType()).getShape().back();
  m.output("pooler_output", m.activate(m.linear(m.firstToken(hidden), dense, width), xf::Activation::Tanh),
           FirstColumn::Zero);
}

void emitHiddenStates(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, const HeadOptions &options) {
  if (!options.hiddenStates)
    return;
  model.output("hidden_states.0", embeddings);
  for (auto [index, state] : llvm::enumerate(layers))
    model.output(("hidden_states." + Twine(index + 1)).str(), state);
}

static llvm::Error emitSentenceEmbedding(ModelBuilder &model, Value hidden, const SentenceTransformer &pooling) {
  int64_t width = cast<RankedTensorType>(hidden.getType()).getShape().back();
  if (!pooling.poolingFile.empty()) // else it is --pooling, which states no width
    if (llvm::Error error = pooling.checkWidth(width))
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
  model.output("sentence_embedding", embedding, firstColumn);
  return llvm::Error::success();
}

llvm::Error emitEncoderOutputs(ModelBuilder &model, Value hidden, StringRef pooler, const HeadOptions &options) {
  if (options.task == Task::Embedding)
    return emitSentenceEmbedding(model, hidden, *options.sentenceEmbedding);
  model.output("last_hidden_state", hidden);
  emitPoolerOutput(model, hidden, pooler);
  return llvm::Error::success();
}

} // namespace lathe
