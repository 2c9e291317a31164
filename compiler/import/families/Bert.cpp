//===- Bert.cpp - Devlin et al. 2018 ------------------------------------------===//
//
// A post-norm encoder with learned positions counted by column, or with `is_decoder` a causal language model. Hugging
// Face: models/bert/modeling_bert.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family bertFamily;

namespace {

llvm::Error buildBert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BertConfig c = BertConfig::read(fields, {.mayDecode = true, .mayBeLinear = true});
  if (llvm::Error error = fields.takeError())
    return error;

  Value x = bertEmbeddings(m, c);
  SmallVector<Value> layers = bertLayers(m, x, c);
  Value hidden = layers.back();

  auto words = [&](StringRef output) { emitBertWords(m, hidden, output, c); };
  if (llvm::Error error = emitBertHead(m, hidden, options, words))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "cls.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::NextSentence,
                          Task::Pretraining,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm}};

} // namespace

const Family bertFamily = {.modelType = "bert",
                           .title = "BERT, Devlin et al. 2018",
                           .basePrefix = "bert.",
                           .classPrefix = "Bert",
                           .tasks = tasks,
                           .build = buildBert,
                           .ownClasses = ownClasses,
                           .writingIds = WritingIds{.pad = 0}};

} // namespace lathe
