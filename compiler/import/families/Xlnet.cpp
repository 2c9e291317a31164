//===- Xlnet.cpp - Yang et al. 2019 -------------------------------------------===//
//
// A post-norm encoder whose scores sum up three products of the query, with a bias of its own in each: with the key,
// with a projection R of sines and cosines of their distance, and with one of two vectors, by whether both are of one
// segment. Hugging Face: models/xlnet/modeling_xlnet.py; here is its content stream.
//
// With a and b the columns of query and key, a sine of their distance is sin a cos b - cos a sin b, and a cosine
// cos a cos b + sin a sin b. So the second product is one of R^T q, rotated by a as rotary embeddings are, with cosines
// and sines of b; and the third, but for what is the same for all keys, one of segments told apart by columns. A head's
// queries and keys have columns for all three side by side, so nothing goes by pairs of tokens, and lengths have no
// limit (decision 0036). Clamped distances are no such sum: queries then have a term for each distance.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

#include <cmath>

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

  int64_t headDim() const { return hidden / heads; }
  /// Columns, or terms, that a head's query has for distances.
  int64_t distances() const { return clamp ? 2 * *clamp + 1 : hidden; }

  static llvm::Expected<XlnetConfig> parse(const JsonDocument &document);
};

/// Segments that can be told apart. Transformers compares any numbers; its tokenizer gives those up to 4.
constexpr int64_t segments = 16;

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
// What depends on weights alone
//===----------------------------------------------------------------------===//

/// What a head's is called behind a layer's prefix.
std::string ofHead(StringRef kind, int64_t head) { return ("rel_attn." + kind + "." + Twine(head)).str(); }

/// By how much a position goes around, for each sine, computed in f32 as Transformers does.
std::vector<float> frequencies(const XlnetConfig &c) {
  std::vector<float> result;
  for (int64_t i = 0; i < c.hidden; i += 2)
    result.push_back(1 / std::pow(10000.0f, float(i) / float(c.hidden)));
  return result;
}

/// Row m of a head's part of `projection` [hidden, heads, head_dim], `sign` times.
void appendRow(std::vector<float> &rows, ArrayRef<float> projection, int64_t m, int64_t head, float sign,
               const XlnetConfig &c) {
  for (float value : projection.slice(m * c.hidden + head * c.headDim(), c.headDim()))
    rows.push_back(sign * value);
}

/// What a head's queries are multiplied with for distances: for the cosines of a key's column the cosines' rows, for
/// the sines the sines', negative, as rotating wants them. Clamped, what R makes of each distance.
std::vector<float> distanceRows(ArrayRef<float> projection, int64_t head, const XlnetConfig &c) {
  const int64_t half = c.hidden / 2;
  std::vector<float> rows;
  if (!c.clamp) {
    for (int64_t i = 0; i < half; ++i)
      appendRow(rows, projection, half + i, head, 1, c);
    for (int64_t i = 0; i < half; ++i)
      appendRow(rows, projection, i, head, -1, c);
    return rows;
  }
  const std::vector<float> rates = frequencies(c);
  for (int64_t distance = *c.clamp; distance >= -*c.clamp; --distance) { // the query's column less the key's
    std::vector<double> sums(c.headDim(), 0);
    for (int64_t i = 0; i < half; ++i) {
      const double angle = float(distance) * rates[i], sine = std::sin(angle), cosine = std::cos(angle);
      ArrayRef<float> ofSine = projection.slice(i * c.hidden + head * c.headDim(), c.headDim());
      ArrayRef<float> ofCosine = projection.slice((half + i) * c.hidden + head * c.headDim(), c.headDim());
      for (int64_t d = 0; d < c.headDim(); ++d)
        sums[d] += sine * ofSine[d] + cosine * ofCosine[d];
    }
    rows.insert(rows.end(), sums.begin(), sums.end());
  }
  return rows;
}

