//===- BartBlocks.cpp - what BART and its relatives share ---------------------===//
#include "compiler/import/families/BartBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
namespace {

constexpr double eps = 1e-5; ///< of torch.nn.LayerNorm
constexpr int64_t unusedPositions = 2;

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// Sines and then cosines, as Transformers' Marian and Pegasus compute them: in f64, and at last rounded.
std::vector<float> sinusoids(int64_t positions, int64_t width) {
  std::vector<float> table(positions * width);
  const int64_t sines = (width + 1) / 2;
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t column = 0; column < width; ++column) {
      const double angle = position / std::pow(10000.0, 2.0 * (column / 2) / double(width));
      float &value = table[position * width + (column % 2 ? sines : 0) + column / 2];
      value = float(column % 2 ? std::cos(angle) : std::sin(angle));
    }
  return table;
}

/// Those of M2M100, in f32 throughout; the padding's are zeros.
std::vector<float> countedSinusoids(int64_t positions, int64_t width, int64_t paddingId) {
  std::vector<float> table(positions * width);
  const int64_t half = width / 2;
  const float step = -float(std::log(10000.0) / double(std::max<int64_t>(half - 1, 1)));
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t i = 0; i < half && position != paddingId; ++i) {
      const float angle = float(position) * std::exp(float(i) * step);
      table[position * width + i] = std::sin(angle);
      table[position * width + half + i] = std::cos(angle);
    }
  return table;
}

