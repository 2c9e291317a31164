//===- M2m100.cpp - Fan et al. 2021 ---------------------------------------===//
//
// Sinusoidal positions of the ids that are no padding, norms before each part, words scaled; NLLB (NLLB Team 2022) is
// the same network. Hugging Face: models/m2m_100/modeling_m2m_100.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BartBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family m2m100Family;

namespace {

llvm::Error buildM2m100(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BartConfig c = BartConfig::read(fields, {.vocab = 128112,
                                                 .activationName = "relu",
                                                 .scalesWords = true,
                                                 .positionsBy = BartPositions::Counted,
                                                 .normsWords = false,
                                                 .normsFirst = true,
                                                 .normsLast = true});
  if (llvm::Error error = fields.takeError())
    return error;
  return buildBartModel(m, "m2m100", c, options);
}

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 1024, 1, 1 << 28); }
constexpr Task tasks[] = {Task::Base, Task::Seq2SeqLm};

} // namespace

const Family m2m100Family = {.modelType = "m2m_100",
                             .title = "M2M-100, Fan et al. 2021",
                             .basePrefix = "model.",
                             .classPrefix = "M2M100",
                             .tasks = tasks,
                             .build = buildM2m100,
                             .longestSequence = longestSequence,
                             .writingIds = WritingIds{.eos = 2, .pad = 1, .decoderStart = 2}};

} // namespace lathe
