//===- Pegasus.cpp - Zhang et al. 2020 ------------------------------------===//
//
// Sinusoidal positions, norms before each part. Hugging Face: models/pegasus/modeling_pegasus.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BartBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family pegasusFamily;

namespace {

llvm::Error buildPegasus(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BartConfig c = BartConfig::read(fields, {.positionsBy = BartPositions::Sinusoids,
                                                 .normsWords = false,
                                                 .normsFirst = true,
                                                 .normsLast = true,
                                                 .paddingId = 0,
                                                 .endId = 1,
                                                 .startId = 0});
  if (llvm::Error error = fields.takeError())
    return error;
  return buildBartModel(m, "pegasus", c, options);
}

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 1024, 1, 1 << 28); }
constexpr Task tasks[] = {Task::Base, Task::Seq2SeqLm};

} // namespace

const Family pegasusFamily = {.modelType = "pegasus",
                              .title = "PEGASUS, Zhang et al. 2020",
                              .basePrefix = "model.",
                              .classPrefix = "Pegasus",
                              .tasks = tasks,
                              .build = buildPegasus,
                              .longestSequence = longestSequence,
                              .writingIds = WritingIds{.eos = 1, .pad = 0, .forcedEos = 1, .decoderStart = 0}};

} // namespace lathe
