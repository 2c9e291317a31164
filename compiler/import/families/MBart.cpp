//===- MBart.cpp - Liu et al. 2020 ----------------------------------------===//
//
// BART with its norms before each part, and one more behind all layers. Hugging Face: models/mbart/modeling_mbart.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BartBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family mbartFamily;

namespace {

llvm::Error buildMBart(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BartConfig c = BartConfig::read(fields, {.normsFirst = true, .normsLast = true, .startId = std::nullopt});
  if (llvm::Error error = fields.takeError())
    return error;
  if (llvm::Error error = buildBartModel(m, "mbart", c, options))
    return error;
  m.shiftTargets(std::nullopt, c.paddingId);
  return llvm::Error::success();
}

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 1024, 1, 1 << 28); }

} // namespace

const Family mbartFamily = {.modelType = "mbart",
                            .title = "mBART, Liu et al. 2020",
                            .basePrefix = "model.",
                            .classPrefix = "MBart",
                            .tasks = bartTasks,
                            .build = buildMBart,
                            .longestSequence = longestSequence,
                            .writingIds = WritingIds{.eos = 2, .pad = 1, .forcedEos = 2, .bos = 0}};

} // namespace lathe
