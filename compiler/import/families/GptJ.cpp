//===- GptJ.cpp - Wang and Komatsuzaki 2021 -----------------------------------===//
//
// A decoder whose attention and inner layer read the same norm of the same states; positions rotate the first columns
// of each head, in neighbouring pairs. Hugging Face: models/gptj/modeling_gptj.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family gptJFamily;

namespace {

int64_t longestSequence(JsonFields &fields) { return fields.getInt("n_positions", 2048, 1, 1 << 28); }

LlamaConfig read(JsonFields &fields) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  LlamaConfig c;
  c.vocab = fields.getInt("vocab_size", 50400, 1, maxRows);
  c.hidden = fields.getInt("n_embd", 4096, 1, maxWidth);
  c.inner = fields.getOptionalInt("n_inner", 1, maxWidth).value_or(4 * c.hidden);
  c.layers = fields.getInt("n_layer", 28, 1, 4096);
  c.heads = c.keyHeads = fields.getInt("n_head", 16, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.activation = &readActivation(fields, "activation_function", "gelu_new");
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-5, 0, 1), c.centred = true;
  c.tied = fields.getBool("tie_word_embeddings", false);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (c.hidden % c.heads)
    fields.reject("n_embd", "found " + Twine(c.hidden) + ", which is no multiple of n_head " + Twine(c.heads));
  c.headDim = c.hidden / c.heads;
  const int64_t rotated = fields.getInt("rotary_dim", 64, 2, maxWidth);
  if (rotated % 2 || rotated > c.headDim)
    fields.reject("rotary_dim", "found " + Twine(rotated) + "; accepted are even numbers up to a head's " +
                                    Twine(c.headDim) + " columns");
  c.rope.frequencies = plainFrequencies(rotated, 10000);
  c.isLocal.assign(c.layers, false);
  c.embeddingName = "wte", c.layersName = "h.", c.layersField = "n_layer", c.normName = "ln_f", c.headBias = true;
  return c;
}

/// Neighbours rotate together; here the first of all pairs stand before the second. What queries and keys have between
/// them stays.
void sortPairs(ModelBuilder &m, const LlamaConfig &c) {
  const int64_t pairs = c.rope.frequencies.size();
  std::vector<int64_t> order;
  for (int64_t row = 0; row < c.hidden; ++row) {
    const int64_t first = row / c.headDim * c.headDim, column = row - first;
    order.push_back(first + (column < pairs ? 2 * column : column < 2 * pairs ? 2 * (column - pairs) + 1 : column));
  }
  for (const std::string &prefix : m.layerPrefixes(c.layersName, c.layers, c.layersField))
    for (StringRef name : {"attn.q_proj.weight", "attn.k_proj.weight"})
      m.reorderRows((prefix + name).str(), {c.hidden, c.hidden}, order);
}

Value layer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  Value y = b.layerNorm(x, "ln_1", c.eps);
  auto project = [&](StringRef name) { return b.linear(y, name, c.hidden, /*biased=*/false); };
  Value a = rotaryAttention(b, project("attn.q_proj"), project("attn.k_proj"), project("attn.v_proj"), "attn.out_proj",
                            inputs, c);
  Value f = b.linear(b.activate(b.linear(y, "mlp.fc_in", c.inner), *c.activation), "mlp.fc_out", c.hidden);
  return b.add(b.add(a, f), x);
}

llvm::Error buildGptJ(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const LlamaConfig c = read(fields);
  if (llvm::Error error = fields.takeError())
    return error;
  sortPairs(m, c);
  return buildLlamaDecoder(m, "gptj", llamaEmbeddings(m, c), c, options,
                           [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return layer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::QuestionAnswering};
/// Of attention's own mask, which old files have.
constexpr StringRef buffers[] = {"attn.bias", "attn.masked_bias"};

} // namespace

const Family gptJFamily = {.modelType = "gptj",
                           .title = "GPT-J, Wang and Komatsuzaki 2021",
                           .basePrefix = "transformer.",
                           .classPrefix = "GPTJ",
                           .tasks = tasks,
                           .build = buildGptJ,
                           .longestSequence = longestSequence,
                           .buffers = buffers,
                           .writingIds = WritingIds{.eos = 50256}};

} // namespace lathe
