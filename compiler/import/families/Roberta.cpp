//===- Roberta.cpp - Liu et al. 2019 ------------------------------------------===//
//
// BERT whose positions count the tokens that are no padding, from behind the padding's id on, and whose heads have a
// dense layer of their own. XLM-RoBERTa (Conneau et al. 2019) and CamemBERT (Martin et al. 2019) are the same network.
// Hugging Face: models/roberta, models/xlm_roberta, models/camembert.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family camembertFamily, robertaFamily, xlmRobertaFamily;

namespace {

llvm::Error build(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options, int64_t defaultVocab) {
  JsonFields fields(document);
  const BertConfig c =
      BertConfig::read(fields, {.vocab = defaultVocab, .mayDecode = true, .mayBeLinear = true, .paddingId = 1});
  if (llvm::Error error = fields.takeError())
    return error;

  Value x = bertEmbeddings(m, c);
  SmallVector<Value> layers = bertLayers(m, x, c);
  Value hidden = layers.back();

  if (llvm::Error error = emitRobertaHead(m, hidden, options, c))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "lm_head.", "classifier.", "qa_outputs."});
}

llvm::Error buildRoberta(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return build(m, document, options, 50265);
}
llvm::Error buildOther(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return build(m, document, options, 30522);
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

} // namespace

const Family robertaFamily = {.modelType = "roberta",
                              .title = "RoBERTa, Liu et al. 2019",
                              .basePrefix = "roberta.",
                              .classPrefix = "Roberta",
                              .tasks = tasks,
                              .build = buildRoberta,
                              .longestSequence = positionsBehindPadding,
                              .writingIds = WritingIds{.eos = 2, .pad = 1}};
const Family xlmRobertaFamily = {.modelType = "xlm-roberta",
                                 .title = "XLM-RoBERTa, Conneau et al. 2019",
                                 .basePrefix = "roberta.",
                                 .classPrefix = "XLMRoberta",
                                 .tasks = tasks,
                                 .build = buildOther,
                                 .longestSequence = positionsBehindPadding,
                                 .writingIds = WritingIds{.eos = 2, .pad = 1}};
const Family camembertFamily = {.modelType = "camembert",
                                .title = "CamemBERT, Martin et al. 2019",
                                .basePrefix = "roberta.",
                                .classPrefix = "Camembert",
                                .tasks = tasks,
                                .build = buildOther,
                                .longestSequence = positionsBehindPadding,
                                .writingIds = WritingIds{.eos = 2, .pad = 1}};

} // namespace lathe
