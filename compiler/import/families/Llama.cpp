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

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, LlamaConfig()); }

llvm::Error buildLlama(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, LlamaConfig());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  c.innerBias = fields.getBool("mlp_bias", false);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaModel(m, "llama", c, options);
}

/// Of the rotations, which old files have.
constexpr StringRef buffers[] = {"rotary_emb.inv_freq"};

} // namespace

const Family llamaFamily = {.modelType = "llama",
                            .title = "Llama, Touvron et al. 2023",
                            .basePrefix = "model.",
                            .classPrefix = "Llama",
                            .tasks = llamaTasks,
                            .build = buildLlama,
                            .longestSequence = longestSequence,
                            .renameWeight = nameBehindTransformer,
                            .buffers = buffers,
                            .writingIds = WritingIds{.eos = 2}};

} // namespace lathe
