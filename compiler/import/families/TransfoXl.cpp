//===- TransfoXl.cpp - Dai et al. 2019 ----------------------------------------===//
//
// Transformer-XL: a decoder with relative attention (RelativeBlocks.h) that attends to what each layer was given of
// the tokens before a run, too. Words of clusters behind the first have narrower embeddings, and are predicted in two
// steps (Grave et al. 2017; Baevski and Auli 2019). Hugging Face: models/deprecated/transfo_xl/modeling_transfo_xl.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"
#include "compiler/import/families/RelativeBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family transfoXlFamily;

namespace {

/// Words whose ids lie in [first, first + count), with embeddings of one width.
struct Cluster {
  int64_t first, count, width;
};

struct TransfoXlConfig {
  int64_t vocab, layers, inner;
  RelativeForm form;
  MemoryForm memory;
  SmallVector<Cluster> clusters;
  bool narrows;  ///< clusters have embeddings of their own, ever narrower ones
  int64_t embed; ///< the first one's width
  bool normsFirst, untied, tiesWords;
  SmallVector<bool> tiesProjections; ///< of each cluster
  double eps;
  std::optional<int64_t> paddingId;

  /// Whether words are projected to the model's width.
  bool projects() const { return narrows || embed != form.hidden; }

  static llvm::Expected<TransfoXlConfig> parse(const JsonDocument &document, bool hasVocabularyHead);
  void readClusters(JsonFields &fields);
};

void TransfoXlConfig::readClusters(JsonFields &fields) {
  const int64_t divisor = fields.getInt("div_val", 4, 1, 1 << 20);
  narrows = divisor != 1;
  embed = fields.getInt("d_embed", 1024, 1, 1 << 20);
  std::vector<int64_t> ends = {20000, 40000, 200000};
  if (fields.has("cutoffs"))
    ends = fields.getIntOrInts("cutoffs", 1, 1 << 28);
  ends.push_back(vocab);
  int64_t first = 0, width = embed;
  for (int64_t end : ends) {
    if (end <= first || !width)
      return fields.reject("cutoffs", "has " + Twine(end) + " behind " + Twine(first) + ", in a vocabulary of " +
                                          Twine(vocab) + " with embeddings " + Twine(width) +
                                          " wide there; accepted are numbers that rise, below it, and widths above 0");
    clusters.push_back({first, end - first, width});
    first = end;
    width /= divisor;
  }
}

llvm::Expected<TransfoXlConfig> TransfoXlConfig::parse(const JsonDocument &document, bool hasVocabularyHead) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  TransfoXlConfig c;
  c.vocab = fields.getInt("vocab_size", 267735, 1, maxRows);
  c.layers = fields.getInt("n_layer", 18, 1, 4096);
  c.inner = fields.getInt("d_inner", 4096, 1, maxWidth);
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-5, 0, 1);
  c.form = {.hidden = fields.getInt("d_model", 1024, 1, maxWidth),
            .heads = fields.getInt("n_head", 16, 1, maxWidth),
            .headDim = fields.getInt("d_head", 64, 1, maxWidth),
            .causal = true};
  if (c.form.hidden % 2)
    fields.reject("d_model", "found " + Twine(c.form.hidden) + "; accepted are even numbers");
  if (int64_t clamp = fields.getInt("clamp_len", 1000, -1, 1 << 16); clamp > 0)
    c.form.clamp = clamp;
  const int64_t memory = fields.getInt("mem_len", 1600, 0, 1 << 20);
  c.memory = {.omitted = memory, .kept = memory, .isGiven = memory > 0};
  if (fields.getBool("same_length", true)) {
    c.form.reach = memory - 1;
    if (!memory)
      fields.reject("same_length", "found true with a mem_len of 0: no token would see any; accepted is false");
  }
  c.readClusters(fields);
  c.normsFirst = fields.getBool("pre_lnorm", false);
  c.untied = fields.getBool("untie_r", true);
  c.tiesWords = fields.getBool("tie_word_embeddings", true);
  c.tiesProjections.assign(c.clusters.size(), fields.getBool("proj_share_all_but_first", true));
  c.tiesProjections.front() = false;
  if (fields.has("tie_projs")) // what Transformers writes in its place
    c.tiesProjections = fields.getBools("tie_projs", c.clusters.size());
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (fields.getInt("attn_type", 0, 0, 3) != 0)
    fields.reject("attn_type", "is another than Transformer-XL's own, 0, which alone is accepted");
  if (hasVocabularyHead && fields.getInt("sample_softmax", -1, -1, maxRows) > 0)
    fields.reject("sample_softmax", "is above 0: of a vocabulary's sample there would be no probabilities; accepted "
                                    "are -1 and 0");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

