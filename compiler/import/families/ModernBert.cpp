//===- ModernBert.cpp - Warner et al. 2024 ------------------------------------===//
//
// A pre-norm encoder without biases: positions rotate queries and keys, most layers look no further than a window, and
// the inner layer is gated. Hugging Face: models/modernbert/modeling_modernbert.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"
#include "compiler/import/families/Rope.h"

#include <map>

using namespace mlir;

namespace lathe {
extern const Family modernbertFamily;

namespace {

struct ModernBertConfig {
  int64_t vocab, hidden, inner, layers, heads, positions, window;
  const ActivationFunction *activation, *headActivation;
  double eps, globalTheta, localTheta;
  bool normBias, attentionBias, innerBias, headBias, decoderBias, tied, poolsMean;
  std::vector<bool> isLocal; ///< by layer

  static llvm::Expected<ModernBertConfig> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 8192, 1, 1 << 28); }

/// The base of the frequencies of one kind of layer, as Transformers 5 writes it.
void readRope(JsonFields &parameters, StringRef kind, double &theta) {
  parameters.readObject(kind, [&](JsonFields &rope) {
    theta = rope.getFloat("rope_theta", theta, 1, 1e12);
    if (std::string type = rope.getString("rope_type", "default"); type != "default")
      rope.reject("rope_type", "found \"" + type + "\", which is not supported yet; accepted is \"default\"");
  });
}

void readRopes(JsonFields &fields, ModernBertConfig &c) {
  c.globalTheta = fields.getFloat("global_rope_theta", 160000, 1, 1e12);
  c.localTheta = 10000;
  if (fields.has("local_rope_theta")) // null: as everywhere
    c.localTheta = fields.getOptionalFloat("local_rope_theta", 1, 1e12).value_or(c.globalTheta);
  fields.readObject("rope_parameters", [&](JsonFields &parameters) {
    readRope(parameters, "full_attention", c.globalTheta);
    readRope(parameters, "sliding_attention", c.localTheta);
  });
  fields.readObject("rope_scaling", [&](JsonFields &) {
    fields.reject("rope_scaling", "found an object, which is not supported yet; accepted is null");
  });
}

void readLayerKinds(JsonFields &fields, ModernBertConfig &c) {
  const int64_t every = fields.getInt("global_attn_every_n_layers", 3, 1, 4096);
  for (int64_t layer = 0; layer < c.layers; ++layer)
    c.isLocal.push_back(layer % every != 0);
  readLayerTypes(fields, c.isLocal);
}

llvm::Expected<ModernBertConfig> ModernBertConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  ModernBertConfig c;
  c.vocab = fields.getInt("vocab_size", 50368, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", 768, 1, maxWidth);
  c.inner = fields.getInt("intermediate_size", 1152, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", 22, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", 12, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.window = fields.getInt("local_attention", 128, 0, maxRows);
  c.activation = &readActivation(fields, "hidden_activation", "gelu");
  c.headActivation = &readActivation(fields, "classifier_activation", "gelu");
  c.eps = fields.getFloat("norm_eps", 1e-5, 0, 1);
  c.normBias = fields.getBool("norm_bias", false);
  c.attentionBias = fields.getBool("attention_bias", false);
  c.innerBias = fields.getBool("mlp_bias", false);
  c.headBias = fields.getBool("classifier_bias", false);
  c.decoderBias = fields.getBool("decoder_bias", true);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.poolsMean = fields.getChoice<bool>("classifier_pooling", "cls", {{"cls", false}, {"mean", true}});
  readRopes(fields, c);
  readLayerKinds(fields, c);
  requireWholeHeads(fields, c.hidden, c.heads);
  if (c.hidden / std::max<int64_t>(c.heads, 1) % 2)
    fields.reject("hidden_size", "found " + Twine(c.hidden) + ", of which each of " + Twine(c.heads) +
                                     " heads has an odd number of columns; rotations need pairs");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// What a layer is given besides its input: the mask, its angles, and the columns where it looks through a window.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const ModernBertConfig &c, bool isFirst) {
  // The embeddings' norm stands right before the first layer.
  Value y = isFirst ? x : b.layerNorm(x, "attn_norm", c.eps, c.normBias);
  SmallVector<Value> qkv = b.split(b.linear(y, "attn.Wqkv", 3 * c.hidden, c.attentionBias), 3);
  ScoreRules rules;
  if (shared.size() > 2) {
    rules.columns = shared[2];
    rules.reach = c.window / 2;
  }
  Value a = b.attention(b.rotate(qkv[0], shared[1], c.heads), b.rotate(qkv[1], shared[1], c.heads), qkv[2], shared[0],
                        c.heads, rules);
  x = b.add(b.linear(a, "attn.Wo", c.hidden, c.attentionBias), x);
  y = b.layerNorm(x, "mlp_norm", c.eps, c.normBias);
  SmallVector<Value> parts = b.split(b.linear(y, "mlp.Wi", 2 * c.inner, c.innerBias), 2);
  Value gated = b.combine(xf::CombineKind::Mul, b.activate(parts[0], *c.activation), parts[1]);
  return b.add(b.linear(gated, "mlp.Wo", c.hidden, c.innerBias), x);
}

/// Every layer's result, of three kinds: the first, those that look everywhere, and those with a window.
SmallVector<Value> encoder(ModelBuilder &m, Value x, const ModernBertConfig &c) {
  struct Kind {
    std::optional<ModelBuilder::LayerKind> function;
    SmallVector<Value> shared;
  };
  std::map<std::string, Kind> kinds;
  SmallVector<Value> results;
  for (auto [index, prefix] : llvm::enumerate(m.layerPrefixes("layers.", c.layers))) {
    const bool isFirst = index == 0, isLocal = c.isLocal[index];
    const std::string name = isFirst ? "modernbert_first" : isLocal ? "modernbert_local" : "modernbert_global";
    Kind &kind = kinds[name];
    if (!kind.function) {
      kind.shared = {m.mask(), m.angles(m.positionIds(c.positions), isLocal ? "rope.local" : "rope.global",
                                        plainFrequencies(c.hidden / c.heads, isLocal ? c.localTheta : c.globalTheta))};
      if (isLocal)
        kind.shared.push_back(m.columns());
      kind.function = m.layerKind(name, prefix, x, kind.shared, [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) {
        return layer(b, x, shared, c, isFirst);
      });
    }
    results.push_back(x = m.layer(*kind.function, prefix, x, kind.shared));
  }
  return results;
}

/// What every head has before its last linear layer.
Value predictionHead(ModelBuilder &m, Value x, const ModernBertConfig &c) {
  Value t = m.activate(m.linear(x, "head.dense", c.hidden, c.headBias), *c.headActivation);
  return m.layerNorm(t, "head.norm", c.eps, c.normBias);
}

llvm::Error buildModernBert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<ModernBertConfig> config = ModernBertConfig::parse(document);
  if (!config)
    return config.takeError();
  const ModernBertConfig &c = *config;

  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.tok_embeddings", c.vocab, c.hidden);
  Value x = m.layerNorm(word, "embeddings.norm", c.eps, c.normBias);
  SmallVector<Value> layers = encoder(m, x, c);
  Value hidden = layers.back() = m.layerNorm(layers.back(), "final_norm", c.eps, c.normBias);

  if (options.task == Task::MaskedLm) {
    const std::string bias = c.decoderBias ? "decoder.bias" : "";
    emitVocabularyLogits(
        m, "logits", predictionHead(m, hidden, c),
        {.embedding = "embeddings.tok_embeddings.weight", .weight = "decoder.weight", .bias = bias, .ownBias = bias},
        c.vocab, c.tied);
  } else {
    const bool ofTokens = options.task == Task::TokenClassification || options.task == Task::QuestionAnswering;
    auto summary = [&] {
      return predictionHead(m, c.poolsMean ? m.pool(hidden, xf::PoolMode::Mean) : m.firstToken(hidden), c);
    };
    if (llvm::Error error = emitHead(m, ofTokens ? predictionHead(m, hidden, c) : hidden, options,
                                     {.summary = summary,
                                      .choice = summary,
                                      .answers = "classifier",
                                      .summaryReads = c.poolsMean ? FirstColumn::Unused : FirstColumn::Error}))
      return error;
  }
  return finishEncoder(m, x, layers, options, {"head.", "decoder.", "classifier."});
}

} // namespace

const Family modernbertFamily = {.modelType = "modernbert",
                                 .title = "ModernBERT, Warner et al. 2024",
                                 .basePrefix = "model.",
                                 .classPrefix = "ModernBert",
                                 .tasks = encoderTasks,
                                 .build = buildModernBert,
                                 .longestSequence = longestSequence};

} // namespace lathe
