//===- Families.cpp - the list of families, and what they share ---------------===//
#include "compiler/import/families/Family.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

extern const Family bertFamily;

llvm::ArrayRef<const Family *> allFamilies() {
  static const Family *const families[] = {&bertFamily};
  return families;
}

llvm::Expected<const Family *> findFamily(llvm::StringRef modelType) {
  SmallVector<StringRef> known;
  for (const Family *family : allFamilies()) {
    if (family->modelType == modelType)
      return family;
    known.push_back(family->modelType);
  }
  return llvm::createStringError("model_type '" + modelType +
                                 "' is not supported yet; supported are: " + llvm::join(known, ", "));
}

void emitHiddenStates(ModelBuilder &model, Value embeddings, ArrayRef<Value> layers, const HeadOptions &options) {
  if (!options.hiddenStates)
    return;
  model.output("hidden_states.0", embeddings);
  for (auto [index, state] : llvm::enumerate(layers))
    model.output(("hidden_states." + Twine(index + 1)).str(), state);
}

llvm::Error emitSentenceEmbedding(ModelBuilder &model, Value hidden, const SentenceTransformer &pooling) {
  int64_t width = cast<RankedTensorType>(hidden.getType()).getShape().back();
  if (!pooling.poolingFile.empty()) // else it is --pooling, which states no width
    if (llvm::Error error = pooling.checkWidth(width))
      return error;
  SmallVector<Value> vectors;
  FirstColumn firstColumn = FirstColumn::Unused;
  for (PoolingMode mode : pooling.poolings) {
    switch (mode) {
    case PoolingMode::Cls:
      vectors.push_back(model.firstToken(hidden));
      firstColumn = FirstColumn::Error;
      break;
    case PoolingMode::Max:
      vectors.push_back(model.pool(hidden, model.mask(), xf::PoolMode::Max));
      break;
    case PoolingMode::Mean:
      vectors.push_back(model.pool(hidden, model.mask(), xf::PoolMode::Mean));
      break;
    }
  }
  Value embedding = model.join(vectors);
  if (pooling.normalize)
    embedding = model.normalize(embedding, 1e-12); // the eps of torch.nn.functional.normalize
  model.output("sentence_embedding", embedding, firstColumn);
  return llvm::Error::success();
}

} // namespace lathe
