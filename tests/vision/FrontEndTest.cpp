// Images through the compiled front end, against what Transformers' processors and Pillow make of them.
#include "runtime/vision/FrontEnd.h"
#include "backends/cpu/emit/Emit.h"
#include "tests/backends/kernels/Harness.h"
#include "tests/unit/FakeProgram.h"
#include "tests/vision/CompiledFrontEnd.h"
#include "tests/vision/SeededImage.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include "gtest/gtest.h"
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Compiled once for each program.
const ImageKernels &kernelsOf(const ImageProgram &program) {
  static std::map<std::string, std::unique_ptr<ImageKernels>> compiled;
  std::unique_ptr<ImageKernels> &kernels = compiled[printImageProgram(program)];
  if (!kernels)
    kernels = std::make_unique<ImageKernels>(program);
  return *kernels;
}

/// An image in memory that faults behind its last byte.
struct Picture {
  Picture(std::string_view kind, uint64_t seed, int64_t rows, int64_t columns)
      : rows(rows), columns(columns), bytes(size_t(rows * columns * 3), 1) {
    fillImage(kind, seed, rows, columns, bytes.data());
  }
  Images images() const { return {bytes.data(), 1, rows, columns}; }

  int64_t rows, columns;
  GuardedBytes bytes;
};

class FrontEndTest : public testing::Test {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(); !why.empty())
      GTEST_SKIP() << why;
  }

  /// Fills in the kernels and runs; the status' message, or empty.
  std::string cut(FrontEndPlan plan, const Images &images, float *patches, int64_t stride, int threads = 1) {
    const ImageKernels &kernels = kernelsOf(plan.program);
    if (!kernels.error.empty())
      return kernels.error;
    for (int level = 0; level < LATHE_ISA_LEVELS; ++level) {
      plan.front.horizontal[level] = kernels.horizontal;
      plan.front.patches[level] = kernels.patches;
    }
    FakeModel model(FakeModel::contextOptions(threads));
    lathe_error error = {};
    return cutPatches(*model.context, plan.front, images, patches, stride, &error) ? error.message : "";
  }
};

int64_t floatsOf(const FrontEndPlan &plan) {
  return plan.front.down * plan.front.across * 3 * plan.front.patch_rows * plan.front.patch_columns;
}

/// [patches, 3, patch, patch] as [3, rows, columns].
std::vector<float> planesOf(const FrontEndPlan &plan, const float *patches) {
  const int64_t size = plan.front.patch_rows, across = plan.front.across;
  const int64_t rows = plan.front.down * size, columns = across * size;
  std::vector<float> planes;
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x)
        planes.push_back(patches[((y / size * across + x / size) * 3 + c) * size * size + y % size * size + x % size]);
  return planes;
}

std::string hashOf(const std::vector<float> &values) {
  llvm::SHA256 hash;
  hash.update(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float)));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

PreprocessorConfig read(const std::string &json) {
  return llvm::cantFail(readPreprocessorConfig(llvm::cantFail(JsonDocument::parse(json, "config")), "vit"));
}

TEST_F(FrontEndTest, GivesTheBitsOfTransformers) {
  nlohmann::json cases;
  std::ifstream(LATHE_SOURCE_DIR "/tests/goldens/images/cases.json") >> cases;
  ASSERT_GE(cases.size(), 90u);
  for (const nlohmann::json &golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    FrontEndPlan plan(read(golden["config"].dump()), golden["patch"], golden["image"]);
    const Picture picture(golden["kind"].get<std::string>(), golden["seed"], golden["rows"], golden["columns"]);
    Guarded<float> patches(size_t(floatsOf(plan)));
    ASSERT_EQ(cut(plan, picture.images(), patches.begin(), 0), "");
    ASSERT_TRUE(patches.intact());
    const std::vector<float> planes = planesOf(plan, patches.begin());
    const std::vector<float> samples = golden["samples"];
    const size_t step = (planes.size() + 23) / 24;
    for (size_t at = 0; at < samples.size(); ++at)
      ASSERT_EQ(planes[at * step], samples[at]) << "value " << at * step;
    EXPECT_EQ(hashOf(planes), golden["sha256"].get<std::string>());
  }
}

const std::string small = R"({"size": {"height": 64, "width": 48}, "resample": 3})";

