// preprocessor_config.json: what of it is read, and what is refused. FrontEndTest has what comes of it.
#include "compiler/import/checkpoint/PreprocessorConfig.h"

#include "gtest/gtest.h"
#include <map>

using namespace lathe;

namespace {

llvm::Expected<PreprocessorConfig> read(llvm::StringRef json, llvm::StringRef modelType = "") {
  llvm::Expected<JsonDocument> document = JsonDocument::parse(json, "p.json");
  if (!document)
    return document.takeError();
  return readPreprocessorConfig(*document, modelType);
}

TEST(PreprocessorConfigTest, NamesNoProcessorButThatOfTheModel) {
  EXPECT_FALSE(llvm::cantFail(read("{}", "vit")).crops);
  EXPECT_EQ(llvm::cantFail(read("{}", "deit")).rows, 256);
  EXPECT_EQ(llvm::cantFail(read("{}", "data2vec-vision")).resample, LATHE_BICUBIC);
  EXPECT_EQ(llvm::cantFail(read("{}", "clip")).sizing, LATHE_SIZE_SHORTEST_EDGE);
  EXPECT_EQ(llvm::cantFail(read("{}", "siglip")).mean[0], 0.5f);
  EXPECT_EQ(llvm::cantFail(read("{}", "dinov2")).cropRows, 224);
}

TEST(PreprocessorConfigTest, WhatIsOffChangesNothing) {
  PreprocessorConfig config = llvm::cantFail(read(R"({"do_resize": false, "do_center_crop": null, "do_rescale": false,
    "do_normalize": false, "size": "anything", "image_mean": "anything"})",
                                                  "deit"));
  EXPECT_EQ(config.sizing, LATHE_SIZE_KEPT);
  EXPECT_FALSE(config.crops);
  EXPECT_EQ(config.scale, 1);
  EXPECT_EQ(config.mean[1], 0);
  EXPECT_EQ(config.deviation[2], 1);
}

TEST(PreprocessorConfigTest, SaysWhatIsWrong) {
  const std::string names = "accepted: ViTImageProcessor, DeiTImageProcessor, BeitImageProcessor, CLIPImageProcessor, "
                            "SiglipImageProcessor, BitImageProcessor";
  const std::map<std::string, std::string> wrong = {
      {R"({"image_processor_type": "PvtImageProcessor"})",
       "field 'image_processor_type' is 'PvtImageProcessor'; " + names},
      {R"({"feature_extractor_type": "DPTFeatureExtractor"})",
       "field 'feature_extractor_type' is 'DPTFeatureExtractor'; " + names},
      {R"({"image_processor_type": null})",
       "field 'image_processor_type' is missing, and a model of type 'swin' has none; " + names},
      {R"({"image_processor_type": "ViTImageProcessor", "resample": 6})",
       "field 'resample' is 6; accepted: an integer from 0 to 5"},
      {R"({"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 224}})",
       "field 'size.shortest_edge' is of no use here; accepted: height, width"},
      {R"({"image_processor_type": "ViTImageProcessor", "size": {"height": 224}})",
       "field 'size.width' is missing; accepted: an integer from 1 to 16384"},
      {R"({"image_processor_type": "ViTImageProcessor", "size": [1, 2, 3]})",
       "field 'size' is [1,2,3]; accepted: one number, or [ROWS, COLUMNS]"},
      {R"({"image_processor_type": "CLIPImageProcessor", "size": {"longest_edge": 224}})",
       "field 'size.longest_edge' is of no use here; accepted: height, width"},
      {R"({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224, "width": 2}})",
       "field 'size.width' is of no use here; accepted: shortest_edge, longest_edge"},
      {R"({"image_processor_type": "DeiTImageProcessor", "crop_size": 0})",
       "field 'crop_size' is 0; accepted: an integer from 1 to 16384, or an array of such"},
      {R"({"image_processor_type": "ViTImageProcessor", "image_mean": [1, 2]})",
       "field 'image_mean' is [1,2]; accepted: a number, or three, for red, green and blue"},
      {R"({"image_processor_type": "ViTImageProcessor", "image_std": [1, 0, 2]})",
       "field 'image_std' is [1,0,2]; accepted: numbers other than 0"},
      {R"({"image_processor_type": "ViTImageProcessor", "do_rescale": 3})",
       "field 'do_rescale' is 3; accepted: true or false"}};
  for (const auto &[json, problem] : wrong)
    EXPECT_EQ(llvm::toString(read(json, "swin").takeError()), "'p.json': " + problem) << json;
}

} // namespace
