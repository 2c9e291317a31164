//===- Reformer.cpp - Kitaev et al. 2020 --------------------------------------===//
//
// Attention between neighbouring chunks, of columns in local layers and of tokens with similar queries in layers that
// hash them, in a reversible network: two streams, one of which adds up attention, the other feed-forward networks.
// Hugging Face: models/reformer/modeling_reformer.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/TorchRandom.h"
#include "compiler/import/families/Heads.h"

#include <numeric>

using namespace mlir;

namespace lathe {
extern const Family reformerFamily;

namespace {

constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28, mostBuckets = 1 << 18;

/// How layers of a kind cut rows.
struct ChunkConfig {
  int64_t length, before, after;

  static ChunkConfig read(JsonFields &fields, const std::string &kind) {
    return {.length = fields.getInt(kind + "_attn_chunk_length", 64, 1, maxWidth),
            .before = fields.getInt(kind + "_num_chunks_before", 1, 0, maxWidth),
            .after = fields.getInt(kind + "_num_chunks_after", 0, 0, maxWidth)};
  }
};

/// What says how long rows may be, and how they are padded.
struct RowConfig {
  std::vector<bool> hashes; ///< by layer
  ChunkConfig local, hashed;
  int64_t positions;               ///< for which there are embeddings
  std::vector<int64_t> gridShape;  ///< of these, a row of cells behind the other; empty: a table
  int64_t above = 0, multiple = 0; ///< longer rows are padded to a multiple

  static RowConfig read(JsonFields &fields);
  int64_t longest() const;
};

RowConfig RowConfig::read(JsonFields &fields) {
  RowConfig c;
  for (const std::string &kind :
       fields.getOptionalStrings("attn_layers")
           .value_or(std::vector<std::string>{"local", "lsh", "local", "lsh", "local", "lsh"})) {
    c.hashes.push_back(kind == "lsh");
    if (kind != "lsh" && kind != "local")
      fields.reject("attn_layers", "found \"" + kind + "\"; accepted are lsh and local");
  }
  if (c.hashes.empty())
    fields.reject("attn_layers", "found no layers; accepted are lsh and local");
  c.local = ChunkConfig::read(fields, "local");
  c.hashed = ChunkConfig::read(fields, "lsh");
  c.positions = fields.getInt("max_position_embeddings", 4096, 1, maxRows);
  if (fields.getBool("axial_pos_embds", true)) {
    c.gridShape = fields.getIntOrInts("axial_pos_shape", 1, maxRows);
    if (!fields.has("axial_pos_shape"))
      c.gridShape = {64, 64};
    if (c.gridShape.size() != 2)
      fields.reject("axial_pos_shape", "found " + Twine(c.gridShape.size()) + " axes; accepted are two");
    else
      c.positions = std::min(c.positions, c.gridShape[0] * c.gridShape[1]);
  }
  for (bool hashes : c.hashes) {
    const int64_t length = hashes ? c.hashed.length : c.local.length;
    c.above = c.above ? std::min(c.above, length) : length;
    c.multiple = c.multiple ? std::lcm(c.multiple, length) : length;
  }
  return c;
}

/// What is padded has to have positions, too.
int64_t RowConfig::longest() const {
  return positions < multiple ? std::min(positions, above) : positions / multiple * multiple;
}

int64_t longestSequence(JsonFields &fields) { return RowConfig::read(fields).longest(); }

struct ReformerConfig {
  RowConfig rows;
  int64_t vocab, hidden, heads, headDim, inner, rounds;
  std::vector<int64_t> gridWidths; ///< columns of each axis' table
  std::vector<int64_t> factors;    ///< of the number of buckets
  std::optional<int64_t> seed;
  bool causal;
  double eps;
  const ActivationFunction *activation;

