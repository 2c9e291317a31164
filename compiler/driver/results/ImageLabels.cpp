//===- ImageLabels.cpp - which classes images belong to ------------------------===//
#include "compiler/driver/results/ImageLabels.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"

#include <nlohmann/json.hpp>

namespace lathe {

ImageLabels::ImageLabels(llvm::StringRef image, llvm::ArrayRef<float> logits, const ResultOptions &options,
                         int64_t count)
    : image(image) {
  for (const auto &[index, score] : classScores(options.problem, logits, count))
    classes.emplace_back(labelOf(options.labels, size_t(index)), score);
}

nlohmann::ordered_json ImageLabels::json() const {
  nlohmann::ordered_json object = {{"image", image}, {"labels", nlohmann::ordered_json::array()}};
  for (const auto &[label, score] : classes)
    object["labels"].push_back({{"label", label}, {"score", score}});
  return object;
}

void ImageLabels::print(llvm::raw_ostream &os) const {
  os << printable(image) << "\n";
  for (const auto &[label, score] : classes)
    os << llvm::formatv("  {0} {1:F4}\n", printable(label), score);
}

} // namespace lathe
