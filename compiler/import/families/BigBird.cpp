//===- BigBird.cpp - Zaheer et al. 2020 ---------------------------------------===//
//
// BERT over rows that are cut into blocks of columns: tokens see their own block and those beside it, and the first and
// the last block of their row, which see all tokens themselves. Short rows, and models of full attention, are BERT's.
// Hugging Face: models/big_bird/modeling_big_bird.py.
//
// The paper's blocks drawn at random are, outside of training, always the first in Transformers: its keys count once
// for each of them, besides once for being global (decision 0042).
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family bigBirdFamily;

namespace {

struct BigBirdConfig {
  BertConfig bert;
  bool isSparse, biased, rescales;
  int64_t block, randomBlocks, separator;

  static llvm::Expected<BigBirdConfig> parse(const JsonDocument &document, Task task);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 4096, 1, 1 << 28); }

llvm::Expected<BigBirdConfig> BigBirdConfig::parse(const JsonDocument &document, Task task) {
  JsonFields fields(document);
  BigBirdConfig c;
  c.bert = BertConfig::read(
      fields,
      {.vocab = 50358, .positions = 4096, .activationName = "gelu_new", .mayDecode = true, .hasOwnTypes = true});
  c.isSparse =
      fields.getChoice<bool>("attention_type", "block_sparse", {{"block_sparse", true}, {"original_full", false}});
  c.biased = fields.getBool("use_bias", true);
  c.rescales = fields.getBool("rescale_embeddings", false);
  c.block = fields.getInt("block_size", 64, 1, 1 << 16);
  c.randomBlocks = fields.getInt("num_random_blocks", 3, 0, 1 << 16);
  c.separator = fields.getInt("sep_token_id", 66, 0, 1 << 28);
  if (c.isSparse && c.bert.causal)
    fields.reject("attention_type",
                  "found \"block_sparse\" with is_decoder true, which Transformers computes as causal "
                  "for short texts alone; accepted is original_full");
  if (task == Task::QuestionAnswering && c.bert.tokenTypes < 2)
    fields.reject("type_vocab_size", "found 1; questions and contexts have types of their own, so accepted are 2 and "
                                     "more");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

Value embeddings(ModelBuilder &m, const BigBirdConfig &c) {
  const BertConfig &bert = c.bert;
  Value word = m.lookup(m.inputIds(bert.vocab), "embeddings.word_embeddings", bert.vocab, bert.hidden);
  if (c.rescales)
    word = m.scale(word, std::sqrt(double(bert.hidden)));
  return m.layerNorm(addTypeAndPosition(m, word, bert), "embeddings.LayerNorm", bert.eps);
}

/// Layers are given the mask, the columns and, of sparse attention, how often tokens are keys to all, which they are to
/// none but one or the other of both attentions; of a decoder's, where prefixes end.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BigBirdConfig &c) {
  const BertConfig &bert = c.bert;
  auto project = [&](StringRef name) { return b.linear(x, name, bert.hidden, c.biased); };
  Value q = project("attention.self.query"), k = project("attention.self.key"), v = project("attention.self.value");
  auto attention = [&](const ScoreRules &rules) { return b.attention(q, k, v, shared[0], bert.heads, rules); };
  Value a;
  if (c.isSparse)
    a = b.add(attention({.columns = shared[1], .reach = 1, .block = c.block, .globals = shared[2]}),
              attention({.chosen = shared[2]}));
  else if (bert.causal)
    a = attention({.columns = shared[1], .causal = true, .prefix = shared[2]});
  else
    a = attention({});
  return behindAttention(b, x, a, bert);
}

SmallVector<Value> encoder(ModelBuilder &m, Value x, const BigBirdConfig &c) {
  SmallVector<Value> shared = {m.mask()};
  if (c.isSparse)
    shared.append({m.columns(), m.blockGlobals(c.block, 1 + c.randomBlocks)});
  else if (c.bert.causal)
    shared.append({m.columns(), m.prefix()});
  return m.sharingLayers("big_bird_layer", m.layerPrefixes("encoder.layer.", c.bert.layers), x, shared,
                         [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
}

/// Where answers begin and end, which is not in the question: what stands up to the first separator, but for the first
/// column. Types of tokens are told by it, too.
void emitAnswers(ModelBuilder &m, Value hidden, const BigBirdConfig &c) {
  const BertConfig &bert = c.bert;
  Value f = m.activate(m.linear(hidden, "qa_classifier.intermediate.dense", bert.intermediate), *bert.activation);
  f = m.add(m.linear(f, "qa_classifier.output.dense", bert.hidden), hidden);
  Value logits = m.linear(m.layerNorm(f, "qa_classifier.output.LayerNorm", bert.eps), "qa_classifier.qa_outputs", 2);
  m.tellTypesBySeparator(c.separator);
  m.defineWeight("question.weight", {2, 2}, {0, 0, 1, 1}); // exact in any precision, which -1e6 is not
  Value inQuestion = m.lookup(m.questionMask(c.separator), "question", 2, 2);
  SmallVector<Value> ends = m.split(m.add(logits, m.scale(inQuestion, -1e6)), 2);
  m.output("start_logits", ends[0], {.squeezed = true});
  m.output("end_logits", ends[1], {.squeezed = true});
}

llvm::Error emitHeads(ModelBuilder &m, Value hidden, const HeadOptions &options, const BigBirdConfig &c) {
  const BertConfig &bert = c.bert;
  if (options.task == Task::QuestionAnswering)
    return emitAnswers(m, hidden, c), llvm::Error::success();
  if (options.task == Task::SequenceClassification) {
    auto summary = [&] {
      return m.activate(m.linear(m.firstToken(hidden), "classifier.dense", bert.hidden), *bert.activation);
    };
    return emitHead(m, hidden, options, {.summary = summary, .classifier = "classifier.out_proj"});
  }
  auto words = [&](StringRef output) { emitBertWords(m, hidden, output, bert); };
  return emitBertHead(m, hidden, options, words, "pooler");
}

llvm::Error buildBigBird(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<BigBirdConfig> config = BigBirdConfig::parse(document, options.task);
  if (!config)
    return config.takeError();

  Value x = embeddings(m, *config);
  SmallVector<Value> layers = encoder(m, x, *config);
  if (config->isSparse && !m.attentions().empty())
    return llvm::createStringError(
        "--emit attentions is not supported for attention_type 'block_sparse', where those of "
        "some tokens are computed apart; accepted is original_full");
  if (llvm::Error error = emitHeads(m, layers.back(), options, *config))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "cls.", "classifier.", "qa_classifier."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::Pretraining,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

} // namespace

const Family bigBirdFamily = {.modelType = "big_bird",
                              .title = "BigBird, Zaheer et al. 2020",
                              .basePrefix = "bert.",
                              .classPrefix = "BigBird",
                              .tasks = tasks,
                              .build = buildBigBird,
                              .longestSequence = longestSequence,
                              .writingIds = WritingIds{.eos = 2, .pad = 0, .bos = 1}};

} // namespace lathe
