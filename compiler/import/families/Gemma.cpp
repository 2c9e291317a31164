//===- Gemma.cpp - Gemma Team 2024 --------------------------------------------===//
//
// Llama's layers with wide heads; words are scaled up, and gains are stored as what they have above one. Hugging Face:
// models/gemma/modeling_gemma.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/GemmaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family gemmaFamily;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 256000, c.hidden = 3072, c.inner = 24576, c.layers = 28, c.heads = 16, c.keyHeads = 16, c.headDim = 256;
  c.positions = 8192;
  c.activationName = "gelu_pytorch_tanh";
  c.tied = true, c.paddingId = 0;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

llvm::Error buildGemma(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  if (llvm::Error error = fields.takeError())
    return error;
  defineGains(m, c, {"input_layernorm", "post_attention_layernorm"});
  return buildLlamaDecoder(
      m, "gemma", gemmaEmbeddings(m, c), c, options,
      [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return llamaLayer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::TokenClassification};

} // namespace

const Family gemmaFamily = {.modelType = "gemma",
                            .title = "Gemma, Gemma Team 2024",
                            .basePrefix = "model.",
                            .classPrefix = "Gemma",
                            .tasks = tasks,
                            .build = buildGemma,
                            .longestSequence = longestSequence,
                            .writingIds = WritingIds{.eos = 1, .pad = 0}};

} // namespace lathe