/// Of a layer: what each head multiplies its queries with, the rows for distances and, last, one for segments, by how
/// much more a key of the same segment is worth. The queries have r_w_bias already; what the other biases are beyond
/// that becomes a bias of these products.
void defineProducts(ModelBuilder &m, const std::string &prefix, const XlnetConfig &c) {
  const std::string attention = prefix + "rel_attn.";
  const SmallVector<int64_t> heads = {c.heads, c.headDim()};
  const std::vector<float> projection = m.valuesOf(attention + "r", {c.hidden, c.heads, c.headDim()});
  const std::vector<float> ofKeys = m.valuesOf(attention + "r_w_bias", heads);
  const std::vector<float> ofDistances = m.valuesOf(attention + "r_r_bias", heads);
  const std::vector<float> ofSegments = m.valuesOf(attention + "r_s_bias", heads);
  const std::vector<float> vectors = m.valuesOf(attention + "seg_embed", {2, c.heads, c.headDim()});
  for (int64_t head = 0; head < c.heads; ++head) {
    const int64_t first = head * c.headDim();
    std::vector<float> rows = distanceRows(projection, head, c), biases;
    for (int64_t d = first; d < first + c.headDim(); ++d)
      rows.push_back(vectors[d] - vectors[c.hidden + d]);
    for (int64_t row = 0; row <= c.distances(); ++row) {
      ArrayRef<float> others = row < c.distances() ? ofDistances : ofSegments;
      double bias = 0;
      for (int64_t d = 0; d < c.headDim(); ++d)
        bias += double(rows[row * c.headDim() + d]) * (double(others[first + d]) - ofKeys[first + d]);
      biases.push_back(float(bias));
    }
    m.defineWeight(prefix + ofHead("products", head), {c.distances() + 1, c.headDim()}, rows);
    m.defineWeight(prefix + ofHead("product_biases", head), {c.distances() + 1}, biases);
  }
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

/// What layers are given. Of `segments` each token has a column that is 1, and the others are 0.
struct Shared {
  enum { Mask, Columns, Segments, Distances }; ///< Distances: cosines and sines of columns or, clamped, an index
};

/// Relative attention, without the product behind it.
Value attention(BlockBuilder &b, Value x, ArrayRef<Value> shared, const XlnetConfig &c) {
  Value q = b.transposedLinear(x, "rel_attn.q", "rel_attn.r_w_bias", c.hidden);
  Value k = b.transposedLinear(x, "rel_attn.k", "", c.hidden), v = b.transposedLinear(x, "rel_attn.v", "", c.hidden);
  ScoreRules rules;
  rules.scale = 1 / std::sqrt(double(c.headDim()));
  rules.causal = c.causal;
  if (c.causal || c.clamp)
    rules.columns = shared[Shared::Columns];

  SmallVector<Value> queries, keys, terms;
  for (auto [head, parts] : llvm::enumerate(llvm::zip_equal(b.split(q, c.heads), b.split(k, c.heads)))) {
    auto [query, key] = parts;
    Value products = b.linear(query, ofHead("products", head), ofHead("product_biases", head), c.distances() + 1);
    SmallVector<Value> ofDistances = b.split(products, {c.distances(), 1});
    Value segment = b.combine(xf::CombineKind::Mul, shared[Shared::Segments], ofDistances[1]);
    if (c.clamp) {
      terms.push_back(ofDistances[0]);
    } else {
      queries.push_back(ofDistances[0]);
      keys.push_back(shared[Shared::Distances]);
    }
    queries.append({query, segment});
    keys.append({key, shared[Shared::Segments]});
  }
  q = b.join(queries);
  if (c.clamp)
    rules.queryTerms = b.join(terms), rules.index = shared[Shared::Distances];
  else
    q = b.rotate(q, shared[Shared::Distances], c.heads);
  return b.attention(q, b.join(keys), v, shared[Shared::Mask], c.heads, rules);
}

Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const XlnetConfig &c) {
  Value a = b.linear(attention(b, x, shared, c), "rel_attn.o", "", c.hidden);
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
  std::vector<float> oneColumnEach(segments * segments, 0);
  for (int64_t segment = 0; segment < segments; ++segment)
    oneColumnEach[segment * segments + segment] = 1;
  m.defineWeight("segments.weight", {segments, segments}, oneColumnEach);
  Value ofSegments = m.lookup(m.tokenTypeIds(segments), "segments", segments, segments);

  std::vector<float> terms; // by the key's column less the query's
  for (int64_t term = 0; c.clamp && term < c.distances(); ++term)
    terms.push_back(float(term));
  Value distances =
      c.clamp ? m.constantVector("distances", terms) : m.angles(m.columns(), "frequencies", frequencies(c));
  return m.sharingLayers("xlnet_layer", prefixes, x, {m.mask(), m.columns(), ofSegments, distances},
                         [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
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
