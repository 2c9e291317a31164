//===- Xlnet.cpp - Yang et al. 2019 -------------------------------------------===//
//
// A post-norm encoder with relative attention (RelativeBlocks.h), in which segments are told apart, too. Hugging Face:
// models/xlnet/modeling_xlnet.py; here is its content stream.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"
#include "compiler/import/families/RelativeBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family xlnetFamily;

namespace {

enum class Summary { Last, First, Mean };

struct XlnetConfig {
  int64_t vocab, hidden, layers, heads, inner;
  bool causal, tied, summaryProjects;
  double eps;
  std::optional<int64_t> clamp;                             ///< distances beyond it count as it
  const ActivationFunction *activation, *summaryActivation; ///< the latter null: none
  Summary summary;
  MemoryForm memory;

  int64_t headDim() const { return hidden / heads; }
  RelativeForm form() const;

  static llvm::Expected<XlnetConfig> parse(const JsonDocument &document);
};

/// Segments that can be told apart. Transformers compares any numbers; its tokenizer gives those up to 4.
constexpr int64_t segments = 16;

RelativeForm XlnetConfig::form() const {
  return {.hidden = hidden,
          .heads = heads,
          .headDim = headDim(),
          .causal = causal,
          .clamp = clamp,
          .segments = segments,
          .rates = sineRates(hidden)};
}

llvm::Expected<XlnetConfig> XlnetConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  XlnetConfig c;
  c.vocab = fields.getInt("vocab_size", 32000, 1, maxRows);
  c.hidden = fields.getInt("d_model", 1024, 1, maxWidth);
  c.layers = fields.getInt("n_layer", 24, 1, 4096);
  c.heads = fields.getInt("n_head", 16, 1, maxWidth);
  c.inner = fields.getInt("d_inner", 4096, 1, maxWidth);
  c.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
  c.activation = &readActivation(fields, "ff_activation", "gelu");
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.causal = fields.getChoice<bool>("attn_type", "bi", {{"bi", false}, {"uni", true}});
  if (int64_t clamp = fields.getInt("clamp_len", -1, -1, 1 << 16); clamp > 0)
    c.clamp = clamp;
  if (fields.getBool("same_length", false) && c.causal)
    fields.reject("same_length", "found true with attn_type \"uni\", which is not supported yet; accepted is false");
  if (fields.getBool("bi_data", false))
    fields.reject("bi_data", "found true: the second half of a batch would count distances the other way round; "
                             "accepted is false");
  c.memory.kept = fields.has("mem_len") ? fields.getOptionalInt("mem_len", 0, 1 << 20).value_or(0) : 512;
  c.memory.isGiven = fields.getBool("use_mems_eval", true);
  if (fields.getOptionalInt("reuse_len", -1, 1 << 20).value_or(0) > 0 && c.memory.isGiven)
    fields.reject("reuse_len", "is set: a part of the tokens would be remembered; accepted is 0 or null");
  c.summary = fields.getChoice<Summary>("summary_type", "last",
                                        {{"last", Summary::Last},
                                         {"first", Summary::First},
                                         {"mean", Summary::Mean},
                                         {"cls_index", Summary::Last}}); // no head says which token it means
  c.summaryProjects = fields.getBool("summary_use_proj", true);
  if (fields.getBool("summary_proj_to_labels", false))
    fields.reject("summary_proj_to_labels",
                  "found true: a head reads a summary as wide as the model; accepted is false");
  const bool activates = !fields.has("summary_activation") || fields.getOptionalString("summary_activation");
  c.summaryActivation = activates ? &readActivation(fields, "summary_activation", "tanh") : nullptr;
  if (c.hidden % 2 || c.hidden % std::max<int64_t>(c.heads, 1))
    fields.reject("d_model", "found " + Twine(c.hidden) + "; accepted are even multiples of n_head, " + Twine(c.heads));
  if (fields.getInt("d_head", c.headDim(), 1, maxWidth) != c.headDim())
    fields.reject("d_head", "is not d_model divided by n_head, " + Twine(c.headDim()));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

/// What attention makes of a layer's weights.
void defineProducts(ModelBuilder &m, const std::string &prefix, const XlnetConfig &c) {
  const std::string attention = prefix + "rel_attn.";
  const SmallVector<int64_t> heads = {c.heads, c.headDim()};
  defineRelativeProducts(m, attention, c.form(),
                         {.projection = m.valuesOf(attention + "r", {c.hidden, c.heads, c.headDim()}),
                          .ofKeys = m.valuesOf(attention + "r_w_bias", heads),
                          .ofDistances = m.valuesOf(attention + "r_r_bias", heads),
                          .ofSegments = m.valuesOf(attention + "r_s_bias", heads),
                          .vectors = m.valuesOf(attention + "seg_embed", {2, c.heads, c.headDim()})});
}

Value layer(BlockBuilder &b, Value x, const RelativeInputs &inputs, const XlnetConfig &c) {
  Value q = b.transposedLinear(x, "rel_attn.q", "rel_attn.r_w_bias", c.hidden);
  Value k = b.transposedLinear(inputs.keys, "rel_attn.k", "", c.hidden);
  Value v = b.transposedLinear(inputs.keys, "rel_attn.v", "", c.hidden);
  Value a = b.linear(relativeAttention(b, q, k, v, "rel_attn.", inputs, c.form()), "rel_attn.o", "", c.hidden);
  x = b.layerNorm(b.add(a, x), "rel_attn.layer_norm", c.eps);
  Value f = b.activate(b.linear(x, "ff.layer_1", c.inner), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "ff.layer_2", c.hidden), x), "ff.layer_norm", c.eps);
}

