//===- Mistral.cpp - Jiang et al. 2023 ----------------------------------------===//
//
// Llama's layers, of which each may look no further than a window. Hugging Face: models/mistral/modeling_mistral.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family mistralFamily;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.inner = 14336, c.keyHeads = 8, c.positions = 4096 * 32;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

llvm::Error buildMistral(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  readWindow(fields, c, /*absent=*/4096);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildLlamaModel(m, "mistral", c, options);
}

} // namespace

const Family mistralFamily = {.modelType = "mistral",
                              .title = "Mistral, Jiang et al. 2023",
                              .basePrefix = "model.",
                              .classPrefix = "Mistral",
                              .tasks = llamaTasks,
                              .build = buildMistral,
                              .longestSequence = longestSequence,
                              .writingIds = WritingIds{.eos = 2}};

} // namespace lathe
