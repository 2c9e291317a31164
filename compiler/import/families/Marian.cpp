//===- Marian.cpp - Junczys-Dowmunt et al. 2018 ---------------------------===//
//
// The Transformer of Vaswani et al. 2017: sinusoidal positions, norms behind each part. The sides may have words of
// their own. Hugging Face: models/marian/modeling_marian.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BartBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family marianFamily;

namespace {

llvm::Error buildMarian(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  BartConfig c = BartConfig::read(fields, {.vocab = 58101,
                                           .positionsBy = BartPositions::Sinusoids,
                                           .normsWords = false,
                                           .paddingId = 58100,
                                           .endId = 0,
                                           .startId = 58100});
  c.sharesWords = fields.getBool("share_encoder_decoder_embeddings", true);
  if (!c.sharesWords)
    c.targetVocab = fields.getOptionalInt("decoder_vocab_size", 1, 1 << 28).value_or(c.vocab);
  if (llvm::Error error = fields.takeError())
    return error;
  return buildBartModel(m, "marian", c, options);
}

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 1024, 1, 1 << 28); }
constexpr Task tasks[] = {Task::Base, Task::Seq2SeqLm};
constexpr ClassEnding ownClasses[] = {{"MTModel", Task::Seq2SeqLm}};

} // namespace

const Family marianFamily = {.modelType = "marian",
                             .title = "Marian, Junczys-Dowmunt et al. 2018; Vaswani et al. 2017",
                             .basePrefix = "model.",
                             .classPrefix = "Marian",
                             .tasks = tasks,
                             .build = buildMarian,
                             .longestSequence = longestSequence,
                             .ownClasses = ownClasses,
                             .writingIds = WritingIds{.eos = 0, .pad = 58100, .forcedEos = 0, .decoderStart = 58100}};

} // namespace lathe
