//===- Beit.cpp - Bao et al. 2022 ---------------------------------------------===//
//
// ViT whose scores may get a bias for how far query and key lie apart in rows and columns of patches, and whose layers
// may have a scale for each channel of what they add. Hugging Face: models/beit/modeling_beit.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ImageBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family beitFamily;

namespace {

struct BeitConfig {
  VitConfig vit;
  bool hasPositions, sharesBias, hasOwnBias, poolsMean, scales;

  bool hasBias() const { return sharesBias || hasOwnBias; }
  /// Places that a bias is for: the first token and every patch.
  int64_t places() const { return vit.image.patches() + 1; }

  static llvm::Expected<BeitConfig> parse(const JsonDocument &document) {
    JsonFields fields(document);
    BeitConfig c;
    c.vit = VitConfig::read(fields, {.keyBias = false});
    c.vit.image = readImage(fields, 16, /*lead=*/1);
    c.hasPositions = fields.getBool("use_absolute_position_embeddings", false);
    c.sharesBias = fields.getBool("use_shared_relative_position_bias", false);
    c.hasOwnBias = fields.getBool("use_relative_position_bias", false);
    c.poolsMean = fields.getBool("use_mean_pooling", true);
    c.scales = fields.getFloat("layer_scale_init_value", 0.1, -1e6, 1e6) > 0;
    c.readSizes(fields);
    if (llvm::Error error = fields.takeError())
      return error;
    return c;
  }

private:
  void readSizes(JsonFields &fields) {
    ImageForm &image = vit.image;
    if (hasBias() && image.patchHeight != image.patchWidth)
      fields.reject("patch_size", "found " + Twine(image.patchHeight) + " x " + Twine(image.patchWidth) +
                                      "; with a bias by distance accepted are square patches");
    if (hasBias() && hasPositions && image.height != image.width)
      fields.reject("image_size", "found " + Twine(image.height) + " x " + Twine(image.width) +
                                      "; with both positions and a bias by distance accepted are square images");
    if (hasBias()) // which is for one size
      return;
    if (hasPositions)
      requireOtherSizes(fields, image);
    else
      image.resize = xf::Resize::Bicubic; // of no positions
  }
};

/// A table [from rows, from columns, width] interpolated linearly to other numbers of rows and columns.
std::vector<float> bilinear(ArrayRef<float> table, std::pair<int64_t, int64_t> from, std::pair<int64_t, int64_t> to,
                            int64_t width) {
  struct Place {
    int64_t first, second;
    double weight; ///< of the second
  };
  auto placeOf = [](int64_t from, int64_t to, int64_t at) {
    const double source = std::max(0.0, (double(at) + 0.5) * double(from) / double(to) - 0.5);
    const int64_t first = int64_t(source);
    return Place{first, std::min(first + 1, from - 1), source - double(first)};
  };
  std::vector<float> result;
  for (int64_t y = 0; y < to.first; ++y)
    for (int64_t x = 0; x < to.second; ++x)
      for (int64_t i = 0; i < width; ++i) {
        const Place row = placeOf(from.first, to.first, y), column = placeOf(from.second, to.second, x);
        auto inRow = [&](int64_t r) {
          return table[(r * from.second + column.first) * width + i] * (1 - column.weight) +
                 table[(r * from.second + column.second) * width + i] * column.weight;
        };
        result.push_back(float(inRow(row.first) * (1 - row.weight) + inRow(row.second) * row.weight));
      }
  return result;
}

/// Adds what a table of the checkpoint has for distances to `pairs` [heads * places, places]. Its rows are those of
/// distances in rows and columns of patches, and then one each for the first token as query, as key, and as both.
void addBias(ModelBuilder &m, const BeitConfig &c, const Twine &name, std::vector<float> &pairs) {
  const int64_t rows = c.vit.image.gridHeight, columns = c.vit.image.gridWidth, heads = c.vit.heads;
  const int64_t down = 2 * rows - 1, across = 2 * columns - 1, distances = down * across, places = c.places();
  const std::vector<float> stored = m.valuesOf(name.str(), {distances + 3, heads});
  // Transformers takes the table for one of columns and rows, and then interpolates it to what it is.
  std::vector<float> table =
      bilinear(ArrayRef(stored).take_front(distances * heads), {across, down}, {down, across}, heads);
  llvm::append_range(table, ArrayRef(stored).drop_front(distances * heads));
  auto rowOf = [&](int64_t query, int64_t key) {
    if (!query || !key)
      return distances + (query ? 1 : key ? 0 : 2);
    const int64_t below = (query - 1) / columns - (key - 1) / columns,
                  right = (query - 1) % columns - (key - 1) % columns;
    return (below + rows - 1) * across + right + columns - 1;
  };
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t query = 0; query < places; ++query)
      for (int64_t key = 0; key < places; ++key)
        pairs[(head * places + query) * places + key] += table[rowOf(query, key) * heads + head];
}