  static llvm::Expected<ReformerConfig> parse(const JsonDocument &document, Task task);
  int64_t width() const { return heads * headDim; }
  bool anyHashes() const { return llvm::is_contained(rows.hashes, true); }
  int64_t bucketColumns() const { return rounds * llvm::sum_of(factors) / 2; }
};

/// The number of buckets, by factors.
void readBuckets(JsonFields &fields, ReformerConfig &c) {
  if (fields.has("num_buckets"))
    c.factors = fields.getIntOrInts("num_buckets", 1, maxRows);
  if (c.factors.empty())
    return fields.reject("num_buckets",
                         "found none: Transformers then chooses them by the first text that it is given; "
                         "accepted are an even number, or a list of such that are multiplied, for "
                         "texts of n tokens about 2 * n / lsh_attn_chunk_length");
  int64_t buckets = 1;
  for (int64_t factor : c.factors) {
    buckets = std::min(buckets * factor, mostBuckets + 1);
    if (factor % 2)
      fields.reject("num_buckets", "found " + Twine(factor) + "; accepted are even numbers");
  }
  if (buckets > mostBuckets)
    fields.reject("num_buckets", "found more than " + Twine(mostBuckets) + "; accepted are up to as many");
}

llvm::Expected<ReformerConfig> ReformerConfig::parse(const JsonDocument &document, Task task) {
  JsonFields fields(document);
  ReformerConfig c;
  c.rows = RowConfig::read(fields);
  c.vocab = fields.getInt("vocab_size", 320, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", 256, 1, maxWidth);
  c.heads = fields.getInt("num_attention_heads", 12, 1, maxWidth);
  c.headDim = fields.getInt("attention_head_size", 64, 1, 4096);
  c.inner = fields.getInt("feed_forward_size", 512, 1, maxWidth);
  c.rounds = fields.getInt("num_hashes", 1, 1, 1 << 10);
  c.seed = fields.getOptionalInt("hash_seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  c.causal = fields.getBool("is_decoder", false);
  c.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
  c.activation = &readActivation(fields, "hidden_act", "relu");
  if (!c.rows.gridShape.empty()) {
    c.gridWidths = fields.getIntOrInts("axial_pos_embds_dim", 1, maxWidth);
    if (!fields.has("axial_pos_embds_dim"))
      c.gridWidths = {64, 192};
    if (c.gridWidths.size() != 2 || c.gridWidths[0] + c.gridWidths[1] != c.hidden)
      fields.reject("axial_pos_embds_dim", "is not two numbers that add up to hidden_size, " + Twine(c.hidden));
  }
  if (c.anyHashes())
    readBuckets(fields, c);
  if (fields.getBool("tie_word_embeddings", false))
    fields.reject("tie_word_embeddings", "found true: the decoder is twice as wide as the words; accepted is false");
  if (task == Task::CausalLm && !c.causal)
    fields.reject("is_decoder", "found false for a language model; accepted is true");
  if (task == Task::MaskedLm && c.causal)
    fields.reject("is_decoder", "found true for what fills in masks; accepted is false");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Transformers has axes' tables in a list.
std::string renameWeight(StringRef name) {
  StringRef axis = name;
  if (axis.consume_front("embeddings.position_embeddings.weights."))
    return ("embeddings.position_embeddings." + axis + ".weight").str();
  return name.str();
}

/// Positions are a table, or the cells of a grid whose rows and columns have one each.
Value embeddings(ModelBuilder &m, const ReformerConfig &c) {
  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.word_embeddings", c.vocab, c.hidden);
  Value positions = m.positionIds(c.rows.positions);
  m.limitLength(c.rows.longest());
  const std::string table = "embeddings.position_embeddings";
  if (c.rows.gridShape.empty())
    return m.add(word, m.lookup(positions, table + ".embedding", c.rows.positions, c.hidden));
  const int64_t rows = c.rows.gridShape[0], columns = c.rows.gridShape[1];
  m.storedAs(table + ".0.weight", {rows, 1, c.gridWidths[0]});
  m.storedAs(table + ".1.weight", {1, columns, c.gridWidths[1]});
  Value ofRow = m.lookup(m.axisIds(positions, columns, rows), table + ".0", rows, c.gridWidths[0]);
  Value ofColumn = m.lookup(m.axisIds(positions, 1, columns), table + ".1", columns, c.gridWidths[1]);
  return m.add(word, m.join({ofRow, ofColumn}));
}

/// What layers are given; those that hash, rotations of the caller's.
struct Shared {
  enum { Mask, RowColumns, Columns, Given = Columns };
};

Value attention(BlockBuilder &b, Value x, ArrayRef<Value> shared, const ReformerConfig &c, bool hashes) {
  auto project = [&](StringRef name) {
    return b.linear(x, ("attention.self_attention." + name + ".weight").str(), "", c.width());
  };
  const ChunkConfig &cut = hashes ? c.rows.hashed : c.rows.local;
  ChunkRules rules = {.chunks = b.chunks(cut.length, cut.before, cut.after, c.rows.above, c.rows.multiple),
                      .rowColumns = shared[Shared::RowColumns],
                      .causal = c.causal};
  Value q, k;
  if (hashes) {
    q = project("query_key");
    k = b.headNorm(q, "attention.self_attention.key_norm", c.heads, 1e-6);
    rules.rotations = b.table("attention.self_attention.rotations", c.width(), c.bucketColumns());
    rules.given = shared[Shared::Given];
    rules.factors = c.factors;
  } else {
    q = project("query");
    k = project("key");
    rules.columns = shared[Shared::Columns];
  }
  Value context = b.chunkAttention(q, k, project("value"), shared[Shared::Mask], c.heads, rules);
  return b.linear(context, "attention.output.dense.weight", "", c.hidden);
}

/// Streams stand side by side.
Value layer(BlockBuilder &b, Value streams, ArrayRef<Value> shared, const ReformerConfig &c, bool hashes) {
  SmallVector<Value> x = b.split(streams, 2);
  Value y1 = b.add(x[0], attention(b, b.layerNorm(x[1], "attention.layer_norm", c.eps), shared, c, hashes));
  Value f = b.linear(b.layerNorm(y1, "feed_forward.layer_norm", c.eps), "feed_forward.dense.dense", c.inner);
  Value y2 = b.add(x[1], b.linear(b.activate(f, *c.activation), "feed_forward.output.dense", c.hidden));
  return b.join({y1, y2});
}

/// What hashing reads that no checkpoint has: the gains of keys' norm, and rotations as Transformers draws them, anew
/// in each layer, from the same seed. Without one it draws others at each call, and any are as good.
void defineHashing(ModelBuilder &m, const std::string &prefix, int64_t layer, const ReformerConfig &c) {
  const std::string attention = prefix + "attention.self_attention.";
  m.defineWeight(attention + "key_norm.weight", {c.headDim}, std::vector<float>(c.headDim, 1));
  m.defineWeight(attention + "rotations.weight", {c.width(), c.bucketColumns()},
                 torchRandn(c.seed.value_or(layer), c.width() * c.bucketColumns()));
}

/// Every layer's result, of two kinds.
SmallVector<Value> encoder(ModelBuilder &m, Value x, const ReformerConfig &c) {
  std::optional<ModelBuilder::LayerKind> kinds[2];
  SmallVector<Value> results;
  for (auto [index, prefix] :
       llvm::enumerate(m.layerPrefixes("encoder.layers.", c.rows.hashes.size(), "attn_layers"))) {
    const bool hashes = c.rows.hashes[index];
    if (hashes)
      defineHashing(m, prefix, index, c);
    const SmallVector<int64_t> rotations = {c.heads, c.headDim, c.rounds, c.bucketColumns() / c.rounds};
    const SmallVector<Value> shared = {m.mask(), m.rowColumns(),
                                       hashes ? m.randomRotations(index, rotations) : m.columns()};
    std::optional<ModelBuilder::LayerKind> &kind = kinds[hashes];
    if (!kind)
      kind =
          m.layerKind(hashes ? "reformer_lsh" : "reformer_local", prefix, x, shared,
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c, hashes); });
    results.push_back(x = m.layer(*kind, prefix, x, shared));
  }
  return results;
}

llvm::Error buildReformer(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<ReformerConfig> config = ReformerConfig::parse(document, options.task);
  if (!config)
    return config.takeError();
  const ReformerConfig &c = *config;

  Value x = embeddings(m, c);
  SmallVector<Value> layers = encoder(m, m.join({x, x}), c);
  Value hidden = m.layerNorm(layers.back(), "encoder.layer_norm", c.eps);

  if (options.task == Task::CausalLm || options.task == Task::MaskedLm) {
    emitVocabularyLogits(m, "logits", hidden, decoderOf("lm_head"), c.vocab, /*tied=*/false);
  } else {
    auto summary = [&] {
      return m.activate(m.linear(m.firstToken(hidden), "classifier.dense", c.hidden), xf::Activation::Tanh);
    };
    if (llvm::Error error = emitHead(m, hidden, options, {.summary = summary, .classifier = "classifier.out_proj"}))
      return error;
  }
  // The second stream is what Transformers calls hidden states.
  SmallVector<Value> states;
  if (options.hiddenStates || options.features)
    states = llvm::map_to_vector(layers, [&](Value layer) { return m.split(layer, 2)[1]; });
  return finishEncoder(m, x, states, options, {"lm_head.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {
    Task::Base, Task::MaskedLm, Task::CausalLm, Task::Embedding, Task::SequenceClassification, Task::QuestionAnswering};

constexpr ClassEnding ownClasses[] = {{"ModelWithLMHead", Task::CausalLm}};

/// Of earlier versions of Transformers.
constexpr StringRef buffers[] = {"self_mask_value_float16", "self_mask_value_float32", "mask_value_float16",
                                 "mask_value_float32"};

} // namespace

const Family reformerFamily = {.modelType = "reformer",
                               .title = "Reformer, Kitaev et al. 2020",
                               .basePrefix = "reformer.",
                               .classPrefix = "Reformer",
                               .tasks = tasks,
                               .build = buildReformer,
                               .longestSequence = longestSequence,
                               .ownClasses = ownClasses,
                               .renameWeight = renameWeight,
                               .buffers = buffers,
                               .writingIds = WritingIds{.eos = 2, .pad = 0}};

} // namespace lathe