std::string numbered(StringRef name, int64_t number) { return (name + Twine(number)).str(); }

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

Value embeddings(ModelBuilder &m, const TransfoXlConfig &c) {
  Value ids = m.inputIds(c.vocab), x;
  const int64_t hidden = c.form.hidden;
  if (!c.narrows) {
    x = m.lookup(ids, "word_emb.emb_layers.0", c.vocab, c.embed);
    x = c.projects() ? m.linear(x, "word_emb.emb_projs.0", "", hidden) : x;
  } else { // each word is of one cluster, and zeros in the others
    for (auto [number, cluster] : llvm::enumerate(c.clusters)) {
      Value words = m.lookup(m.clusterIds(number, cluster.first, cluster.count),
                             numbered("word_emb.emb_layers.", number), cluster.count, cluster.width, /*orZeros=*/true);
      Value projected = m.linear(words, numbered("word_emb.emb_projs.", number), "", hidden);
      x = x ? m.add(x, projected) : projected;
    }
  }
  return m.scale(x, std::sqrt(double(hidden)));
}

/// What attention makes of a layer's weights. Biases that all layers share are the model's.
void defineProducts(ModelBuilder &m, const std::string &prefix, const TransfoXlConfig &c) {
  const std::string attention = prefix + "dec_attn.";
  const int64_t hidden = c.form.hidden, inner = c.form.heads * c.form.headDim;
  auto biasOf = [&](const char *name) {
    const bool isLayers = c.untied || m.hasWeight(attention + name);
    return m.valuesOf((isLayers ? attention : "") + name, {c.form.heads, c.form.headDim});
  };
  const std::vector<float> perRow = m.valuesOf(attention + "r_net.weight", {inner, hidden});
  RelativeWeights weights = {.ofKeys = biasOf("r_w_bias"), .ofDistances = biasOf("r_r_bias")};
  for (int64_t column = 0; column < hidden; ++column)
    for (int64_t row = 0; row < inner; ++row)
      weights.projection.push_back(perRow[row * hidden + column]);
  defineRelativeProducts(m, attention, c.form, weights);
  m.defineWeight(attention + "q.bias", {inner}, weights.ofKeys);
  m.defineRows(attention + "q.weight", attention + "qkv_net.weight", 3 * inner, 0, {inner, hidden});
  m.defineRows(attention + "kv.weight", attention + "qkv_net.weight", 3 * inner, inner, {2 * inner, hidden});
}

Value layer(BlockBuilder &b, Value x, const RelativeInputs &inputs, const TransfoXlConfig &c) {
  const int64_t hidden = c.form.hidden, inner = c.form.heads * c.form.headDim;
  auto before = [&](Value x, StringRef norm) { return c.normsFirst ? b.layerNorm(x, norm, c.eps) : x; };
  auto behind = [&](Value sum, StringRef norm) { return c.normsFirst ? sum : b.layerNorm(sum, norm, c.eps); };
  Value q = b.linear(before(x, "dec_attn.layer_norm"), "dec_attn.q", inner);
  SmallVector<Value> kv =
      b.split(b.linear(before(inputs.keys, "dec_attn.layer_norm"), "dec_attn.kv", 2 * inner, /*biased=*/false), 2);
  Value a = relativeAttention(b, q, kv[0], kv[1], "dec_attn.", inputs, c.form);
  x = behind(b.add(b.linear(a, "dec_attn.o_net", hidden, /*biased=*/false), x), "dec_attn.layer_norm");
  Value f = b.linear(before(x, "pos_ff.layer_norm"), "pos_ff.CoreNet.0", c.inner);
  f = b.linear(b.activate(f, xf::Activation::Relu), "pos_ff.CoreNet.3", hidden);
  return behind(b.add(f, x), "pos_ff.layer_norm");
}

SmallVector<Value> decoder(ModelBuilder &m, Value x, const TransfoXlConfig &c) {
  const std::vector<std::string> prefixes = m.layerPrefixes("layers.", c.layers, "n_layer");
  for (const std::string &prefix : prefixes)
    defineProducts(m, prefix, c);
  return rememberingLayers(
      m, "transfo_xl_layer", prefixes, x, c.form, c.memory,
      [&](BlockBuilder &b, Value x, const RelativeInputs &inputs) { return layer(b, x, inputs, c); });
}

//===----------------------------------------------------------------------===//
// The vocabulary's logarithms of probabilities
//===----------------------------------------------------------------------===//