/// Defines what scores of each layer get; where layers share it, it is stored once all the same.
void defineBiases(ModelBuilder &m, const BeitConfig &c, ArrayRef<std::string> prefixes) {
  std::vector<float> shared(c.vit.heads * c.places() * c.places());
  if (c.sharesBias)
    addBias(m, c, "encoder.relative_position_bias.relative_position_bias_table", shared);
  for (const std::string &prefix : prefixes) {
    std::vector<float> pairs = shared;
    if (c.hasOwnBias)
      addBias(m, c, prefix + "attention.attention.relative_position_bias.relative_position_bias_table", pairs);
    m.defineWeight(prefix + "pairs.weight", {c.vit.heads * c.places(), c.places()}, pairs);
  }
}

Value beitLayer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BeitConfig &c) {
  const VitConfig &vit = c.vit;
  ScoreRules rules;
  if (c.hasBias())
    rules.columns = shared[1], rules.pairs = b.table("pairs", vit.heads * c.places(), c.places());
  auto scaled = [&](Value y, StringRef name) { return c.scales ? b.scaleColumns(y, name) : y; };
  Value a = vitAttention(b, b.layerNorm(x, "layernorm_before", vit.eps), shared[0], vit, rules);
  x = b.add(scaled(a, "lambda_1"), x);
  Value f = vitFeedForward(b, b.layerNorm(x, "layernorm_after", vit.eps), vit);
  return b.add(scaled(f, "lambda_2"), x);
}

llvm::Error buildBeit(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<BeitConfig> config = BeitConfig::parse(document);
  if (!config)
    return config.takeError();
  const BeitConfig &c = *config;
  const VitConfig &vit = c.vit;

  ImageTables tables = {.projection = "embeddings.patch_embeddings.projection",
                        .lead = m.valuesOf("embeddings.cls_token", {1, 1, vit.hidden})};
  if (c.hasPositions)
    tables.positions = m.valuesOf("embeddings.position_embeddings", {1, c.places(), vit.hidden});
  Value x = imageEmbeddings(m, vit.image, vit.hidden, std::move(tables));
  const std::vector<std::string> prefixes = m.layerPrefixes("encoder.layer.", vit.layers);
  SmallVector<Value> shared = {m.mask()};
  if (c.hasBias()) {
    defineBiases(m, c, prefixes);
    shared.push_back(m.columns());
  }
  SmallVector<Value> layers =
      m.sharingLayers("beit_layer", prefixes, x, shared,
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return beitLayer(b, x, shared, c); });
  Value hidden = layers.back(), pooled;
  if (c.poolsMean) {
    pooled = m.pool(hidden, xf::PoolMode::Mean, m.leadMask());
  } else {
    hidden = m.layerNorm(hidden, "layernorm", vit.eps);
    pooled = m.firstToken(hidden);
  }
  const bool isHead = options.task == Task::ImageClassification;
  if (c.poolsMean && (isHead || m.hasWeight("pooler.layernorm.weight")))
    pooled = m.layerNorm(pooled, "pooler.layernorm", vit.eps);
  if (isHead) {
    emitImageClasses(m, pooled, options);
  } else {
    m.output("last_hidden_state", hidden);
    if (!c.poolsMean || m.hasWeight("pooler.layernorm.weight"))
      m.output("pooler_output", pooled);
  }
  return finishEncoder(m, x, layers, options,
                       {"pooler.", "classifier.", "lm_head.", "layernorm.", "embeddings.mask_token"});
}

constexpr StringRef buffers[] = {"relative_position_index"};

} // namespace

const Family beitFamily = {.modelType = "beit",
                           .title = "BEiT, Bao et al. 2022",
                           .basePrefix = "beit.",
                           .classPrefix = "Beit",
                           .tasks = imageTasks,
                           .build = buildBeit,
                           .longestSequence = unlimitedPositions,
                           .buffers = buffers};

} // namespace lathe