TEST_F(FrontEndTest, GivesTheSameBitsAloneAndWithAnyThreads) {
  const FrontEndPlan plan(read(small), 16, {64, 48});
  const int64_t floats = floatsOf(plan), stride = floats + 5;
  constexpr int64_t count = 3, rows = 90, columns = 71;
  std::vector<uint8_t> pixels(size_t(count * rows * columns * 3));
  fillImage("noise", 7, rows * count, columns, pixels.data());
  std::vector<float> together(size_t(count * stride), 5), alone(size_t(floats), 0);
  for (int threads : {1, 2, 5}) {
    std::fill(together.begin(), together.end(), 5);
    ASSERT_EQ(cut(plan, {pixels.data(), count, rows, columns}, together.data(), stride, threads), "");
    for (int64_t image = 0; image < count; ++image) {
      ASSERT_EQ(cut(plan, {&pixels[size_t(image * rows * columns * 3)], 1, rows, columns}, alone.data(), 0), "");
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + image * stride));
      for (int64_t behind = floats; behind < stride; ++behind)
        EXPECT_EQ(together[size_t(image * stride + behind)], 5) << "what is not a patch is left alone";
    }
  }
}

TEST_F(FrontEndTest, RefusesSizesThatItHasNoUseFor) {
  const FrontEndPlan exact(read(small), 16, {64, 48});
  const uint8_t pixel = 0;
  float patch = 0;
  EXPECT_EQ(cut(exact, {&pixel, 1, 0, 5}, &patch, 0), "images: 0 x 5 pixels; accepted: 1 to 1048576 on each side");
  EXPECT_EQ(cut(exact, {&pixel, 1, 5, 1 << 21}, &patch, 0),
            "images: 5 x 2097152 pixels; accepted: 1 to 1048576 on each side");
  const FrontEndPlan none(read(R"({"do_resize": false})"), 16, {64, 48});
  EXPECT_EQ(cut(none, {&pixel, 1, 48, 64}, &patch, 0),
            "images: 48 x 64 pixels become 48 x 64, and the model reads 64 x 48");
  const FrontEndPlan edge(read(R"({"image_processor_type": "CLIPImageProcessor", "do_center_crop": false,
                                   "size": {"shortest_edge": 48}})"),
                          16, {64, 48});
  EXPECT_EQ(cut(edge, {&pixel, 1, 10, 20}, &patch, 0),
            "images: 10 x 20 pixels become 48 x 96, and the model reads 64 x 48");
}

TEST_F(FrontEndTest, ObjectsCallNothingAtAnyLevel) {
  const FrontEndPlan plan(read(small), 14, {64, 48});
  for (IsaLevel level : {IsaLevel::Avx512, IsaLevel::Amx}) {
    const ImageKernels kernels(plan.program, level);
    EXPECT_EQ(kernels.error, "");
    llvm::Expected<llvm::SmallVector<std::string>> undefined = undefinedSymbols(kernels.object);
    ASSERT_TRUE(bool(undefined));
    EXPECT_TRUE(undefined->empty()) << undefined->front();
  }
}

TEST(ImageProgramTest, ReadsWhatItPrints) {
  const ImageProgram program = {.step = ImageStep::Patches,
                                .rows = 14,
                                .columns = 15,
                                .across = 37,
                                .scale = 1.0 / 255,
                                .mean = {0.485f, 0.456f, -0.5f},
                                .deviation = {0.229f, 1e-30f, 0.225f}};
  for (const ImageProgram &given :
       {program, ImageProgram{.step = ImageStep::Transpose}, ImageProgram{.step = ImageStep::Horizontal}}) {
    ImageProgram parsed;
    std::string error;
    EXPECT_TRUE(parseImageProgram(printImageProgram(given), parsed, error)) << error;
    EXPECT_TRUE(parsed == given);
  }
}

TEST(ImageProgramTest, SaysWhatIsWrong) {
  for (const auto &[text, problem] : std::map<std::string, std::string>{
           {"", "unknown step; accepted: transpose, horizontal, patches"},
           {"turn", "unknown step; accepted: transpose, horizontal, patches"},
           {"transpose 1", "nothing may follow"},
           {"patches 0 3 1 1 0 0 0 1 1 1",
            "expected rows and columns of patches, their number side by side, a scale, three means "
            "and three deviations"},
           {"patches 16 16 14 1 0 0 0 1 1",
            "expected rows and columns of patches, their number side by side, a scale, three means "
            "and three deviations"},
           {"patches 16 16 14 1 0 0 0 1 1 1 2",
            "expected rows and columns of patches, their number side by side, a scale, three "
            "means and three deviations"}}) {
    ImageProgram parsed;
    std::string error;
    EXPECT_FALSE(parseImageProgram(text, parsed, error));
    EXPECT_EQ(error, "image program '" + text + "': " + problem);
  }
}

} // namespace
