//===- Starcoder2.cpp - Lozhkov et al. 2024 -----------------------------------===//
//
// Llama's attention between layer norms, with biases everywhere and an inner layer without a gate. Hugging Face:
// models/starcoder2/modeling_starcoder2.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family starcoder2Family;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 49152, c.hidden = 3072, c.inner = 12288, c.layers = 30, c.heads = 24, c.keyHeads = 2, c.positions = 4096;
  c.activationName = "gelu_pytorch_tanh";
  c.epsName = "norm_epsilon", c.eps = 1e-5, c.centred = true;
  c.tied = true;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

Value layer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  x = b.add(llamaAttention(b, decoderNorm(b, x, "input_layernorm", c), inputs, c), x);
  Value y = decoderNorm(b, x, "post_attention_layernorm", c);
  y = b.activate(b.linear(y, "mlp.c_fc", c.inner, c.innerBias), *c.activation);
  return b.add(b.linear(y, "mlp.c_proj", c.hidden, c.innerBias), x);
}

llvm::Error buildStarcoder2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  c.inputBias = c.outputBias = c.innerBias = fields.getBool("use_bias", true);
  readWindow(fields, c);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaDecoder(m, "starcoder2", llamaEmbeddings(m, c), c, options,
                           [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return layer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::TokenClassification};

} // namespace

const Family starcoder2Family = {.modelType = "starcoder2",
                                 .title = "StarCoder2, Lozhkov et al. 2024",
                                 .basePrefix = "model.",
                                 .classPrefix = "Starcoder2",
                                 .tasks = tasks,
                                 .build = buildStarcoder2,
                                 .longestSequence = longestSequence,
                                 .writingIds = WritingIds{.eos = 50256}};

} // namespace lathe
