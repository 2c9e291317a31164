//===- PreprocessorConfig.h - how a model's images are prepared ---------------===//
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_PREPROCESSORCONFIG_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_PREPROCESSORCONFIG_H

#include "compiler/import/checkpoint/Json.h"
#include "lathe/program.h"

#include <array>

namespace lathe {

/// What Transformers' image processor of a directory does, in this order; of the slow class, which works with Pillow
/// and numpy, also where the file names the fast one.
struct PreprocessorConfig {
  lathe_sizing sizing = LATHE_SIZE_KEPT;
  lathe_resample resample = LATHE_BILINEAR;
  int64_t rows = 0, columns = 0; ///< of the resized image; the shortest edge in `rows`
  bool crops = false;
  int64_t cropRows = 0, cropColumns = 0;
  /// A byte becomes (scale * byte - mean) / deviation, the product in f64, all else in f32; 1, 0 and 1 change nothing.
  double scale = 1;
  std::array<float, 3> mean = {}, deviation = {1, 1, 1};
};

/// Reads preprocessor_config.json. Where it names no processor, it is the one that Transformers has for `modelType`.
/// Keys that the processor's class does not read are ignored, as there.
llvm::Expected<PreprocessorConfig> readPreprocessorConfig(const JsonDocument &document, llvm::StringRef modelType);

} // namespace lathe

#endif
