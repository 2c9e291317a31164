//===- EdgeSimilarity.cpp - texts and images at once --------------------------===//
#include "ir/interpreter/Edge.h"
#include "ir/xf/Similarity.h"

#include <algorithm>

using namespace mlir;

namespace lathe {

/// scale * x y^T + bias, [rows of x, rows of y]; rows of x that are zeros stand for nothing, and have zeros.
static Tensor productsOf(const Tensor &x, const Tensor &y, xf::SimilarityAttr similarity) {
  Tensor products({x.rows(), y.rows()});
  for (int64_t i = 0; i < x.rows(); ++i) {
    const bool isEmpty = std::all_of(x.row(i), x.row(i) + x.width(), [](double value) { return value == 0; });
    for (int64_t j = 0; j < y.rows() && !isEmpty; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < x.width(); ++k)
        sum += x.row(i)[k] * y.row(j)[k];
      products.row(i)[j] = similarity.getScale().getValueAsDouble() * sum + similarity.getBias().getValueAsDouble();
    }
  }
  return products;
}

static Tensor transposed(const Tensor &x) {
  Tensor result({x.width(), x.rows()});
  for (int64_t i = 0; i < x.rows(); ++i)
    for (int64_t j = 0; j < x.width(); ++j)
      result.row(j)[i] = x.row(i)[j];
  return result;
}

llvm::Expected<NamedTensors> interpretModule(ModuleOp module, llvm::StringRef name, const NamedTensors &inputs) {
  auto run = [&](llvm::StringRef entryName, const NamedTensors &given) -> llvm::Expected<NamedTensors> {
    llvm::Expected<func::FuncOp> entry = findEntry(module, entryName);
    if (!entry)
      return entry.takeError();
    return interpretEntry(*entry, given);
  };
  const xf::SimilarityAttr similarity = xf::similarityOf(module);
  if (!similarity || (!name.empty() && name != xf::similarityEntry))
    return run(name, inputs);
  NamedTensors ofTexts, ofImages;
  for (const auto &[input, tensor] : inputs)
    (input == "pixel_values" ? ofImages : ofTexts)[input] = tensor;
  if (name.empty() && ofImages.empty())
    return run(similarity.getText(), ofTexts);
  if (name.empty() && ofTexts.empty())
    return run(similarity.getImage(), ofImages);

  llvm::Expected<NamedTensors> outputs = run(similarity.getText(), ofTexts);
  if (!outputs)
    return outputs;
  llvm::Expected<NamedTensors> others = run(similarity.getImage(), ofImages);
  if (!others)
    return others;
  outputs->merge(*others);
  Tensor logits = productsOf(outputs->at("text_embeds"), outputs->at("image_embeds"), similarity);
  outputs->insert_or_assign("logits_per_image", transposed(logits));
  outputs->insert_or_assign("logits_per_text", std::move(logits));
  return outputs;
}

} // namespace lathe
