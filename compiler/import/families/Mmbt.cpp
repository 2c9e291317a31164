//===- Mmbt.cpp - Kiela et al. 2019 -------------------------------------------===//
//
// A BERT that reads vectors of an image, projected to its width, in front of a text's tokens. Hugging Face:
// models/deprecated/mmbt/modeling_mmbt.py, which has no directories of its own: docs/formats/mmbt.md says what is read.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family mmbtFamily;

namespace {

struct MmbtConfig {
  BertConfig text;
  int64_t modalHidden;

  static llvm::Expected<MmbtConfig> parse(const JsonDocument &document) {
    JsonFields fields(document);
    MmbtConfig c;
    if (std::string type = fields.getString("text_model_type", ""); type != "bert")
      fields.reject("text_model_type", "found \"" + type + "\"; accepted is \"bert\"");
    c.text = BertConfig::read(fields, {.mayBeLinear = true});
    c.modalHidden = fields.getInt("modal_hidden_size", 2048, 1, 1 << 20);
    if (llvm::Error error = fields.takeError())
      return error;
    return c;
  }
};

/// [batch, seq, hidden]: of a token its word, of a vector its projection; both with a type and a position, normalised.
Value embeddings(ModelBuilder &m, const MmbtConfig &c) {
  const BertConfig &text = c.text;
  Value word = m.lookup(m.inputIds(text.vocab), "embeddings.word_embeddings", text.vocab, text.hidden,
                        /*orZeros=*/true);
  // Tokens are zeros to the projection, but would get its bias: a row that is looked up where vectors are.
  m.defineWeight("modal_bias.weight", {1, text.hidden},
                 m.valuesOf("modal_encoder.proj_embeddings.bias", {text.hidden}));
  Value bias = m.lookup(m.modalIds(), "modal_bias", 1, text.hidden, /*orZeros=*/true);
  Value sum = addTypeAndPosition(m, m.add(word, bias), text);
  Value projected = m.linear(m.inputModal(c.modalHidden), "modal_encoder.proj_embeddings.weight", "", text.hidden);
  return m.layerNorm(m.add(projected, sum), "embeddings.LayerNorm", text.eps);
}

llvm::Error buildMmbt(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<MmbtConfig> config = MmbtConfig::parse(document);
  if (!config)
    return config.takeError();

  Value x = embeddings(m, *config);
  SmallVector<Value> layers = bertLayers(m, x, config->text);
  Value hidden = layers.back();
  if (llvm::Error error = emitBertHead(m, hidden, options, /*emitWords=*/{})) // of which it has none
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "classifier.", "modal_encoder.encoder."});
}

/// The text model's names stand behind "transformer.", and the tables that both parts share perhaps in the other part.
std::string renameWeight(StringRef name) {
  if (name.consume_front("transformer."))
    return name.str();
  StringRef shared = name;
  if (shared.consume_front("modal_encoder.") &&
      (shared.starts_with("word_embeddings.") || shared.starts_with("position_embeddings.") ||
       shared.starts_with("token_type_embeddings.") || shared.starts_with("LayerNorm.")))
    return ("embeddings." + shared).str();
  return name.str();
}

constexpr Task tasks[] = {Task::Base, Task::SequenceClassification};
constexpr ClassEnding ownClasses[] = {{"ForClassification", Task::SequenceClassification}};

} // namespace

const Family mmbtFamily = {.modelType = "mmbt",
                           .title = "MMBT, Kiela et al. 2019",
                           .basePrefix = "mmbt.",
                           .classPrefix = "MMBT",
                           .tasks = tasks,
                           .build = buildMmbt,
                           .ownClasses = ownClasses,
                           .renameWeight = renameWeight,
                           .mayRepeatWeights = true};

} // namespace lathe
