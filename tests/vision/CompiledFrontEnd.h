// Compiles the front end for images as `lathe compile` does, for the runtime to call. Benchmarks use it too.
#ifndef LATHE_TESTS_VISION_COMPILEDFRONTEND_H
#define LATHE_TESTS_VISION_COMPILEDFRONTEND_H

#include "backends/cpu/IsaLevel.h"
#include "backends/halide/ImageProgram.h"
#include "compiler/import/checkpoint/PreprocessorConfig.h"
#include "lathe/program.h"

#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

/// The kernels of one ImageProgram.
class ImageKernels {
public:
  /// What goes wrong is in `error`; there are no kernels then.
  explicit ImageKernels(const ImageProgram &patches, IsaLevel level = IsaLevel::Avx512);
  ~ImageKernels();

  std::string error;
  std::vector<char> object;
  lathe_kernel horizontal = nullptr, patches = nullptr;

private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded;
};

/// What a processor's configuration becomes for patches of `patch` x `patch` pixels, and images of `image` rows and
/// columns where it does not crop.
struct FrontEndPlan {
  FrontEndPlan(const PreprocessorConfig &config, int64_t patch, std::pair<int64_t, int64_t> image);

  lathe_image_front_end front = {};
  ImageProgram program;
};

} // namespace lathe::test

#endif
