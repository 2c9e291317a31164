//===- Gemma3.cpp - Gemma Team 2025 -------------------------------------------===//
//
// Gemma with norms behind parts of layers, too, and of each head's queries and keys. Most layers look no further than a
// window, and rotate faster. Only the text model. Hugging Face: models/gemma3/modeling_gemma3.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/GemmaBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family gemma3TextFamily;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 262208, c.hidden = 2304, c.inner = 9216, c.layers = 26, c.heads = 8, c.keyHeads = 4, c.headDim = 256;
  c.positions = 131072, c.theta = 1e6;
  c.activationField = "hidden_activation", c.activationName = "gelu_pytorch_tanh";
  c.tied = true, c.paddingId = 0;
  c.normsHeads = true;
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

void readWindows(JsonFields &fields, LlamaConfig &c) {
  readAlternatingWindows(fields, c, fields.getInt("sliding_window_pattern", 6, 1, 4096));
  const double theta = fields.getFloat("rope_local_base_freq", 10000, 1, 1e12);
  c.localRope = {.frequencies = plainFrequencies(c.headDim, theta)};
}

llvm::Error buildGemma3(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", false);
  c.scale = 1 / std::sqrt(fields.getFloat("query_pre_attn_scalar", 256, 1e-6, 1e6));
  c.logitCap = fields.getOptionalFloat("final_logit_softcapping", 1e-6, 1e6);
  if (fields.getOptionalFloat("attn_logit_softcapping", 1e-6, 1e6))
    fields.reject("attn_logit_softcapping",
                  "found a number, which Transformers reads and does not apply; accepted is null");
  readWindows(fields, c);
  if (llvm::Error error = fields.takeError())
    return error;
  SmallVector<StringRef> norms(ArrayRef<StringRef>{layerNormsOnBothSides});
  norms.append({"self_attn.q_norm", "self_attn.k_norm"});
  defineGains(m, c, norms);
  return buildLlamaDecoder(
      m, "gemma3", gemmaEmbeddings(m, c), c, options,
      [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return doublyNormedLayer(b, x, inputs, c); });
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding};
constexpr ClassEnding ownClasses[] = {{"TextModel", Task::Base}};

} // namespace

const Family gemma3TextFamily = {.modelType = "gemma3_text",
                                 .title = "Gemma 3 for texts, Gemma Team 2025",
                                 .basePrefix = "model.",
                                 .classPrefix = "Gemma3",
                                 .tasks = tasks,
                                 .build = buildGemma3,
                                 .longestSequence = longestSequence,
                                 .ownClasses = ownClasses,
                                 .writingIds = WritingIds{.eos = 1, .pad = 0}};

} // namespace lathe
