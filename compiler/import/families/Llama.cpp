//===- Llama.cpp - Touvron et al. 2023 ----------------------------------------===//
//
// A pre-norm decoder whose norms go by the root of squares, whose positions rotate queries and keys, and whose inner
// layer is gated. Heads of queries may share one of keys and values. Hugging Face: models/llama/modeling_llama.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family llamaFamily;

namespace {

int64_t longestSequence(JsonFields &fields) {
  return fields.getInt("max_position_embeddings", LlamaConfig().positions, 1, 1 << 28);
}

llvm::Error buildLlama(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, LlamaConfig());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  c.innerBias = fields.getBool("mlp_bias", false);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaModel(m, "llama", c, options);
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification};
/// Of the rotations, which old files have.
constexpr StringRef buffers[] = {"rotary_emb.inv_freq"};

} // namespace

const Family llamaFamily = {.modelType = "llama",
                            .title = "Llama, Touvron et al. 2023",
                            .basePrefix = "model.",
                            .classPrefix = "Llama",
                            .tasks = tasks,
                            .build = buildLlama,
                            .longestSequence = longestSequence,
                            .buffers = buffers};

} // namespace lathe
