//===- Bart.cpp - Lewis et al. 2020 -------------------------------------------===//
//
// An encoder and a decoder with learned positions and norms behind each part. Hugging Face:
// models/bart/modeling_bart.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BartBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family bartFamily;

namespace {

llvm::Error buildBart(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BartConfig c = BartConfig::read(fields, {});
  if (llvm::Error error = fields.takeError())
    return error;
  if (llvm::Error error = buildBartModel(m, "bart", c, options))
    return error;
  m.shiftTargets(c.startId, c.paddingId);
  return llvm::Error::success();
}

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 1024, 1, 1 << 28); }

} // namespace

const Family bartFamily = {.modelType = "bart",
                           .title = "BART, Lewis et al. 2020",
                           .basePrefix = "model.",
                           .classPrefix = "Bart",
                           .tasks = bartTasks,
                           .build = buildBart,
                           .longestSequence = longestSequence,
                           .writingIds = WritingIds{.eos = 2, .pad = 1, .forcedEos = 2, .decoderStart = 2}};

} // namespace lathe
