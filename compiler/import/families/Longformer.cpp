//===- Longformer.cpp - Beltagy et al. 2020 -----------------------------------===//
//
// RoBERTa whose tokens see no further than a window, but for global ones: those see all tokens, with projections of
// their own, and are seen by all. Hugging Face: models/longformer/modeling_longformer.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

#include <map>

using namespace mlir;

namespace lathe {
extern const Family longformerFamily;

namespace {

/// The window of each layer: half of it to either side of a token.
std::vector<int64_t> readWindows(JsonFields &fields, int64_t layers) {
  std::vector<int64_t> windows = fields.getIntOrInts("attention_window", 1, 1 << 28);
  if (!fields.has("attention_window"))
    windows = {512};
  if (windows.size() == 1)
    windows.resize(layers, windows.front());
  if (int64_t(windows.size()) != layers)
    fields.reject("attention_window", "found " + Twine(windows.size()) + " windows for " + Twine(layers) +
                                          " layers; accepted is one for each, or one for all");
  for (int64_t window : windows)
    if (window % 2)
      fields.reject("attention_window", "found " + Twine(window) + "; accepted are even numbers");
  for (int64_t dilation : fields.getIntOrInts("attention_dilation", 0, 1 << 28))
    if (dilation != 1)
      fields.reject("attention_dilation",
                    "found " + Twine(dilation) + ", a window with gaps, which is not supported; accepted is 1");
  return windows;
}

/// What is global where the caller does not say: what the task asks about.
std::optional<xf::Globals> globalsOf(Task task) {
  switch (task) {
  case Task::SequenceClassification:
    return xf::Globals::FirstColumn;
  case Task::QuestionAnswering:
    return xf::Globals::BeforeSeparators;
  case Task::MultipleChoice:
    return xf::Globals::BehindSeparators;
  default:
    return std::nullopt;
  }
}

/// A layer is given the mask, the columns and which tokens are global. Either attention is zeros where the other is
/// not.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BertConfig &c, int64_t window) {
  Value mask = shared[0], columns = shared[1], globals = shared[2];
  Value local = b.selfAttention(x, mask, c.heads, "attention.self.query", "attention.self.key", "attention.self.value",
                                {.columns = columns, .reach = window / 2, .globals = globals});
  Value global = b.selfAttention(x, mask, c.heads, "attention.self.query_global", "attention.self.key_global",
                                 "attention.self.value_global", {.chosen = globals});
  return behindAttention(b, x, b.add(local, global), c);
}

/// Every layer's result, of a kind for each width of window.
SmallVector<Value> encoder(ModelBuilder &m, Value x, Value globals, const BertConfig &c, ArrayRef<int64_t> windows) {
  const Value shared[] = {m.mask(), m.columns(), globals};
  std::map<int64_t, ModelBuilder::LayerKind> kinds;
  SmallVector<Value> results;
  for (auto [prefix, window] : llvm::zip_equal(m.layerPrefixes("encoder.layer.", c.layers), windows)) {
    if (!kinds.contains(window))
      kinds[window] =
          m.layerKind("longformer_window_" + std::to_string(window), prefix, x, shared,
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c, window); });
    results.push_back(x = m.layer(kinds[window], prefix, x, shared));
  }
  return results;
}

llvm::Error buildLongformer(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BertConfig c = BertConfig::read(fields, {.paddingId = 1});
  const std::vector<int64_t> windows = readWindows(fields, c.layers);
  const int64_t separator = fields.getInt("sep_token_id", 2, 0, 1 << 28);
  if (llvm::Error error = fields.takeError())
    return error;

  Value x = bertEmbeddings(m, c);
  Value globals = m.globalMask(globalsOf(options.task), separator);
  SmallVector<Value> layers = encoder(m, x, globals, c, windows);
  Value hidden = layers.back();
  if (!m.attentions().empty())
    return llvm::createStringError("--emit attentions is not supported for model_type 'longformer', which attends to "
                                   "windows and to global tokens apart");

  if (llvm::Error error = emitRobertaHead(m, hidden, options, c))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "lm_head.", "classifier.", "qa_outputs."});
}

} // namespace

const Family longformerFamily = {.modelType = "longformer",
                                 .title = "Longformer, Beltagy et al. 2020",
                                 .basePrefix = "longformer.",
                                 .classPrefix = "Longformer",
                                 .tasks = encoderTasks,
                                 .build = buildLongformer,
                                 .longestSequence = positionsBehindPadding};

} // namespace lathe
