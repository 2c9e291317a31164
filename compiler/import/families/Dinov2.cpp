//===- Dinov2.cpp - Oquab et al. 2023, with registers Darcet et al. 2023 ------===//
//
// ViT with a scale for each channel of what layers add, perhaps a gated feed-forward network, and perhaps registers:
// tokens before the patches that have no position. Hugging Face: models/dinov2/modeling_dinov2.py and
// models/dinov2_with_registers/modeling_dinov2_with_registers.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ImageBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family dinov2Family, dinov2WithRegistersFamily;

namespace {

struct Dinov2Config {
  VitConfig vit;
  int64_t registers;
  bool gated;

  static llvm::Expected<Dinov2Config> parse(const JsonDocument &document, bool hasRegisters) {
    JsonFields fields(document);
    Dinov2Config c;
    c.vit = VitConfig::read(fields, {.intermediate = 0, .eps = 1e-6});
    c.vit.queryValueBias = c.vit.keyBias = fields.getBool("qkv_bias", true);
    c.registers = hasRegisters ? fields.getInt("num_register_tokens", 4, 0, 1024) : 0;
    c.vit.image = readImage(fields, hasRegisters ? 16 : 14, 1 + c.registers);
    requireOtherSizes(fields, c.vit.image, hasRegisters ? xf::Resize::BicubicAntialiased : xf::Resize::Bicubic);
    c.gated = fields.getBool("use_swiglu_ffn", false);
    c.vit.intermediate = int64_t(double(c.vit.hidden) * fields.getFloat("mlp_ratio", 4, 0, 1024));
    if (c.gated) // two thirds of it, rounded up to whole vectors
      c.vit.intermediate = (c.vit.intermediate * 2 / 3 + 7) / 8 * 8;
    if (llvm::Error error = fields.takeError())
      return error;
    return c;
  }
};

Value embeddings(ModelBuilder &m, const Dinov2Config &c) {
  const VitConfig &vit = c.vit;
  std::vector<float> lead = m.valuesOf("embeddings.cls_token", {1, 1, vit.hidden});
  if (c.registers)
    llvm::append_range(lead, m.valuesOf("embeddings.register_tokens", {1, c.registers, vit.hidden}));
  return imageEmbeddings(
      m, vit.image, vit.hidden,
      {.projection = "embeddings.patch_embeddings.projection",
       .lead = std::move(lead),
       .positions = m.valuesOf("embeddings.position_embeddings", {1, vit.image.patches() + 1, vit.hidden})});
}

/// silu(x W + b) * (x V + c), both halves of one layer; then back.
Value gatedFeedForward(BlockBuilder &b, Value x, const VitConfig &c) {
  SmallVector<Value> halves = b.split(b.linear(x, "mlp.weights_in", 2 * c.intermediate), 2);
  Value gated = b.combine(xf::CombineKind::Mul, b.activate(halves[0], xf::Activation::Silu), halves[1]);
  return b.linear(gated, "mlp.weights_out", c.hidden);
}

Value dinov2Layer(BlockBuilder &b, Value x, Value mask, const Dinov2Config &c) {
  const VitConfig &vit = c.vit;
  Value a = vitAttention(b, b.layerNorm(x, "norm1", vit.eps), mask, vit);
  x = b.add(b.scaleColumns(a, "layer_scale1.lambda1"), x);
  Value y = b.layerNorm(x, "norm2", vit.eps);
  y = c.gated ? gatedFeedForward(b, y, vit)
              : b.linear(b.activate(b.linear(y, "mlp.fc1", vit.intermediate), *vit.activation), "mlp.fc2", vit.hidden);
  return b.add(b.scaleColumns(y, "layer_scale2.lambda1"), x);
}

llvm::Error buildDinov2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options, bool hasRegisters) {
  llvm::Expected<Dinov2Config> config = Dinov2Config::parse(document, hasRegisters);
  if (!config)
    return config.takeError();
  const VitConfig &vit = config->vit;

  Value x = embeddings(m, *config);
  SmallVector<Value> layers =
      m.layers("dinov2_layer", "encoder.layer.", vit.layers, x, m.mask(),
               [&](BlockBuilder &b, Value x, Value mask) { return dinov2Layer(b, x, mask, *config); });
  Value hidden = m.layerNorm(layers.back(), "layernorm", vit.eps), first = m.firstToken(hidden);
  if (options.task == Task::ImageClassification) {
    emitImageClasses(m, m.join({first, m.pool(hidden, xf::PoolMode::Mean, m.leadMask())}), options);
  } else {
    m.output("last_hidden_state", hidden);
    m.output("pooler_output", first);
  }
  return finishEncoder(m, x, layers, options, {"classifier.", "embeddings.mask_token"});
}

llvm::Error buildPlain(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return buildDinov2(m, document, options, /*hasRegisters=*/false);
}
llvm::Error buildWithRegisters(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  return buildDinov2(m, document, options, /*hasRegisters=*/true);
}

} // namespace

const Family dinov2Family = {.modelType = "dinov2",
                             .title = "DINOv2, Oquab et al. 2023",
                             .basePrefix = "dinov2.",
                             .classPrefix = "Dinov2",
                             .tasks = imageTasks,
                             .build = buildPlain,
                             .longestSequence = unlimitedPositions};

const Family dinov2WithRegistersFamily = {.modelType = "dinov2_with_registers",
                                          .title = "DINOv2 with registers, Darcet et al. 2023",
                                          .basePrefix = "dinov2_with_registers.",
                                          .classPrefix = "Dinov2WithRegisters",
                                          .tasks = imageTasks,
                                          .build = buildWithRegisters,
                                          .longestSequence = unlimitedPositions};

} // namespace lathe
