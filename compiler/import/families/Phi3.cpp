//===- Phi3.cpp - Abdin et al. 2024 -------------------------------------------===//
//
// Llama's layers with their linear layers side by side; heads may rotate in part, and by frequencies of their own.
// Hugging Face: models/phi3/modeling_phi3.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family phi3Family;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 32064, c.hidden = 3072, c.inner = 8192, c.positions = 4096;
  c.eps = 1e-5, c.paddingId = 32000;
  c.rotatedName = "partial_rotary_factor", c.trained = 4096, c.isPhis = true;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

Value layer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  Value y = b.rmsNorm(x, "input_layernorm", c.eps);
  SmallVector<Value> qkv =
      splitHeads(b, b.linear(y, "self_attn.qkv_proj", (c.heads + 2 * c.keyHeads) * c.headDim, /*biased=*/false), c);
  x = b.add(rotaryAttention(b, qkv[0], qkv[1], qkv[2], "self_attn.o_proj", inputs, c), x);
  y = b.rmsNorm(x, "post_attention_layernorm", c.eps);
  SmallVector<Value> parts = b.split(b.linear(y, "mlp.gate_up_proj", 2 * c.inner, /*biased=*/false), 2);
  Value gated = b.combine(xf::CombineKind::Mul, b.activate(parts[0], *c.activation), parts[1]);
  return b.add(b.linear(gated, "mlp.down_proj", c.hidden, /*biased=*/false), x);
}

llvm::Error buildPhi3(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  readWindow(fields, c);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaDecoder(m, "phi3", llamaEmbeddings(m, c), c, options,
                           [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return layer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::TokenClassification};

} // namespace

const Family phi3Family = {.modelType = "phi3",
                           .title = "Phi-3, Abdin et al. 2024",
                           .basePrefix = "model.",
                           .classPrefix = "Phi3",
                           .tasks = tasks,
                           .build = buildPhi3,
                           .longestSequence = longestSequence,
                           .writingIds = WritingIds{.eos = 32000, .pad = 32000}};

} // namespace lathe
