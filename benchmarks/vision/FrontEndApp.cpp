// front-end-app CONFIG PATCH IMAGE ROWS COLUMNS RESULT: an image of bytes [ROWS, COLUMNS, 3] through the front end that
// preprocessor_config.json CONFIG says, for patches of PATCH x PATCH pixels, on one thread. Writes the patches to
// RESULT, and then for each line of its input the seconds that an image takes, the mean of a tenth of a second.
#include "runtime/vision/FrontEnd.h"
#include "tests/unit/FakeProgram.h"
#include "tests/vision/CompiledFrontEnd.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace lathe;
using namespace lathe::test;

static int fail(const std::string &message) {
  std::fprintf(stderr, "front-end-app: %s\n", message.c_str());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 7)
    return fail("expected CONFIG PATCH IMAGE ROWS COLUMNS RESULT");
  llvm::Expected<JsonDocument> document = JsonDocument::open(argv[1]);
  if (!document)
    return fail(llvm::toString(document.takeError()));
  llvm::Expected<PreprocessorConfig> config = readPreprocessorConfig(*document, "");
  if (!config)
    return fail(llvm::toString(config.takeError()));
  std::ifstream file(argv[3], std::ios::binary);
  const std::vector<char> pixels((std::istreambuf_iterator<char>(file)), {});
  const int64_t rows = std::atoll(argv[4]), columns = std::atoll(argv[5]);
  if (int64_t(pixels.size()) != rows * columns * 3)
    return fail("the image has another size");

  FrontEndPlan plan(*config, std::atoll(argv[2]), {config->rows, config->columns});
  const ImageKernels kernels(plan.program);
  if (!kernels.error.empty())
    return fail(kernels.error);
  for (int level = 0; level < LATHE_ISA_LEVELS; ++level) {
    plan.front.horizontal[level] = kernels.horizontal;
    plan.front.patches[level] = kernels.patches;
  }
  const lathe_image_front_end &front = plan.front;
  std::vector<float> patches(size_t(front.down * front.across * 3 * front.patch_rows * front.patch_columns));
  FakeModel model(FakeModel::contextOptions(1));
  const Images images = {reinterpret_cast<const uint8_t *>(pixels.data()), 1, rows, columns};
  lathe_error error = {};
  auto run = [&] { return cutPatches(*model.context, front, images, patches.data(), 0, &error) == LATHE_OK; };
  if (!run())
    return fail(error.message);
  std::ofstream(argv[6], std::ios::binary)
      .write(reinterpret_cast<const char *>(patches.data()), std::streamsize(patches.size() * sizeof(float)));
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    double seconds = 0;
    int count = 0;
    for (; seconds < 0.1; ++count, seconds = std::chrono::duration<double>(Clock::now() - start).count())
      run();
    std::printf("%.9f\n", seconds / count);
    std::fflush(stdout);
  }
}
