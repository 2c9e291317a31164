// Models that compare texts with images: what may be left out, what a caller's arrays are, and what they refuse. What
// they compute is among the goldens.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <algorithm>

namespace lathe::test {
namespace {

class Similarity : public testing::Test {
protected:
  GoldenCase golden = {"clip", "both-odd", "ragged-3-native", {}};
  const Path artifact = compiled(golden.modelDirectory());
  const Tensors inputs = golden.inputs(), all = runTensors(artifact, inputs);

  Tensors without(const std::vector<std::string> &names) const {
    Tensors rest = inputs;
    for (const std::string &name : names)
      rest.erase(name);
    return rest;
  }
  void expectRefused(const Tensors &given, const std::vector<std::string> &words, const Arguments &flags = {}) {
    writeTensors(scratch / "inputs", given);
    for (const Arguments &run : {Arguments{"run", artifact}, {"run", golden.modelDirectory(), "--interpret"}})
      expectRefusal(1, with(with(run, {"--inputs", scratch / "inputs", "--outputs", scratch / "outputs"}), flags),
                    words);
  }

  ScratchDirectory scratch;
};

TEST_F(Similarity, GivesWhatEachEntryGives) {
  const Tensors texts = runTensors(artifact, without({"pixel_values"})),
                images = runTensors(artifact, {{"pixel_values", inputs.at("pixel_values")}}, {"--entry", "image"});
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(images.size(), 1u);
  EXPECT_TRUE(texts.at("text_embeds") == all.at("text_embeds"));
  EXPECT_TRUE(images.at("image_embeds") == all.at("image_embeds"));
}

TEST_F(Similarity, OfOneImageIsTheSameInAnyBatch) {
  Tensors one = inputs;
  one["pixel_values"] = inputs.at("pixel_values").slice(1, 2);
  const Tensors alone = runTensors(artifact, one);
  EXPECT_TRUE(alone.at("logits_per_image") == all.at("logits_per_image").slice(1, 2));
}

TEST_F(Similarity, RefusesWhatItCannotCompare) {
  expectRefused(without({"pixel_values"}), {"pixel_values is missing"}, {"--entry", "similarity"});
  expectRefused(without({"input_ids", "attention_mask"}), {"input_ids is missing"}, {"--entry", "similarity"});
  Tensors more = inputs;
  more["langs"] = inputs.at("input_ids");
  expectRefused(more, {"unknown input", "langs"});
  Tensors other = inputs;
  other["pixel_values"] = Tensor::of({1, 3, 16, 16}, std::vector<float>(768));
  expectRefused(other, {"pixel_values", "[1, 3, 16, 16]", "[batch, 2"});
}

TEST_F(Similarity, RefusesTextsWhoseEndIsMasked) {
  Tensors masked = inputs;
  std::vector<int64_t> mask = maskOf(inputs).integers();
  const std::vector<int64_t> shape = maskOf(inputs).shape;
  mask[6] = 0; // of the first text's 7 tokens, the last, which ends it
  masked["attention_mask"] = Tensor::of(shape, mask);
  expectRefused(masked, {"attention_mask is 0 in column 6 of row 0", "ends the text"});
}

/// Through the C ABI, where outputs are asked for one by one.
class SimilarityAbi : public Similarity {
protected:
  static lathe_tensor tensor(const char *name, Tensor &from) {
    lathe_tensor result = {name,
                           from.dtype == "F32"   ? LATHE_F32
                           : from.dtype == "I32" ? LATHE_I32
                                                 : LATHE_I64,
                           int32_t(from.shape.size()),
                           {},
                           from.bytes.data()};
    std::copy(from.shape.begin(), from.shape.end(), result.shape);
    return result;
  }
  lathe_status run(const std::vector<lathe_tensor> &given, lathe_tensor output) {
    return loaded.api().run(loaded.context(), nullptr, given.data(), given.size(), &output, 1, &error);
  }

