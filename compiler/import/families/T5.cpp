//===- T5.cpp - Raffel et al. 2020 --------------------------------------------===//
//
// An encoder and a decoder without positions: scores are biased by the distance of query and key, by one table for all
// layers of a side, and are not scaled. Norms are those of root mean squares, before each part. mT5 (Xue et al. 2021)
// is the same network; in UMT5 (Chung et al. 2023) each layer has a table of its own. Hugging Face:
// models/t5/modeling_t5.py, models/mt5, models/umt5.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/EncoderDecoder.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family mt5Family, t5Family, umt5Family;

namespace {

/// A config's sizes, or what its class has where the file is silent.
struct T5Config {
  int64_t vocab = 250112, hidden = 512, headDim = 64, inner = 1024, encoderLayers = 8, decoderLayers = 0, heads = 6;
  int64_t buckets = 32, furthest = 128;
  double eps = 1e-6;
  StringRef innerLayer = "gated-gelu";
  const ActivationFunction *activation = nullptr; ///< of that
  bool gated = false;                             ///< likewise
  bool tied = true;       ///< the head is the table of words, and what it reads is scaled for that
  bool sharesBias = true; ///< layers of a side have one table of biases
  int64_t startId = 0, paddingId = 0, endId = 1;

  int64_t width() const { return heads * headDim; }
  static llvm::Expected<T5Config> parse(const JsonDocument &document, const T5Config &defaults);
};

/// "gated-gelu", "relu"
void readInnerLayer(JsonFields &fields, T5Config &c) {
  const std::string text = fields.getString("feed_forward_proj", c.innerLayer);
  StringRef name = text;
  c.gated = name.consume_front("gated-");
  if (c.gated && name == "gelu") // which files have meant by it
    name = "gelu_new";
  const auto *found =
      llvm::find_if(allActivations(), [&](const ActivationFunction &function) { return function.name == name; });
  if (found == allActivations().end())
    fields.reject("feed_forward_proj",
                  "found \"" + text + "\"; accepted is an activation of Transformers', or one behind \"gated-\"");
  else
    c.activation = found;
}

llvm::Expected<T5Config> T5Config::parse(const JsonDocument &document, const T5Config &defaults) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  T5Config c = defaults;
  c.vocab = fields.getInt("vocab_size", defaults.vocab, 1, maxRows);
  c.hidden = fields.getInt("d_model", defaults.hidden, 1, maxWidth);
  c.headDim = fields.getInt("d_kv", defaults.headDim, 1, maxWidth);
  c.inner = fields.getInt("d_ff", defaults.inner, 1, maxWidth);
  c.encoderLayers = fields.getInt("num_layers", defaults.encoderLayers, 1, 4096);
  c.decoderLayers = fields.getOptionalInt("num_decoder_layers", 1, 4096).value_or(c.encoderLayers);
  c.heads = fields.getInt("num_heads", defaults.heads, 1, maxWidth);
  c.buckets = fields.getInt("relative_attention_num_buckets", defaults.buckets, 4, 4096);
  c.furthest = fields.getInt("relative_attention_max_distance", defaults.furthest, 2, 1 << 16);
  c.eps = fields.getFloat("layer_norm_epsilon", defaults.eps, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", defaults.tied);
  c.paddingId = fields.getInt("pad_token_id", defaults.paddingId, 0, maxRows);
  c.endId = fields.getInt("eos_token_id", defaults.endId, 0, maxRows);
  c.startId = fields.getOptionalInt("decoder_start_token_id", 0, maxRows).value_or(c.paddingId);
  readInnerLayer(fields, c);
  if (c.buckets % 2 || c.furthest <= c.buckets / 2)
    fields.reject("relative_attention_num_buckets",
                  "found " + Twine(c.buckets) + " for distances up to " + Twine(c.furthest) +
                      "; accepted is an even number below twice relative_attention_max_distance");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Attention of `x`, normalised by the norm of part `part`, to itself or to the rows of `memory`.
Value attend(BlockBuilder &b, Value x, Value memory, Value mask, StringRef part, StringRef name, const T5Config &c,
             ScoreRules rules) {
  const std::string prefix = (part + "." + name).str();
  Value y = b.rmsNorm(x, (part + ".layer_norm").str(), c.eps);
  auto project = [&](Value from, const char *which) { return b.linear(from, prefix + which, c.width(), false); };
  rules.scale = 1;
  Value from = memory ? memory : y;
  Value a = b.attention(project(y, ".q"), project(from, ".k"), project(from, ".v"), mask, c.heads, rules);
  return b.add(b.linear(a, prefix + ".o", c.hidden, false), x);
}

Value innerLayer(BlockBuilder &b, Value x, StringRef part, const T5Config &c) {
  const std::string prefix = (part + ".DenseReluDense").str();
  Value y = b.rmsNorm(x, (part + ".layer_norm").str(), c.eps);
  auto linear = [&](const char *name) { return b.linear(y, prefix + name, c.inner, false); };
  Value f;
  if (c.gated) {
    Value gate = b.activate(linear(".wi_0"), *c.activation);
    f = b.combine(xf::CombineKind::Mul, gate, linear(".wi_1"));
  } else {
    f = b.activate(linear(".wi"), *c.activation);
  }
  return b.add(b.linear(f, prefix + ".wo", c.hidden, false), x);
}

constexpr StringRef biasName = "layer.0.SelfAttention.relative_attention_bias";

/// What a layer is given on its own side: the mask and the columns, and behind all else, where layers share it, the
/// table of biases by distance.
ScoreRules ownScores(BlockBuilder &b, ArrayRef<Value> given, bool decodes, const T5Config &c) {
  ScoreRules rules;
  rules.columns = given[1], rules.causal = decodes;
  rules.bias = c.sharesBias ? given.back() : b.table(biasName, c.buckets, c.heads);
  rules.buckets = b.buckets(decodes ? xf::BucketScheme::OneSided : xf::BucketScheme::TwoSided, c.buckets, c.furthest);
  return rules;
}

/// One side, "encoder" or "decoder", which reads what the other gave.
LayerStack stack(ModelBuilder &m, StringRef side, Value source, const T5Config &c) {
  const bool decodes = bool(source);
  const xf::Rows axis = decodes ? xf::Rows::Targets : xf::Rows::Tokens;
  StringRef words = firstOf(m, {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"});
  words.consume_back(".weight");
  LayerStack stack = {m.lookup(m.inputIds(c.vocab, axis), words, c.vocab, c.hidden), {}};
  SmallVector<Value> shared = {m.mask(axis), m.columns(axis)};
  if (decodes)
    shared.append({source, m.mask()});
  if (c.sharesBias)
    shared.push_back(m.table((side + ".block.0." + biasName).str(), c.buckets, c.heads));
  const std::vector<std::string> prefixes =
      m.layerPrefixes((side + ".block.").str(), decodes ? c.decoderLayers : c.encoderLayers,
                      decodes ? "num_decoder_layers" : "num_layers");
  stack.layers = m.sharingLayers(("t5_" + side + "_layer").str(), prefixes, stack.embeddings, shared,
                                 [&](BlockBuilder &b, Value x, ArrayRef<Value> given) {
                                   x = attend(b, x, nullptr, given[0], "layer.0", "SelfAttention", c,
                                              ownScores(b, given, decodes, c));
                                   if (decodes)
                                     x = attend(b, x, given[2], given[3], "layer.1", "EncDecAttention", c, {});
                                   return innerLayer(b, x, decodes ? "layer.2" : "layer.1", c);
                                 });
  stack.layers.back() = m.rmsNorm(stack.last(), (side + ".final_layer_norm").str(), c.eps);
  return stack;
}

constexpr StringRef otherHeads[] = {"lm_head.", "classification_head.",  "classifier.",          "qa_outputs.",
                                    "shared.",  "encoder.embed_tokens.", "decoder.embed_tokens."};

llvm::Error build(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options, const T5Config &defaults) {
  llvm::Expected<T5Config> config = T5Config::parse(document, defaults);
  if (!config)
    return config.takeError();
  const T5Config &c = *config;
  EncoderDecoderParts parts;
  parts.encoder = stack(m, "encoder", nullptr, c);
  if (llvm::is_contained({Task::Encoder, Task::TokenClassification, Task::Embedding}, options.task)) {
    if (llvm::Error error = emitHead(m, parts.encoder.last(), options, {}))
      return error;
    m.expectUnused({"decoder."});
    return finishEncoder(m, parts.encoder.embeddings, parts.encoder.layers, options, otherHeads);
  }
  parts.decoder = stack(m, "decoder", parts.encoder.last(), c);
  parts.endId = c.endId;
  auto logits = [&] {
    Value x = parts.decoder.last();
    if (c.tied)
      x = m.scale(x, 1 / std::sqrt(double(c.hidden)));
    const StringRef words = firstOf(m, {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"});
    return m.linear(x, c.tied ? words : StringRef("lm_head.weight"), "", c.vocab);
  };
  parts.logits = logits;
  if (llvm::Error error = emitEncoderDecoder(m, parts, options, otherHeads))
    return error;
  if (options.task == Task::SequenceClassification || options.task == Task::QuestionAnswering)
    m.shiftTargets(c.startId, c.paddingId); // other tasks must be given them
  return llvm::Error::success();
}

llvm::Error buildT5(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return build(m, document, options,
               {.vocab = 32128, .inner = 2048, .encoderLayers = 6, .heads = 8, .innerLayer = "relu"});
}
llvm::Error buildMt5(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return build(m, document, options, {.tied = false});
}
llvm::Error buildUmt5(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return build(m, document, options, {.sharesBias = false});
}

/// Behind what two of the heads' classes call the model. Of a table in the cross-attention of the first layer, which
/// old files have, nothing is read.
std::string withoutTransformer(StringRef name) {
  name.consume_front("transformer.");
  return name.str();
}

constexpr Task tasks[] = {Task::Base,
                          Task::Seq2SeqLm,
                          Task::Embedding,
                          Task::Encoder,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering};
constexpr StringRef buffers[] = {"layer.1.EncDecAttention.relative_attention_bias.weight"};

} // namespace

const Family t5Family = {.modelType = "t5",
                         .title = "T5, Raffel et al. 2020",
                         .basePrefix = "",
                         .classPrefix = "T5",
                         .tasks = tasks,
                         .build = buildT5,
                         .longestSequence = unlimitedPositions,
                         .renameWeight = withoutTransformer,
                         .buffers = buffers,
                         .writingIds = WritingIds{.eos = 1, .pad = 0}};
const Family mt5Family = {.modelType = "mt5",
                          .title = "mT5, Xue et al. 2021",
                          .basePrefix = "",
                          .classPrefix = "MT5",
                          .tasks = tasks,
                          .build = buildMt5,
                          .longestSequence = unlimitedPositions,
                          .renameWeight = withoutTransformer,
                          .buffers = buffers,
                          .writingIds = WritingIds{.eos = 1, .pad = 0, .decoderStart = 0}};
const Family umt5Family = {.modelType = "umt5",
                           .title = "UMT5, Chung et al. 2023",
                           .basePrefix = "",
                           .classPrefix = "UMT5",
                           .tasks = tasks,
                           .build = buildUmt5,
                           .longestSequence = unlimitedPositions,
                           .renameWeight = withoutTransformer,
                           .buffers = buffers,
                           .writingIds = WritingIds{.eos = 1, .pad = 0, .decoderStart = 0}};

} // namespace lathe