SmallVector<Value> encoder(ModelBuilder &m, Value x, const XlnetConfig &c) {
  const std::vector<std::string> prefixes = m.layerPrefixes("layer.", c.layers, "n_layer");
  for (const std::string &prefix : prefixes) {
    for (const char *name : {"q", "k", "v", "o"})
      m.storedAs(prefix + "rel_attn." + name, {c.hidden, c.heads, c.headDim()});
    m.storedAs(prefix + "rel_attn.r_w_bias", {c.heads, c.headDim()});
    defineProducts(m, prefix, c);
  }
  return rememberingLayers(
      m, "xlnet_layer", prefixes, x, c.form(), c.memory,
      [&](BlockBuilder &b, Value x, const RelativeInputs &inputs) { return layer(b, x, inputs, c); });
}

/// Of a text. Its last token is that in the last column: texts are padded on the left.
Value summary(ModelBuilder &m, Value hidden, const XlnetConfig &c) {
  Value x = c.summary == Summary::Last    ? m.pool(hidden, xf::PoolMode::Last, m.exceptLast(/*paddingId=*/-1))
            : c.summary == Summary::First ? m.firstToken(hidden)
                                          : m.pool(hidden, xf::PoolMode::Mean);
  if (c.summaryProjects)
    x = m.linear(x, "sequence_summary.summary", c.hidden);
  return c.summaryActivation ? m.activate(x, *c.summaryActivation) : x;
}

llvm::Error buildXlnet(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<XlnetConfig> config = XlnetConfig::parse(document);
  if (!config)
    return config.takeError();
  const XlnetConfig &c = *config;

  Value x = m.lookup(m.inputIds(c.vocab), "word_embedding", c.vocab, c.hidden);
  SmallVector<Value> layers = encoder(m, x, c);
  Value hidden = layers.back();

  const OutputForm ofTexts = {.firstColumn = c.summary == Summary::First ? FirstColumn::Error : FirstColumn::Unused};
  switch (options.task) {
  case Task::CausalLm:
    emitVocabularyLogits(m, "logits", hidden,
                         {.embedding = "word_embedding.weight",
                          .weight = "lm_loss.weight",
                          .bias = "lm_loss.bias",
                          .ownBias = "lm_loss.bias"},
                         c.vocab, c.tied);
    break;
  case Task::MultipleChoice:
    m.takeChoices();
    m.output("logits", m.linear(summary(m, hidden, c), "logits_proj", 1),
             {.firstColumn = ofTexts.firstColumn, .squeezed = true, .byChoice = true});
    break;
  default:
    if (llvm::Error error = emitHead(m, hidden, options,
                                     {.summary = [&] { return summary(m, hidden, c); },
                                      .classifier = "logits_proj",
                                      .summaryReads = ofTexts.firstColumn}))
      return error;
  }
  return finishEncoder(m, x, layers, options,
                       {"mask_emb", "lm_loss.", "sequence_summary.", "logits_proj.", "classifier.", "qa_outputs.",
                        "start_logits.", "end_logits.", "answer_class."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm},
                                      {"ForQuestionAnsweringSimple", Task::QuestionAnswering}};

} // namespace

const Family xlnetFamily = {.modelType = "xlnet",
                            .title = "XLNet, Yang et al. 2019",
                            .basePrefix = "transformer.",
                            .classPrefix = "XLNet",
                            .tasks = tasks,
                            .build = buildXlnet,
                            .longestSequence = unlimitedPositions,
                            .ownClasses = ownClasses,
                            .writingIds = WritingIds{.eos = 2, .pad = 5}};

} // namespace lathe
