//===- DebertaV2.cpp - He et al. 2021 -----------------------------------------===//
//
// BERT whose scores sum up three products: of query and key, of the query and an embedding of their distance, of that
// and the key. DeBERTa-v3 is the same network. Hugging Face: models/deberta_v2/modeling_deberta_v2.py.
//
// What a layer makes of the embeddings of distances depends on weights alone, so it is computed here, once: for each
// head a table [distances, head_dim] that queries, respectively keys, are multiplied with.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family debertaV2Family;

namespace {

struct DebertaConfig {
  BertConfig bert;
  bool relative, sharesProjections, normsDistances, byQuery, byKey, positionsAdded, legacyHead;
  int64_t buckets; ///< for either side of a query; 0: one for each distance
  int64_t furthest;
  const ActivationFunction *poolerActivation;

  int64_t headDim() const { return bert.hidden / bert.heads; }
  int64_t span() const { return buckets ? buckets : furthest; }
  /// Which of 2 span() embeddings the query's column less the key's has.
  int64_t embeddingOf(int64_t distance) const;

  static llvm::Expected<DebertaConfig> parse(const JsonDocument &document);
};

int64_t DebertaConfig::embeddingOf(int64_t distance) const {
  const int64_t middle = buckets / 2, away = std::abs(distance);
  int64_t bucket = distance;
  if (buckets && away > middle) { // in f32, as models are trained
    const float share = std::log(float(away) / float(middle)) / std::log(float(double(furthest - 1) / double(middle)));
    bucket = (int64_t(std::ceil(share * float(middle - 1))) + middle) * (distance < 0 ? -1 : 1);
  }
  return std::clamp(bucket + span(), int64_t(0), 2 * span() - 1);
}

/// A list of words, or one string in which they stand between bars.
std::vector<std::string> readWords(JsonFields &fields, StringRef name) {
  std::vector<std::string> words;
  for (const std::string &text : fields.getOptionalStringOrStrings(name).value_or(std::vector<std::string>())) {
    SmallVector<StringRef> parts;
    StringRef(text).split(parts, '|');
    for (StringRef part : parts)
      words.push_back(part.trim().lower());
  }
  return words;
}

llvm::Expected<DebertaConfig> DebertaConfig::parse(const JsonDocument &document) {
  JsonFields fields(document);
  DebertaConfig c;
  c.bert = BertConfig::read(fields, {.vocab = 128100,
                                     .hidden = 1536,
                                     .layers = 24,
                                     .heads = 24,
                                     .intermediate = 6144,
                                     .minTokenTypes = 0,
                                     .tokenTypes = 0,
                                     .eps = 1e-7});
  c.bert.embedding = fields.getInt("embedding_size", c.bert.hidden, 1, 1 << 20);
  c.relative = fields.getBool("relative_attention", false);
  c.sharesProjections = fields.getBool("share_att_key", false);
  c.normsDistances = llvm::is_contained(readWords(fields, "norm_rel_ebd"), "layer_norm");
  const std::vector<std::string> terms = readWords(fields, "pos_att_type");
  c.byQuery = llvm::is_contained(terms, "c2p"), c.byKey = llvm::is_contained(terms, "p2c");
  for (const std::string &term : terms)
    if (!term.empty() && term != "c2p" && term != "p2c")
      fields.reject("pos_att_type", "found \"" + term + "\"; accepted are c2p and p2c");
  c.positionsAdded = fields.getBool("position_biased_input", true);
  c.legacyHead = fields.getBool("legacy", true);
  c.buckets = std::max<int64_t>(fields.getInt("position_buckets", -1, -1, 1 << 16), 0);
  c.furthest = fields.getInt("max_relative_positions", -1, -1, 1 << 16);
  if (c.furthest < 1)
    c.furthest = c.bert.positions;
  c.poolerActivation = &readActivation(fields, "pooler_hidden_act", "gelu");
  if (c.buckets && (c.buckets < 4 || c.buckets % 2 || c.furthest - 1 <= c.buckets / 2))
    fields.reject("position_buckets", "found " + Twine(c.buckets) + " for distances up to " + Twine(c.furthest) +
                                          "; accepted are even numbers from 4 on, below twice those distances");
  if (fields.getInt("conv_kernel_size", 0, 0, 1 << 20))
    fields.reject("conv_kernel_size",
                  "found a convolution behind the first layer, which is not supported yet; accepted "
                  "is 0");
  if (fields.getInt("attention_head_size", c.bert.hidden / std::max<int64_t>(c.bert.heads, 1), 1, 1 << 20) !=
      c.bert.hidden / std::max<int64_t>(c.bert.heads, 1))
    fields.reject("attention_head_size",
                  "is not hidden_size divided by num_attention_heads, which is not supported yet");
  if (fields.getInt("pooler_hidden_size", c.bert.hidden, 1, 1 << 20) != c.bert.hidden)
    fields.reject("pooler_hidden_size", "is not hidden_size, which is not supported yet");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

//===----------------------------------------------------------------------===//
// Embeddings of distances
//===----------------------------------------------------------------------===//

/// Row-major numbers.
struct Matrix {
  int64_t rows, width;
  std::vector<float> values;
};

/// x W^T + b with `<name>.weight` and `<name>.bias`, as wide as x.
Matrix linear(ModelBuilder &m, const Matrix &x, const std::string &name) {
  const int64_t width = x.width;
  const std::vector<float> weight = m.valuesOf(name + ".weight", {width, width});
  const std::vector<float> bias = m.valuesOf(name + ".bias", {width});
  std::vector<float> turned(width * width); // so that the inner loop runs along columns
  for (int64_t n = 0; n < width; ++n)
    for (int64_t k = 0; k < width; ++k)
      turned[k * width + n] = weight[n * width + k];
  Matrix y = {x.rows, width, {}};
  for (int64_t row = 0; row < x.rows; ++row) {
    std::vector<float> sums = bias;
    for (int64_t k = 0; k < width; ++k) {
      const float factor = x.values[row * width + k], *column = &turned[k * width];
      for (int64_t n = 0; n < width; ++n)
        sums[n] += factor * column[n];
    }
    llvm::append_range(y.values, sums);
  }
  return y;
}

Matrix distanceEmbeddings(ModelBuilder &m, const DebertaConfig &c) {
  const int64_t width = c.bert.hidden;
  Matrix x = {2 * c.span(), width, m.valuesOf("encoder.rel_embeddings.weight", {2 * c.span(), width})};
  if (!c.normsDistances)
    return x;
  const std::vector<float> gain = m.valuesOf("encoder.LayerNorm.weight", {width});
  const std::vector<float> bias = m.valuesOf("encoder.LayerNorm.bias", {width});
  for (int64_t row = 0; row < x.rows; ++row) {
    float *values = &x.values[row * width];
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i)
      mean += values[i] / double(width);
    for (int64_t i = 0; i < width; ++i)
      variance += (values[i] - mean) * (values[i] - mean) / double(width);
    for (int64_t i = 0; i < width; ++i)
      values[i] = float((values[i] - mean) / std::sqrt(variance + c.bert.eps) * gain[i] + bias[i]);
  }
  return x;
}

/// What a head's table is called behind a layer's prefix.
std::string tableName(StringRef kind, int64_t head) { return ("attention.self." + kind + "." + Twine(head)).str(); }

/// Defines each head's columns of a layer's projection as a weight of its own.
void defineTables(ModelBuilder &m, const Matrix &distances, const std::string &prefix, const char *projection,
                  const char *kind, const DebertaConfig &c) {
  const Matrix all = linear(m, distances, prefix + "attention.self." + projection);
  const int64_t headDim = c.headDim();
  for (int64_t head = 0; head < c.bert.heads; ++head) {
    std::vector<float> table;
    for (int64_t row = 0; row < all.rows; ++row) {
      const float *from = &all.values[row * all.width + head * headDim];
      table.insert(table.end(), from, from + headDim);
    }
    m.defineWeight(prefix + tableName(kind, head), {all.rows, headDim}, table);
  }
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

/// [..., heads * 2 span]: each head's products with all embeddings of distances.
Value terms(BlockBuilder &b, Value x, StringRef kind, const DebertaConfig &c) {
  SmallVector<Value> products;
  for (auto [head, part] : llvm::enumerate(b.split(x, c.bert.heads)))
    products.push_back(b.linear(part, tableName(kind, head), "", 2 * c.span()));
  return b.join(products);
}

/// A layer is given the mask and, for distances, columns and index.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const DebertaConfig &c) {
  const BertConfig &bert = c.bert;
  Value q = b.linear(x, "attention.self.query_proj", bert.hidden);
  Value k = b.linear(x, "attention.self.key_proj", bert.hidden);
  Value v = b.linear(x, "attention.self.value_proj", bert.hidden);
  ScoreRules rules;
  rules.products = 1 + c.byQuery + c.byKey;
  if (shared.size() > 1) {
    rules.columns = shared[1];
    rules.index = shared[2];
    if (c.byQuery)
      rules.queryTerms = terms(b, q, "distance_keys", c);
    if (c.byKey)
      rules.keyTerms = terms(b, k, "distance_queries", c);
  }
  Value a = b.attention(q, k, v, shared[0], bert.heads, rules);
  x = b.layerNorm(b.add(b.linear(a, "attention.output.dense", bert.hidden), x), "attention.output.LayerNorm", bert.eps);
  Value f = b.activate(b.linear(x, "intermediate.dense", bert.intermediate), *bert.activation);
  return b.layerNorm(b.add(b.linear(f, "output.dense", bert.hidden), x), "output.LayerNorm", bert.eps);
}

Value embeddings(ModelBuilder &m, const DebertaConfig &c) {
  const BertConfig &bert = c.bert;
  Value x = m.lookup(m.inputIds(bert.vocab), "embeddings.word_embeddings", bert.vocab, bert.embedding);
  if (c.positionsAdded)
    x = m.add(
        x, m.lookup(m.positionIds(bert.positions), "embeddings.position_embeddings", bert.positions, bert.embedding));
  if (bert.tokenTypes)
    x = m.add(x, m.lookup(m.tokenTypeIds(bert.tokenTypes), "embeddings.token_type_embeddings", bert.tokenTypes,
                          bert.embedding));
  if (bert.embedding != bert.hidden)
    x = m.linear(x, "embeddings.embed_proj.weight", "", bert.hidden);
  return m.layerNorm(x, "embeddings.LayerNorm", bert.eps);
}

SmallVector<Value> encoder(ModelBuilder &m, Value x, const DebertaConfig &c) {
  const std::vector<std::string> prefixes = m.layerPrefixes("encoder.layer.", c.bert.layers);
  SmallVector<Value> shared = {m.mask()};
  if (c.relative && (c.byQuery || c.byKey)) {
    const Matrix distances = distanceEmbeddings(m, c);
    for (const std::string &prefix : prefixes) {
      if (c.byQuery)
        defineTables(m, distances, prefix, c.sharesProjections ? "key_proj" : "pos_key_proj", "distance_keys", c);
      if (c.byKey)
        defineTables(m, distances, prefix, c.sharesProjections ? "query_proj" : "pos_query_proj", "distance_queries",
                     c);
    }
    std::vector<float> index; // by the key's column less the query's
    for (int64_t away = -c.furthest; away <= c.furthest; ++away)
      index.push_back(float(c.embeddingOf(-away)));
    shared.append({m.columns(), m.constantVector("distances", index)});
  }
  return m.sharingLayers("deberta_layer", prefixes, x, shared,
                         [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
}

void emitMaskedLm(ModelBuilder &m, Value hidden, const DebertaConfig &c) {
  const BertConfig &bert = c.bert;
  if (!c.legacyHead) { // always tied
    Value t = m.activate(m.linear(hidden, "lm_predictions.lm_head.dense", bert.hidden), *bert.activation);
    DecoderNames names = decoderOf("lm_predictions.lm_head");
    return emitVocabularyLogits(m, "logits", m.layerNorm(t, "lm_predictions.lm_head.LayerNorm", bert.eps), names,
                                bert.vocab, /*tied=*/true);
  }
  Value t = m.activate(m.linear(hidden, "cls.predictions.transform.dense", bert.embedding), *bert.activation);
  t = m.layerNorm(t, "cls.predictions.transform.LayerNorm", bert.eps);
  emitVocabularyLogits(m, "logits", t, decoderOf("cls.predictions"), bert.vocab, bert.tied);
}

llvm::Error buildDebertaV2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<DebertaConfig> config = DebertaConfig::parse(document);
  if (!config)
    return config.takeError();
  const DebertaConfig &c = *config;

  Value x = embeddings(m, c);
  SmallVector<Value> layers = encoder(m, x, c);
  Value hidden = layers.back();

  if (options.task == Task::MaskedLm) {
    emitMaskedLm(m, hidden, c);
  } else {
    auto summary = [&] {
      return m.activate(m.linear(m.firstToken(hidden), "pooler.dense", c.bert.hidden), *c.poolerActivation);
    };
    if (llvm::Error error = emitHead(m, hidden, options, {.summary = summary, .choice = summary}))
      return error;
  }
  return finishEncoder(m, x, layers, options,
                       {"pooler.", "cls.", "lm_predictions.", "mask_predictions.", "classifier.", "qa_outputs.",
                        "embeddings.position_embeddings."});
}

/// Positions that nothing adds have no end.
int64_t longestSequence(JsonFields &fields) {
  return fields.getBool("position_biased_input", true) ? positionsByColumn(fields) : 0;
}

} // namespace

const Family debertaV2Family = {.modelType = "deberta-v2",
                                .title = "DeBERTa-v2 and v3, He et al. 2021",
                                .basePrefix = "deberta.",
                                .classPrefix = "DebertaV2",
                                .tasks = encoderTasks,
                                .build = buildDebertaV2,
                                .longestSequence = longestSequence};

} // namespace lathe
