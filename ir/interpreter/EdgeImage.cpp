//===- EdgeImage.cpp - images as rows of tokens -------------------------------===//
#include "ir/interpreter/EdgeImage.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace lathe {

/// Keys' cubic convolution kernel, whose slope at 1 is `a`.
static double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1)
    return (a + 2) * std::pow(x, 3) - (a + 3) * std::pow(x, 2) + 1;
  return x < 2 ? a * std::pow(x, 3) - 5 * a * std::pow(x, 2) + 8 * a * x - 4 * a : 0;
}

std::vector<double> interpolationWeights(xf::Resize resize, int64_t from, int64_t to, int64_t at) {
  std::vector<double> weights(from);
  if (from == to) {
    weights[at] = 1;
    return weights;
  }
  const double scale = double(from) / double(to), center = (at + 0.5) * scale - 0.5;
  if (resize == xf::Resize::Bicubic) { // places beyond the ends are those at the ends
    for (int64_t i = int64_t(std::floor(center)) - 1, end = i + 4; i < end; ++i)
      weights[std::clamp<int64_t>(i, 0, from - 1)] += cubic(double(i) - center, -0.75);
    return weights;
  }
  // The kernel is as wide as what becomes one place, and stops at the ends.
  const double stretch = std::max(scale, 1.0);
  double sum = 0;
  for (int64_t i = 0; i < from; ++i)
    sum += weights[i] = cubic((double(i) - center) / stretch, -0.5);
  for (double &weight : weights)
    weight /= sum;
  return weights;
}

llvm::Expected<ImageTokens> imageTokens(const NamedTensors &inputs, xf::ImageAttr image) {
  const bool resizes = image.getResize() != xf::Resize::None;
  const std::string size =
      resizes ? "height, width" : std::to_string(image.getHeight()) + ", " + std::to_string(image.getWidth());
  const std::string wanted = "[batch, " + std::to_string(image.getChannels()) + ", " + size + "]";
  auto found = inputs.find("pixel_values");
  if (found == inputs.end())
    return llvm::createStringError("pixel_values is missing; it must be " + wanted);
  const Tensor &pixels = found->second;
  auto refuse = [&](const llvm::Twine &more) {
    return llvm::createStringError("pixel_values has shape " + shapeText(pixels.shape) + "; it must be " + wanted +
                                   more);
  };
  if (pixels.shape.size() != 4 || pixels.shape[1] != image.getChannels() ||
      (!resizes && (pixels.shape[2] != image.getHeight() || pixels.shape[3] != image.getWidth())))
    return refuse("");
  const int64_t height = pixels.shape[2], width = pixels.shape[3], patchHeight = image.getPatchHeight(),
                patchWidth = image.getPatchWidth(), lead = image.getLead();
  if (height < patchHeight || width < patchWidth)
    return refuse(" and at least a patch, " + llvm::Twine(patchHeight) + " x " + llvm::Twine(patchWidth));

  const int64_t batch = pixels.shape[0], seq = image.tokensOf(height, width), across = width / patchWidth;
  ImageTokens tokens = {batch, seq, {}, {}};
  for (const char *name : {"columns", "lead_ids", "lead_mask", "patch_mask"})
    tokens.ids[name] = Tensor({batch, seq});
  tokens.rows["pixel_values"] = Tensor({batch, seq, image.rowWidth()});
  tokens.rows["grid_rows"] = Tensor({batch, seq, image.getGridHeight()});
  tokens.rows["grid_columns"] = Tensor({batch, seq, image.getGridWidth()});
  for (int64_t row = 0; row < batch * seq; ++row) {
    const int64_t b = row / seq, column = row % seq, patch = column - lead;
    tokens.ids["columns"].values[row] = double(column);
    tokens.ids["lead_ids"].values[row] = double(std::min(column, lead));
    tokens.ids["lead_mask"].values[row] = patch < 0;
    tokens.ids["patch_mask"].values[row] = patch >= 0;
    if (patch < 0)
      continue;
    double *to = tokens.rows["pixel_values"].row(row);
    for (int64_t channel = 0; channel < image.getChannels(); ++channel)
      for (int64_t y = patch / across * patchHeight, bottom = y + patchHeight; y < bottom; ++y)
        to = std::copy_n(
            &pixels.values[((b * image.getChannels() + channel) * height + y) * width + patch % across * patchWidth],
            patchWidth, to);
    llvm::copy(interpolationWeights(image.getResize(), image.getGridHeight(), height / patchHeight, patch / across),
               tokens.rows["grid_rows"].row(row));
    llvm::copy(interpolationWeights(image.getResize(), image.getGridWidth(), across, patch % across),
               tokens.rows["grid_columns"].row(row));
  }
  return tokens;
}

} // namespace lathe
