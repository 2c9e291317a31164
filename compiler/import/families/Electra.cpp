//===- Electra.cpp - Clark et al. 2020 ----------------------------------------===//
//
// BERT with an embedding of another width: a small generator that fills in masks, and a discriminator that tells which
// tokens were replaced. Hugging Face: models/electra/modeling_electra.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family electraFamily;

namespace {

llvm::Error buildElectra(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BertConfig c = BertConfig::read(
      fields,
      {.embedding = 128, .hidden = 256, .heads = 4, .intermediate = 1024, .mayDecode = true, .mayBeLinear = true});
  if (llvm::Error error = fields.takeError())
    return error;

  Value x = bertEmbeddings(m, c);
  if (c.embedding != c.hidden)
    x = m.linear(x, "embeddings_project", c.hidden);
  SmallVector<Value> layers = bertLayers(m, x, c);
  Value hidden = layers.back();

  if (options.task == Task::MaskedLm || options.task == Task::CausalLm) {
    Value t = m.activate(m.linear(hidden, "generator_predictions.dense", c.embedding), xf::Activation::Gelu);
    t = m.layerNorm(t, "generator_predictions.LayerNorm", c.eps);
    emitVocabularyLogits(m, "logits", t,
                         {.embedding = "embeddings.word_embeddings.weight",
                          .weight = "generator_lm_head.weight",
                          .bias = "generator_lm_head.bias",
                          .ownBias = "generator_lm_head.bias"},
                         c.vocab, c.tied);
  } else if (options.task == Task::Pretraining) { // above 0 where a token was replaced
    Value t = m.activate(m.linear(hidden, "discriminator_predictions.dense", c.hidden), *c.activation);
    m.output("logits", m.linear(t, "discriminator_predictions.dense_prediction", 1), {.squeezed = true});
  } else {
    auto summary = [&] { return pooled(m, hidden, "classifier.dense", xf::Activation::Gelu); };
    auto choice = [&] { return pooled(m, hidden, "sequence_summary.summary", xf::Activation::Gelu); };
    if (llvm::Error error =
            emitHead(m, hidden, options, {.summary = summary, .classifier = "classifier.out_proj", .choice = choice}))
      return error;
  }
  return finishEncoder(m, x, layers, options,
                       {"generator_predictions.", "generator_lm_head.", "discriminator_predictions.",
                        "sequence_summary.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::CausalLm,
                          Task::Pretraining,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

} // namespace

const Family electraFamily = {.modelType = "electra",
                              .title = "ELECTRA, Clark et al. 2020",
                              .basePrefix = "electra.",
                              .classPrefix = "Electra",
                              .tasks = tasks,
                              .build = buildElectra,
                              .writingIds = WritingIds{.pad = 0}};

} // namespace lathe
