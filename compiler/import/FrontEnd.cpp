//===- FrontEnd.cpp - images of bytes as what an entry reads -------------------===//
#include "compiler/import/FrontEnd.h"

#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/checkpoint/PreprocessorConfig.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lathe {

/// The size of what is made of an image, of which the entry reads some or all.
static std::pair<int64_t, int64_t> preparedSize(const PreprocessorConfig &config, xf::ImageAttr image) {
  if (config.crops)
    return {config.cropRows, config.cropColumns};
  if (config.sizing == LATHE_SIZE_EXACT)
    return {config.rows, config.columns};
  return {image.getHeight(), image.getWidth()}; // any other is refused when it comes
}

static llvm::Expected<xf::FrontEndAttr> frontEndOf(const PreprocessorConfig &config, xf::ImageAttr image) {
  const auto [rows, columns] = preparedSize(config, image);
  const bool fits = image.getResize() == xf::Resize::None
                        ? rows == image.getHeight() && columns == image.getWidth()
                        : rows >= image.getPatchHeight() && columns >= image.getPatchWidth();
  if (!fits)
    return llvm::createStringError(llvm::formatv("prepares images of {0} x {1}; the model reads {2} x {3}", rows,
                                                 columns, image.getHeight(), image.getWidth()));
  MLIRContext *context = image.getContext();
  return xf::FrontEndAttr::get(
      context, xf::Sizing(config.sizing), xf::Resample(config.resample), config.rows, config.columns, config.crops,
      rows, columns, FloatAttr::get(Float64Type::get(context), config.scale),
      DenseF32ArrayAttr::get(context, config.mean), DenseF32ArrayAttr::get(context, config.deviation));
}

llvm::Error attachFrontEnd(ModuleOp module, StringRef directory, StringRef modelType) {
  constexpr llvm::StringLiteral file = "preprocessor_config.json";
  for (auto entry : module.getOps<func::FuncOp>())
    for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
      auto image = entry.getArgAttrOfType<xf::ImageAttr>(index, xf::XfDialect::imageAttr);
      if (!image || image.getChannels() != 3 || !hasEntry(directory, file))
        continue;
      llvm::Expected<JsonDocument> document = JsonDocument::open(joinPath(directory, file));
      if (!document)
        return document.takeError();
      llvm::Expected<PreprocessorConfig> config = readPreprocessorConfig(*document, modelType);
      if (!config)
        return config.takeError();
      llvm::Expected<xf::FrontEndAttr> front = frontEndOf(*config, image);
      if (!front)
        return llvm::createStringError(document->origin() + " " + llvm::toString(front.takeError()));
      entry.setArgAttr(index, xf::XfDialect::frontEndAttr, *front);
    }
  return llvm::Error::success();
}

} // namespace lathe