  LoadedModel loaded{artifact, "model", 2};
  Tensor ids = inputs.at("input_ids"), mask = inputs.at("attention_mask"), pixels = inputs.at("pixel_values");
  lathe_error error = {};
};

TEST_F(SimilarityAbi, IsTheFirstEntry) {
  const lathe_entry_info *entries = nullptr;
  ASSERT_EQ(loaded.api().entries(&entries), 3u);
  EXPECT_STREQ(entries[0].name, "similarity");
  EXPECT_STREQ(entries[1].name, "text");
  EXPECT_STREQ(entries[2].name, "image");
  EXPECT_EQ(entries[0].n_inputs, entries[1].n_inputs + entries[2].n_inputs);
  EXPECT_EQ(entries[0].n_outputs, entries[1].n_outputs + entries[2].n_outputs + 2);
  EXPECT_STREQ(entries[0].outputs[0].name, "logits_per_image");
}

TEST_F(SimilarityAbi, ComputesWhatIsAskedFor) {
  const std::vector<lathe_tensor> both = {tensor("pixel_values", pixels), tensor("input_ids", ids),
                                          tensor("attention_mask", mask)};
  for (const char *name : {"logits_per_image", "logits_per_text", "text_embeds", "image_embeds"}) {
    SCOPED_TRACE(name);
    lathe_tensor output = {name, LATHE_F32, 0, {}, nullptr};
    ASSERT_EQ(loaded.api().infer(loaded.context(), nullptr, both.data(), both.size(), &output, 1, &error), LATHE_OK)
        << error.message;
    const Tensor &expected = all.at(name);
    EXPECT_EQ(std::vector<int64_t>(output.shape, output.shape + output.rank), expected.shape);
    std::vector<float> values(expected.floats().size());
    output.data = values.data();
    ASSERT_EQ(run(both, output), LATHE_OK) << error.message;
    EXPECT_EQ(values, expected.floats());
  }
}

TEST_F(SimilarityAbi, NeedsTheOtherSideForLogitsAlone) {
  const std::vector<lathe_tensor> texts = {tensor("input_ids", ids), tensor("attention_mask", mask)};
  const Tensor &expected = all.at("text_embeds");
  std::vector<float> values(expected.floats().size());
  ASSERT_EQ(run(texts, {"text_embeds", LATHE_F32, 2, {expected.shape[0], expected.shape[1]}, values.data()}), LATHE_OK)
      << error.message;
  EXPECT_EQ(values, expected.floats());
  EXPECT_EQ(run(texts, {"logits_per_text", LATHE_F32, 2, {4, 3}, values.data()}), LATHE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("pixel_values is missing"), std::string::npos) << error.message;
}

TEST_F(SimilarityAbi, ChecksOutputs) {
  const std::vector<lathe_tensor> both = {tensor("pixel_values", pixels), tensor("input_ids", ids),
                                          tensor("attention_mask", mask)};
  float values[12];
  EXPECT_EQ(run(both, {"logits", LATHE_F32, 2, {3, 4}, values}), LATHE_UNAVAILABLE);
  EXPECT_NE(std::string(error.message).find("logits_per_image, logits_per_text, text_embeds"), std::string::npos)
      << error.message;
  EXPECT_EQ(run(both, {"logits_per_image", LATHE_F32, 2, {4, 3}, values}), LATHE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("[4, 3]"), std::string::npos) << error.message;
  EXPECT_NE(std::string(error.message).find("[3, 4]"), std::string::npos) << error.message;
  EXPECT_EQ(run(both, {"logits_per_image", LATHE_F32, 2, {3, 4}, nullptr}), LATHE_INVALID_ARGUMENT);
}

TEST_F(SimilarityAbi, SaysHowMuchMemoryIsUsed) {
  const size_t all = loaded.api().memory(loaded.context(), nullptr, 128, 4, 32),
               texts = loaded.api().memory(loaded.context(), "text", 128, 4, 32),
               images = loaded.api().memory(loaded.context(), "image", 128, 4, 32);
  EXPECT_GT(all, std::max(texts, images));
  EXPECT_LT(all, texts + images);
}

/// A text without tokens is like nothing, also where a bias is added.
TEST(SimilarityOfSiglip, IsZeroForTextsWithoutTokens) {
  const GoldenCase golden = {"siglip", "both-odd", "empty-row-2-native", {}};
  const Tensor logits = runTensors(compiled(golden.modelDirectory()), golden.inputs()).at("logits_per_text");
  const std::vector<float> values = logits.floats();
  for (int64_t text = 0, images = logits.shape[1]; text < logits.shape[0]; ++text)
    for (int64_t image = 0; image < images; ++image)
      EXPECT_EQ(values[text * images + image] == 0, text == 1) << text << ", " << image;
}

TEST(SimilarityOfSiglip, WithoutAVectorOfImagesIsRefused) {
  ScratchDirectory scratch;
  const Path model = scratch / "model";
  std::filesystem::copy(goldens() / "siglip" / "both-odd" / "model", model);
  Json config = Json::parse(readFile(model / "config.json"));
  config["vision_config"]["vision_use_head"] = false;
  writeFile(model / "config.json", config.dump());
  expectRefusal(1, {"compile", model, "-o", scratch / "out"}, {"vision_config.vision_use_head", "false"});
}

TEST_F(Similarity, DriftIsMeasuredOnBoth) {
  const Json manifest =
      Json::parse(readFile(compiled(golden.modelDirectory(), {"--precision", "bf16"}) / "manifest.json"));
  const Json &drift = manifest.at("precision").at("drift");
  EXPECT_EQ(drift.at("inputs").at("what"), "random ids and images");
  std::vector<std::string> layers, outputs;
  for (const Json &line : drift.at("layers"))
    layers.push_back(line.at("name"));
  for (const Json &line : drift.at("outputs"))
    outputs.push_back(line.at("name"));
  EXPECT_EQ(
      std::count_if(layers.begin(), layers.end(), [](const auto &name) { return name.starts_with("text_layer"); }), 3);
  EXPECT_EQ(
      std::count_if(layers.begin(), layers.end(), [](const auto &name) { return name.starts_with("vision_layer"); }),
      3);
  EXPECT_EQ(outputs.size(), 4u);
}

TEST_F(Similarity, IsExplained) {
  const std::string text = latheOutput({"explain", artifact});
  EXPECT_NE(text.find("entry similarity, runs text and image, and compares what they give"), std::string::npos) << text;
  EXPECT_NE(latheOutput({"inspect", artifact}).find("entry similarity"), std::string::npos);
}

/// Models with a tokenizer and a preprocessor, against Transformers' pipeline.
class ComparedPictures : public testing::TestWithParam<const char *> {
protected:
  const Path folder = goldens() / GetParam(), model = folder / "model";
  const Json expected = Json::parse(readFile(folder / "expected.json"));
};

TEST_P(ComparedPictures, TextsHaveTheIdsOfTransformers) {
  EXPECT_GE(expected.at("ids").size(), 8u);
  for (const Json &each : expected.at("ids"))
    EXPECT_EQ(Json::parse(latheOutput({"tokenize", model, "--text", each.at("text"), "--json"})).at(0).at("ids"),
              each.at("ids"))
        << each.at("text");
}

TEST_P(ComparedPictures, FitTextsAsTransformersPipelineSays) {
  const Path artifact = compiled(model);
  for (const auto &[file, scores] : expected.at("images").items()) {
    SCOPED_TRACE(file);
    Arguments run = {"run", artifact, "--image", goldens() / "pictures" / file, "--json"};
    for (const auto &[text, score] : scores.items())
      run = with(run, {"--text", text});
    const Json results = Json::parse(latheOutput(run));
    ASSERT_EQ(results.size(), 1u);
    ASSERT_EQ(results[0].at("labels").size(), scores.size());
    for (const Json &label : results[0].at("labels"))
      EXPECT_NEAR(label.at("score").get<double>(), scores.at(label.at("label").get<std::string>()).get<double>(), 1e-5);
  }
}

TEST_P(ComparedPictures, NeedTexts) {
  const Path artifact = compiled(model), picture = goldens() / "pictures" / "grey.png";
  expectRefusal(1, {"run", artifact, "--image", picture}, {"compares images with texts", "--text"});
  EXPECT_EQ(runTexts(artifact, {"a cat", "a dog"}).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Models, ComparedPictures, testing::Values("clip-pictures", "siglip-pictures"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param).substr(0, std::string(info.param).find('-'));
                         });

TEST(PicturesWithTexts, NeedAModelThatComparesBoth) {
  expectRefusal(1,
                {"run", compiled(goldens() / "vit" / "classes" / "model"), "--image",
                 goldens() / "pictures" / "grey.png", "--text", "a cat"},
                {"--image together with --text", "image-classification"});
}

/// SigLIP's texts are as long as its positions reach, whatever they say.
TEST(TextsOfSiglip, AreFilledUpWithPadding) {
  const Path model = goldens() / "siglip-pictures" / "model", artifact = compiled(model);
  const Json result = runTexts(artifact, {"a cat"}).at(0);
  ASSERT_EQ(result.at("tokens").size(), 64u);
  EXPECT_EQ(result.at("tokens").back(), "</s>");
  EXPECT_NE(latheOutput({"explain", artifact}).find("shorter ones filled up with token 1"), std::string::npos);
}

TEST(TextsOfSiglip, NeedATokenOfPadding) {
  ScratchDirectory scratch;
  const Path model = scratch / "model";
  std::filesystem::copy(goldens() / "siglip-pictures" / "model", model);
  for (const char *file : {"tokenizer_config.json", "special_tokens_map.json"})
    std::filesystem::remove(model / file);
  std::filesystem::copy(goldens() / "clip-pictures" / "model" / "tokenizer.json", model);
  expectRefusal(1, {"compile", model, "-o", scratch / "out"}, {"tokenizer.json", "pad_token", "filled up"});
}

} // namespace
} // namespace lathe::test
