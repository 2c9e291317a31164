//===- Qwen2.cpp - Yang et al. 2024 -------------------------------------------===//
//
// Llama's layers with biases in front of attention; some of them may look no further than a window. Hugging Face:
// models/qwen2/modeling_qwen2.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family qwen2Family;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 151936, c.inner = 22016, c.keyHeads = 32, c.positions = 32768;
  c.inputBias = true;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

llvm::Error buildQwen2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  readWindowBehind(fields, c);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaModel(m, "qwen2", c, options);
}

} // namespace

const Family qwen2Family = {.modelType = "qwen2",
                            .title = "Qwen2, Yang et al. 2024",
                            .basePrefix = "model.",
                            .classPrefix = "Qwen2",
                            .tasks = llamaTasks,
                            .build = buildQwen2,
                            .longestSequence = longestSequence,
                            .renameWeight = nameBehindTransformer,
                            .writingIds = WritingIds{}};

} // namespace lathe
