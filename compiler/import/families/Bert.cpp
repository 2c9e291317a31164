//===- Bert.cpp - Devlin et al. 2018 ------------------------------------------===//
//
// A post-norm encoder with learned positions counted by column. Hugging Face: models/bert/modeling_bert.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Family.h"

using namespace mlir;

namespace lathe {
extern const Family bertFamily;

namespace {

struct BertConfig {
  int64_t vocab, hidden, layers, heads, intermediate, positions, tokenTypes;
  const ActivationFunction *activation;
  double eps;
  bool tied; ///< the masked-LM decoder is the word embedding

  static llvm::Expected<BertConfig> parse(const JsonDocument &document);
};

llvm::Expected<BertConfig> BertConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  BertConfig c;
  c.vocab = fields.getInt("vocab_size", 30522, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", 768, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", 12, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", 12, 1, maxWidth);
  c.intermediate = fields.getInt("intermediate_size", 3072, 1, maxWidth);
  c.positions = fields.getInt("max_position_embeddings", 512, 1, maxRows);
  c.tokenTypes = fields.getInt("type_vocab_size", 2, 1, maxRows);
  c.activation = &readActivation(fields, "hidden_act", "gelu");
  c.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", true);
  requireAbsolutePositions(fields);
  if (fields.getBool("is_decoder", false))
    fields.reject("is_decoder", "found true: BERT as a decoder is not supported yet; accepted is false");
  requireWholeHeads(fields, c.hidden, c.heads);
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

Value encoderLayer(BlockBuilder &b, Value x, Value mask, const BertConfig &c) {
  Value a = b.selfAttention(x, mask, c.heads, "attention.self.query", "attention.self.key", "attention.self.value");
  x = b.layerNorm(b.add(b.linear(a, "attention.output.dense", c.hidden), x), "attention.output.LayerNorm", c.eps);
  Value f = b.activate(b.linear(x, "intermediate.dense", c.intermediate), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "output.dense", c.hidden), x), "output.LayerNorm", c.eps);
}

llvm::Error buildBert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<BertConfig> config = BertConfig::parse(document);
  if (!config)
    return config.takeError();
  const BertConfig &c = *config;

  Value x = bertEmbeddings(m, {c.vocab, c.tokenTypes, c.positions, c.hidden, c.eps});
  SmallVector<Value> layers =
      m.layers("bert_layer", "encoder.layer.", c.layers, x, m.mask(),
               [&](BlockBuilder &b, Value x, Value mask) { return encoderLayer(b, x, mask, c); });
  Value hidden = layers.back();

  if (options.task == Task::MaskedLm) {
    Value t = m.activate(m.linear(hidden, "cls.predictions.transform.dense", c.hidden), *c.activation);
    t = m.layerNorm(t, "cls.predictions.transform.LayerNorm", c.eps);
    emitMaskedLmLogits(m, t, "cls.predictions", c.vocab, c.tied);
  } else if (llvm::Error error = emitEncoderOutputs(m, hidden, "pooler.dense", options)) {
    return error;
  }
  emitHiddenStates(m, x, layers, options);
  for (StringRef otherHead : {"pooler.", "cls.", "classifier.", "qa_outputs."})
    m.expectUnused(otherHead);
  return llvm::Error::success();
}

constexpr std::pair<llvm::StringLiteral, Task> architectures[] = {
    {"BertModel", Task::Base},
    {"BertForMaskedLM", Task::MaskedLm},
    {"BertForPreTraining", Task::Pretraining},
    {"BertForNextSentencePrediction", Task::NextSentence},
    {"BertForSequenceClassification", Task::SequenceClassification},
    {"BertForTokenClassification", Task::TokenClassification},
    {"BertForQuestionAnswering", Task::QuestionAnswering},
    {"BertForMultipleChoice", Task::MultipleChoice},
    {"BertLMHeadModel", Task::CausalLm},
};
constexpr Task tasks[] = {Task::Base, Task::MaskedLm, Task::Embedding};

} // namespace

const Family bertFamily{"bert", "bert.", architectures, tasks, buildBert};

} // namespace lathe
