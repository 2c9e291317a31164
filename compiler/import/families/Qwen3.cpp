//===- Qwen3.cpp - Yang et al. 2025 -------------------------------------------===//
//
// Llama's layers, whose queries and keys are normalised head by head before they rotate. Hugging Face:
// models/qwen3/modeling_qwen3.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family qwen3Family;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 151936, c.inner = 22016, c.keyHeads = 32, c.headDim = 128, c.positions = 32768;
  c.normsHeads = true;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

llvm::Error buildQwen3(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  readWindowBehind(fields, c);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaModel(m, "qwen3", c, options);
}

} // namespace

const Family qwen3Family = {.modelType = "qwen3",
                            .title = "Qwen3, Yang et al. 2025",
                            .basePrefix = "model.",
                            .classPrefix = "Qwen3",
                            .tasks = llamaTasks,
                            .build = buildQwen3,
                            .longestSequence = longestSequence,
                            .renameWeight = nameBehindTransformer,
                            .writingIds = WritingIds{}};

} // namespace lathe
