// What is particular to models of images: what they refuse, what the verbs say of them, and that images in one batch
// have nothing to do with each other. What they compute is among the goldens.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

class Images : public testing::Test {
protected:
  GoldenCase golden = {"vit", "base-odd", "3-native", {}};
  /// The images of the case with other numbers of channels, rows and columns.
  Path withShape(const std::vector<int64_t> &shape) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    writeTensors(scratch / "inputs", {{"pixel_values", Tensor::of(shape, std::vector<float>(count, 0.5f))}});
    return scratch / "inputs";
  }
  void expectRefused(const Path &model, const Path &inputs, const std::vector<std::string> &words) {
    for (const Arguments &run : {Arguments{"run", compiled(model)}, {"run", model, "--interpret"}})
      expectRefusal(1, with(run, {"--inputs", inputs, "--outputs", scratch / "outputs"}), words);
  }

  ScratchDirectory scratch;
};

TEST_F(Images, ShapesAreChecked) {
  const Path fixed = golden.modelDirectory(), any = goldens() / "vit" / "base" / "model";
  expectRefused(fixed, withShape({1, 3, 13, 11}), {"pixel_values", "[1, 3, 13, 11]", "[batch, 2, 13, 11]"});
  expectRefused(fixed, withShape({1, 2, 16, 11}), {"pixel_values", "[1, 2, 16, 11]", "[batch, 2, 13, 11]"});
  expectRefused(any, withShape({1, 3, 3, 16}), {"pixel_values", "[1, 3, 3, 16]", "[batch, 3, height, width]", "4 x 4"});
  expectRefused(any, withShape({3, 16, 16}), {"pixel_values", "[3, 16, 16]", "[batch, 3, height, width]"});
}

TEST_F(Images, NothingElseIsTaken) {
  Tensors inputs = golden.inputs();
  inputs["input_ids"] = Tensor::of({1, 1}, std::vector<int64_t>{1});
  writeTensors(scratch / "inputs", inputs);
  expectRefused(golden.modelDirectory(), scratch / "inputs", {"unknown input", "input_ids", "pixel_values"});
  writeTensors(scratch / "inputs", Tensors{});
  expectRefused(golden.modelDirectory(), scratch / "inputs", {"pixel_values is missing", "[batch, 2, 13, 11]"});
  expectRefusal(1, {"bench", compiled(golden.modelDirectory()), "--batch", "1", "--seq", "8"},
                {"pixel_values", "no images"});
}

TEST_F(Images, AnImageIsTheSameInAnyBatch) {
  const Tensors inputs = golden.inputs();
  const Path artifact = compiled(golden.modelDirectory());
  const Tensor together = runTensors(artifact, inputs).at("last_hidden_state");
  const std::vector<float> pixels = inputs.at("pixel_values").floats(), all = together.floats();
  const size_t perImage = pixels.size() / 3, perResult = all.size() / 3;
  const Tensor second =
      Tensor::of({1, 2, 13, 11}, std::vector<float>(pixels.begin() + perImage, pixels.begin() + 2 * perImage));
  EXPECT_EQ(runTensors(artifact, {{"pixel_values", second}}).at("last_hidden_state").floats(),
            std::vector<float>(all.begin() + perResult, all.begin() + 2 * perResult));
}

TEST_F(Images, TheManifestHasLabelsAndSizes) {
  const Json manifest = Json::parse(readFile(compiled(goldens() / "vit" / "classes" / "model") / "manifest.json"));
  EXPECT_EQ(manifest.at("model").at("task"), "image-classification");
  EXPECT_EQ(manifest.at("model").at("labels"), Json({"cat", "dog", "a house"}));
  const Json &input = manifest.at("entries").at(0).at("inputs").at(0);
  EXPECT_EQ(input.at("shape"), "[batch, 3, height, width]");
  EXPECT_EQ(input.at("tokens"), 17);
}

TEST_F(Images, DriftIsMeasuredOnImages) {
  const Json manifest = Json::parse(
      readFile(compiled(goldens() / "vit" / "classes" / "model", {"--precision", "bf16"}) / "manifest.json"));
  EXPECT_EQ(manifest.at("precision").at("drift").at("inputs").at("what"), "random images");
}

TEST_F(Images, ASizeThatTransformersCannotInterpolateIsNamed) {
  const Path model = scratch / "model";
  std::filesystem::copy(goldens() / "dinov2" / "base" / "model", model);
  Json config = Json::parse(readFile(model / "config.json"));
  config["image_size"] = {16, 20};
  writeFile(model / "config.json", config.dump());
  expectRefusal(1, {"compile", model, "-o", scratch / "out"}, {"image_size", "16 x 20", "20 patches", "square"});
}

} // namespace
} // namespace lathe::test