/// Of each cluster, its words' logits.
SmallVector<Value> wordLogits(ModelBuilder &m, ArrayRef<Value> projected, const TransfoXlConfig &c) {
  const StringRef table = c.tiesWords ? "word_emb.emb_layers." : "crit.out_layers.";
  SmallVector<Value> logits;
  if (!c.projects()) { // one product for all of them
    Value all = m.linear(projected.front(), numbered(table, 0) + ".weight", "crit.out_layers.0.bias", c.vocab);
    return m.split(all, llvm::map_to_vector(c.clusters, [](const Cluster &cluster) { return cluster.count; }));
  }
  for (auto [number, cluster] : llvm::enumerate(c.clusters)) {
    std::string weight = numbered(table, number) + ".weight", bias = numbered("crit.out_layers.", number) + ".bias";
    if (!c.narrows) { // one table, of which each has a part
      m.defineRows(numbered("crit.words.", number), numbered(table, 0) + ".weight", c.vocab, cluster.first,
                   {cluster.count, cluster.width});
      m.defineRows(numbered("crit.biases.", number), "crit.out_layers.0.bias", c.vocab, cluster.first, {cluster.count});
      weight = numbered("crit.words.", number), bias = numbered("crit.biases.", number);
    }
    logits.push_back(m.linear(projected[number], weight, bias, cluster.count));
  }
  return logits;
}

/// Of each cluster, what its words' logits are computed from.
SmallVector<Value> projections(ModelBuilder &m, Value hidden, const TransfoXlConfig &c) {
  SmallVector<Value> projected;
  for (auto [number, cluster] : llvm::enumerate(c.clusters)) {
    if (!c.projects()) {
      projected.push_back(hidden);
      continue;
    }
    const std::string name = c.tiesProjections[number] ? numbered("word_emb.emb_projs.", c.narrows ? number : 0)
                                                       : numbered("crit.out_projs.", number);
    const std::string transposed = numbered("crit.projections.", number); // tied ones are read both ways round
    m.defineRows(transposed, name, c.form.hidden, 0, {c.form.hidden, cluster.width}, /*transposed=*/true);
    projected.push_back(m.transposedLinear(hidden, transposed, "", cluster.width));
  }
  return projected;
}

/// [batch, seq, vocab]. The first cluster's softmax is over its words and the other clusters, each of which has one
/// over its own words.
Value logProbabilities(ModelBuilder &m, Value hidden, const TransfoXlConfig &c) {
  SmallVector<Value> projected = projections(m, hidden, c), words = wordLogits(m, projected, c);
  const int64_t others = int64_t(c.clusters.size()) - 1;
  if (!others)
    return m.logSoftmax(words[0]);
  Value clusters = m.linear(projected[0], "crit.cluster_weight", "crit.cluster_bias", others);
  SmallVector<int64_t> widths(others, 1);
  widths.insert(widths.begin(), c.clusters[0].count);
  SmallVector<Value> parts = m.split(m.logSoftmax(m.join({words[0], clusters})), widths);
  for (int64_t number = 1; number <= others; ++number)
    parts[number] = m.combine(xf::CombineKind::Add, m.logSoftmax(words[number]), parts[number]);
  return m.join(parts);
}

llvm::Error buildTransfoXl(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<TransfoXlConfig> config = TransfoXlConfig::parse(document, options.task == Task::CausalLm);
  if (!config)
    return config.takeError();
  TransfoXlConfig &c = *config;
  const StringRef rates = "pos_emb.inv_freq"; // a buffer, which is rounded as it is stored
  c.form.rates = m.hasWeight(rates) ? m.valuesOf(rates, {c.form.hidden / 2}) : sineRates(c.form.hidden);

  Value x = embeddings(m, c);
  SmallVector<Value> layers = decoder(m, x, c);
  Value hidden = layers.back();
  if (options.task == Task::CausalLm) {
    m.output("prediction_scores", logProbabilities(m, hidden, c));
  } else {
    auto summary = [&] { return m.pool(hidden, xf::PoolMode::Last, m.exceptLast(c.paddingId.value_or(-1))); };
    if (llvm::Error error = emitHead(m, hidden, options,
                                     {.summary = summary,
                                      .classifier = "score",
                                      .classifierIsBiased = false,
                                      .summaryReads = FirstColumn::Unused}))
      return error;
  }
  return finishEncoder(m, x, layers, options, {"crit.", "score.", "r_w_bias", "r_r_bias"});
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::SequenceClassification};
constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm}};

} // namespace

const Family transfoXlFamily = {.modelType = "transfo-xl",
                                .title = "Transformer-XL, Dai et al. 2019",
                                .basePrefix = "transformer.",
                                .classPrefix = "TransfoXL",
                                .tasks = tasks,
                                .build = buildTransfoXl,
                                .longestSequence = unlimitedPositions,
                                .ownClasses = ownClasses,
                                .writingIds = WritingIds{.eos = 0}};

} // namespace lathe