/// Of one side, whose names begin with `side`.
Value positionsOf(ModelBuilder &m, StringRef side, xf::Rows axis, const BartConfig &c) {
  const std::string name = (side + "embed_positions").str();
  switch (c.positionsBy) {
  case BartPositions::Learned:
    return m.lookupBehind(m.positionIds(c.positions, std::nullopt, axis), name, unusedPositions, c.positions, c.hidden);
  case BartPositions::Sinusoids:
    if (!m.hasWeight(name + ".weight")) // which some files have
      m.defineWeight(name + ".weight", {c.positions, c.hidden}, sinusoids(c.positions, c.hidden));
    return m.lookup(m.positionIds(c.positions, std::nullopt, axis), name, c.positions, c.hidden);
  case BartPositions::Counted: {
    const int64_t rows = c.positions + c.paddingId + 1;
    m.defineWeight("sinusoids.weight", {rows, c.hidden}, countedSinusoids(rows, c.hidden, c.paddingId));
    return m.lookup(m.positionIds(rows, c.paddingId, axis), "sinusoids", rows, c.hidden);
  }
  }
  llvm_unreachable("all positions are looked up");
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// A part of a layer beside what it adds to, with its norm before or behind.
Value residual(BlockBuilder &b, Value x, StringRef norm, const BartConfig &c, llvm::function_ref<Value(Value)> part) {
  if (c.normsFirst)
    return b.add(part(b.layerNorm(x, norm, eps)), x);
  return b.layerNorm(b.add(part(x), x), norm, eps);
}

/// Attention of `x` to the rows of `memory`, under `name`.
Value attend(BlockBuilder &b, Value x, Value memory, Value mask, int64_t heads, const Twine &name, const BartConfig &c,
             const ScoreRules &rules = {}) {
  auto project = [&](Value from, const char *part) { return b.linear(from, (name + part).str(), c.hidden); };
  Value q = project(x, ".q_proj"), k = project(memory, ".k_proj"), v = project(memory, ".v_proj");
  return project(b.attention(q, k, v, mask, heads, rules), ".out_proj");
}

Value innerLayer(BlockBuilder &b, Value x, int64_t width, const BartConfig &c) {
  return b.linear(b.activate(b.linear(x, "fc1", width), *c.activation), "fc2", c.hidden);
}

Value encoderLayer(BlockBuilder &b, Value x, Value mask, const BartConfig &c) {
  x = residual(b, x, "self_attn_layer_norm", c,
               [&](Value y) { return attend(b, y, y, mask, c.encoderHeads, "self_attn", c); });
  return residual(b, x, "final_layer_norm", c, [&](Value y) { return innerLayer(b, y, c.encoderInner, c); });
}

/// What a layer of the decoder is given.
struct DecoderInputs {
  Value mask, columns, source, sourceMask;
};

Value decoderLayer(BlockBuilder &b, Value x, const DecoderInputs &inputs, const BartConfig &c) {
  ScoreRules rules;
  rules.columns = inputs.columns, rules.causal = true;
  x = residual(b, x, "self_attn_layer_norm", c,
               [&](Value y) { return attend(b, y, y, inputs.mask, c.decoderHeads, "self_attn", c, rules); });
  x = residual(b, x, "encoder_attn_layer_norm", c, [&](Value y) {
    return attend(b, y, inputs.source, inputs.sourceMask, c.decoderHeads, "encoder_attn", c);
  });
  return residual(b, x, "final_layer_norm", c, [&](Value y) { return innerLayer(b, y, c.decoderInner, c); });
}

//===----------------------------------------------------------------------===//
// Stacks
//===----------------------------------------------------------------------===//

/// The table of a side's words.
std::string wordsOf(ModelBuilder &m, StringRef side, const BartConfig &c) {
  const std::string own = (side + "embed_tokens.weight").str();
  const StringRef weight =
      c.sharesWords ? firstOf(m, {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"})
                    : StringRef(own);
  return weight.drop_back(StringRef(".weight").size()).str();
}

int64_t vocabOf(xf::Rows axis, const BartConfig &c) { return axis == xf::Rows::Targets ? c.targetVocab : c.vocab; }

Value embed(ModelBuilder &m, StringRef side, xf::Rows axis, const BartConfig &c) {
  const int64_t vocab = vocabOf(axis, c);
  Value x = m.lookup(m.inputIds(vocab, axis), wordsOf(m, side, c), vocab, c.hidden);
  if (c.scalesWords)
    x = m.scale(x, std::sqrt(double(c.hidden)));
  x = m.add(x, positionsOf(m, side, axis, c));
  return c.normsWords ? m.layerNorm(x, (side + "layernorm_embedding").str(), eps) : x;
}

LayerStack encoder(ModelBuilder &m, StringRef name, const BartConfig &c) {
  LayerStack stack = {embed(m, "encoder.", xf::Rows::Tokens, c), {}};
  stack.layers = m.layers((name + "_encoder_layer").str(),
                          m.layerPrefixes("encoder.layers.", c.encoderLayers, "encoder_layers"), stack.embeddings,
                          m.mask(), [&](BlockBuilder &b, Value x, Value mask) { return encoderLayer(b, x, mask, c); });
  if (c.normsLast)
    stack.layers.back() = m.layerNorm(stack.last(), "encoder.layer_norm", eps);
  return stack;
}

LayerStack decoder(ModelBuilder &m, StringRef name, Value source, const BartConfig &c) {
  constexpr xf::Rows targets = xf::Rows::Targets;
  LayerStack stack = {embed(m, "decoder.", targets, c), {}};
  const Value shared[] = {m.mask(targets), m.columns(targets), source, m.mask()};
  stack.layers = m.sharingLayers((name + "_decoder_layer").str(),
                                 m.layerPrefixes("decoder.layers.", c.decoderLayers, "decoder_layers"),
                                 stack.embeddings, shared, [&](BlockBuilder &b, Value x, ArrayRef<Value> given) {
                                   return decoderLayer(b, x, {given[0], given[1], given[2], given[3]}, c);
                                 });
  if (c.normsLast)
    stack.layers.back() = m.layerNorm(stack.last(), "decoder.layer_norm", eps);
  return stack;
}

/// The head's bias is a row of its own, which a file may leave out.
Value logitsOf(ModelBuilder &m, Value x, const BartConfig &c) {
  constexpr StringRef bias = "final_logits_bias", added = "final_logits_bias.row";
  const bool biased = m.hasWeight(bias);
  if (biased)
    m.defineWeight(added, {c.targetVocab}, m.valuesOf(bias, {1, c.targetVocab}));
  const std::string weight = c.tied ? wordsOf(m, "decoder.", c) + ".weight" : "lm_head.weight";
  return m.linear(x, weight, biased ? added : StringRef(), c.targetVocab);
}

} // namespace

BartConfig BartConfig::read(JsonFields &fields, const BartConfig &defaults) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  BartConfig c = defaults;
  auto size = [&](StringRef name, int64_t absent, int64_t most) { return fields.getInt(name, absent, 1, most); };
  c.vocab = c.targetVocab = size("vocab_size", defaults.vocab, maxRows);
  c.hidden = size("d_model", defaults.hidden, maxWidth);
  c.positions = size("max_position_embeddings", defaults.positions, maxRows);
  c.encoderLayers = size("encoder_layers", defaults.encoderLayers, 4096);
  c.encoderHeads = size("encoder_attention_heads", defaults.encoderHeads, maxWidth);
  c.encoderInner = size("encoder_ffn_dim", defaults.encoderInner, maxWidth);
  c.decoderLayers = size("decoder_layers", defaults.decoderLayers, 4096);
  c.decoderHeads = size("decoder_attention_heads", defaults.decoderHeads, maxWidth);
  c.decoderInner = size("decoder_ffn_dim", defaults.decoderInner, maxWidth);
  c.activation = &readActivation(fields, "activation_function", defaults.activationName);
  c.scalesWords = fields.getBool("scale_embedding", defaults.scalesWords);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getInt("pad_token_id", defaults.paddingId, 0, maxRows);
  c.endId = fields.getInt("eos_token_id", defaults.endId, 0, maxRows);
  if (defaults.startId)
    c.startId = fields.getInt("decoder_start_token_id", *defaults.startId, 0, maxRows);
  for (auto [field, heads] :
       {std::pair("encoder_attention_heads", c.encoderHeads), {"decoder_attention_heads", c.decoderHeads}})
    if (c.hidden % heads)
      fields.reject(field, "found " + Twine(heads) + ", which does not divide d_model " + Twine(c.hidden));
  return c;
}

llvm::Error buildBartModel(ModelBuilder &m, StringRef name, const BartConfig &c, const HeadOptions &options) {
  EncoderDecoderParts parts;
  parts.encoder = encoder(m, name, c);
  parts.decoder = decoder(m, name, parts.encoder.last(), c);
  parts.endId = c.endId;
  auto logits = [&] { return logitsOf(m, parts.decoder.last(), c); };
  parts.logits = logits;
  return emitEncoderDecoder(m, parts, options,
                            {"lm_head.", "final_logits_bias", "classification_head.", "qa_outputs.", "shared.",
                             "encoder.embed_tokens.", "decoder.embed_tokens.", "encoder.embed_positions.",
                             "decoder.embed_positions."});
}

} // namespace lathe
