//===- Gemma2.cpp - Gemma Team 2024 -------------------------------------------===//
//
// Gemma with norms behind parts of layers, too. Every other layer looks no further than a window; scores and logits
// come near a cap and never beyond it. Hugging Face: models/gemma2/modeling_gemma2.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/GemmaBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family gemma2Family;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 256000, c.hidden = 2304, c.inner = 9216, c.layers = 26, c.heads = 8, c.keyHeads = 4, c.headDim = 256;
  c.positions = 8192;
  c.activationField = "hidden_activation", c.activationName = "gelu_pytorch_tanh";
  c.tied = true, c.paddingId = 0;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

llvm::Error buildGemma2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  auto readCap = [&](StringRef name, double absent) {
    return fields.has(name) ? fields.getOptionalFloat(name, 1e-6, 1e6) : absent;
  };
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  c.scale = 1 / std::sqrt(fields.getFloat("query_pre_attn_scalar", 256, 1e-6, 1e6));
  c.cap = readCap("attn_logit_softcapping", 50);
  c.logitCap = readCap("final_logit_softcapping", 30);
  readAlternatingWindows(fields, c, 2);
  if (llvm::Error error = fields.takeError())
    return error;
  defineGains(m, c, layerNormsOnBothSides);
  return buildLlamaDecoder(
      m, "gemma2", gemmaEmbeddings(m, c), c, options,
      [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return doublyNormedLayer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::TokenClassification};

} // namespace

const Family gemma2Family = {.modelType = "gemma2",
                             .title = "Gemma 2, Gemma Team 2024",
                             .basePrefix = "model.",
                             .classPrefix = "Gemma2",
                             .tasks = tasks,
                             .build = buildGemma2,
                             .longestSequence = longestSequence,
                             .writingIds = WritingIds{.eos = 1, .pad = 0}};

} // namespace lathe
