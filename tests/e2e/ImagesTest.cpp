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
                {"reads images", "21 tokens", "--batch N without --seq"});
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

/// vit/classes with the preprocessor_config.json of tests/goldens/pictures, or another.
class Pictures : public Images {
protected:
  Path withProcessor(const std::string &config) {
    const Path model = scratch / "model";
    std::filesystem::copy(goldens() / "vit" / "classes" / "model", model);
    writeFile(model / "preprocessor_config.json", config);
    return model;
  }
  Path withProcessor() {
    return withProcessor(readFile(goldens() / "pictures" / "model" / "preprocessor_config.json"));
  }
  Path withBytes(const std::vector<int64_t> &shape, const std::vector<uint8_t> &bytes) {
    writeTensors(scratch / "inputs", {{"images", {"U8", shape, bytes}}});
    return scratch / "inputs";
  }
};

TEST_F(Pictures, HaveTheLabelsOfTransformersPipeline) {
  const Path artifact = compiled(withProcessor());
  const Json expected = Json::parse(readFile(goldens() / "pictures" / "expected.json"));
  EXPECT_GE(expected.size(), 10u);
  for (const auto &[file, labels] : expected.items()) {
    SCOPED_TRACE(file);
    const Json results =
        Json::parse(latheOutput({"run", artifact, "--image", goldens() / "pictures" / file, "--top-k", "3", "--json"}));
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].at("image"), (goldens() / "pictures" / file).string());
    ASSERT_EQ(results[0].at("labels").size(), labels.size());
    double last = 1;
    for (const Json &label : results[0].at("labels")) {
      EXPECT_NEAR(label.at("score").get<double>(), labels.at(label.at("label").get<std::string>()).get<double>(), 1e-5);
      EXPECT_LE(label.at("score").get<double>(), last);
      last = label.at("score").get<double>();
    }
  }
}

TEST_F(Pictures, AreListedWithTheirLikeliestClasses) {
  const Path artifact = compiled(withProcessor()), pictures = goldens() / "pictures";
  const std::string text =
      latheOutput({"run", artifact, "--image", pictures / "grey.png", pictures / "colours.jpg", "--top-k", "2"});
  EXPECT_NE(text.find("grey.png\n  cat 0.7172\n  a house 0.2589\n"), std::string::npos) << text;
  EXPECT_NE(text.find("colours.jpg\n  a house 0.3828\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("dog"), std::string::npos) << text;
}

/// Alone and in a batch, behind a token that stands for no part of them; by the definition of the processor.
TEST_F(Pictures, OfBytesAreWhatTheirPixelsAre) {
  const Path artifact = compiled(withProcessor(R"({"image_processor_type": "ViTImageProcessor", "do_resize": false,
                                                   "image_mean": [0.5, 0.25, 0.125], "image_std": [0.5, 0.3, 0.2]})"));
  constexpr int64_t images = 3, side = 16;
  std::vector<uint8_t> bytes(images * side * side * 3);
  std::vector<float> pixels(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = uint8_t(i * 2654435761u >> 13);
  const float mean[] = {0.5f, 0.25f, 0.125f}, deviation[] = {0.5f, 0.3f, 0.2f};
  for (int64_t i = 0; i < int64_t(pixels.size()); ++i) {
    const int64_t image = i / (3 * side * side), channel = i / (side * side) % 3, pixel = i % (side * side);
    const float scaled = float(bytes[size_t((image * side * side + pixel) * 3 + channel)] * (1 / 255.0));
    pixels[size_t(i)] = (scaled - mean[channel]) / deviation[channel];
  }
  const Tensors expected = runTensors(artifact, {{"pixel_values", Tensor::of({images, 3, side, side}, pixels)}});
  EXPECT_TRUE(expected == runTensors(artifact, {{"images", {"U8", {images, side, side, 3}, bytes}}}));
  bytes.resize(bytes.size() / images);
  const Tensors first = runTensors(artifact, {{"images", {"U8", {side, side, 3}, bytes}}});
  EXPECT_TRUE(first.at("logits") == expected.at("logits").slice(0, 1));
}

TEST_F(Pictures, ThatCannotBeReadAreNamed) {
  const Path model = withProcessor(), artifact = compiled(model);
  const std::string png = readFile(goldens() / "pictures" / "colours.png"),
                    jpeg = readFile(goldens() / "pictures" / "colours.jpg");
  auto refused = [&](const std::string &content, const std::vector<std::string> &words) {
    writeFile(scratch / "picture", content);
    expectRefusal(1, {"run", artifact, "--image", scratch / "picture"}, words);
  };
  refused("", {"picture", "neither a PNG nor a JPEG"});
  refused("GIF89a", {"picture", "neither a PNG nor a JPEG"});
  refused(png.substr(0, png.size() / 2), {"picture", "ends early"});
  refused(png.substr(0, 9), {"picture", "ends early"});
  refused(jpeg.substr(0, jpeg.size() / 2), {"picture", "end"});
  refused(jpeg.substr(0, 5), {"picture"});
  std::string huge = png;
  huge[16] = huge[20] = 0, huge[17] = huge[21] = 15; // a width and a height of nearly a million, and a wrong checksum
  refused(huge, {"picture"});
  expectRefusal(1, {"run", artifact, "--image", scratch / "nothing"}, {"nothing", "No such file"});
  expectRefusal(
      1, {"run", compiled(goldens() / "vit" / "classes" / "model"), "--image", goldens() / "pictures" / "grey.png"},
      {"grey.png", "preprocessor_config.json", "pixel_values"});
  expectRefusal(
      1, {"run", artifact, "--inputs", withBytes({4, 4}, std::vector<uint8_t>(16)), "--outputs", scratch / "out"},
      {"images", "[4, 4]", "[height, width, 3]"});
  Tensors both = {{"images", {"U8", {16, 16, 3}, std::vector<uint8_t>(768)}},
                  {"pixel_values", Tensor::of({1, 3, 16, 16}, std::vector<float>(768))}};
  writeTensors(scratch / "inputs", both);
  expectRefusal(1, {"run", artifact, "--inputs", scratch / "inputs", "--outputs", scratch / "out"},
                {"images", "pixel_values", "both"});
}

TEST_F(Pictures, APreprocessorForOtherImagesIsRefused) {
  const Path model = scratch / "model";
  std::filesystem::copy(goldens() / "beit" / "base-shared" / "model", model); // whose positions are of one size
  writeFile(model / "preprocessor_config.json",
            R"({"image_processor_type": "BeitImageProcessor", "do_center_crop": false,
                                                    "size": {"height": 48, "width": 48}})");
  expectRefusal(1, {"compile", model, "-o", scratch / "out"}, {"preprocessor_config.json", "48 x 48"});
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
