//===- EncoderDecoder.cpp - what stands behind an encoder and a decoder, by task --===//
#include "compiler/import/families/EncoderDecoder.h"

using namespace mlir;

namespace lathe {

StringRef firstOf(ModelBuilder &model, ArrayRef<StringRef> weights) {
  auto found = llvm::find_if(weights, [&](StringRef name) { return model.hasWeight(name); });
  return found == weights.end() ? weights.front() : *found;
}

static void emitStates(ModelBuilder &model, StringRef name, const LayerStack &stack) {
  model.output((name + ".0").str(), stack.embeddings);
  for (auto [index, state] : llvm::enumerate(stack.layers))
    model.output((name + "." + Twine(index + 1)).str(), state);
}

/// Of the target in the column where the text's last end is.
static Value summaryOf(ModelBuilder &model, const EncoderDecoderParts &parts) {
  Value x = parts.decoder.last();
  const int64_t width = cast<RankedTensorType>(x.getType()).getShape().back();
  Value last = model.pool(x, xf::PoolMode::Last, model.exceptEnd(parts.endId), xf::Rows::Targets);
  return model.activate(model.linear(last, parts.classifierDense, width), xf::Activation::Tanh);
}

llvm::Error emitEncoderDecoder(ModelBuilder &model, const EncoderDecoderParts &parts, const HeadOptions &options,
                               ArrayRef<StringRef> otherHeads) {
  if (!model.attentions().empty())
    return llvm::createStringError("--emit attentions is not supported yet for models with an encoder and a decoder");
  if (options.features)
    return llvm::createStringError("--features is of one stack of layers; this model has an encoder and a decoder");
  if (options.task == Task::Seq2SeqLm) {
    model.output("logits", parts.logits());
  } else {
    auto summary = [&] { return summaryOf(model, parts); };
    if (llvm::Error error =
            emitHead(model, parts.decoder.last(), options,
                     {.summary = summary, .classifier = parts.classifier, .summaryReads = FirstColumn::Unused}))
      return error;
  }
  model.output("encoder_last_hidden_state", parts.encoder.last());
  if (options.hiddenStates) {
    emitStates(model, "encoder_hidden_states", parts.encoder);
    emitStates(model, "decoder_hidden_states", parts.decoder);
  }
  model.expectUnused(otherHeads);
  return llvm::Error::success();
}

} // namespace lathe
