// What is particular to models that read vectors of an image (docs/formats/mmbt.md): what the verbs do without one, and
// directories that are not as the page says. What they compute is among the goldens.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

GoldenCase golden() { return {"mmbt", "base-odd", "ragged-5-vectors", {}}; }

class Mmbt : public testing::Test {
protected:
  Path copyOf(const std::string &name) {
    std::filesystem::copy(goldens() / "mmbt" / name / "model", scratch / name);
    return scratch / name;
  }
  Path inputsWithout(const std::string &name) {
    Tensors inputs = golden().inputs();
    inputs.erase(name);
    writeTensors(scratch / "inputs", inputs);
    return scratch / "inputs";
  }

  ScratchDirectory scratch;
  const Path model = golden().modelDirectory(), artifact = compiled(model);
};

TEST_F(Mmbt, TheImageIsAskedFor) {
  const Path inputs = inputsWithout("input_modal"), outputs = scratch / "outputs";
  expectRefusal(1, {"run", artifact, "--inputs", inputs, "--outputs", outputs}, {"input_modal is missing", "41"});
  expectRefusal(1, {"run", model, "--interpret", "--inputs", inputs, "--outputs", outputs}, {"input_modal is missing"});
  expectRefusal(1, {"bench", artifact, "--batch", "1", "--seq", "8"}, {"input_modal", "no images"});
}

TEST_F(Mmbt, VectorsAreOfF32) {
  Tensors inputs = golden().inputs();
  inputs["input_modal"].dtype = "I32";
  writeTensors(scratch / "inputs", inputs);
  expectRefusal(1, {"run", artifact, "--inputs", scratch / "inputs", "--outputs", scratch / "outputs"},
                {"'input_modal'", "I32", "accepted: F32"});
}

TEST_F(Mmbt, BothWaysOfRunningNameWrongShapes) {
  Tensors inputs = golden().inputs();
  inputs["modal_start_tokens"] = Tensor::of({3}, std::vector<int64_t>{1, 2, 3});
  writeTensors(scratch / "inputs", inputs);
  for (const Arguments &run : {Arguments{"run", artifact}, {"run", model, "--interpret"}})
    expectRefusal(1, with(run, {"--inputs", scratch / "inputs", "--outputs", scratch / "outputs"}),
                  {"modal_start_tokens", "[3]", "[4]"});
}

TEST_F(Mmbt, DriftIsMeasuredBehindVectors) {
  const Json manifest = Json::parse(readFile(compiled(model, {"--precision", "bf16"}) / "manifest.json"));
  EXPECT_EQ(manifest.at("precision").at("drift").at("inputs").at("what"), "random ids and vectors");
  writeFile(scratch / "texts", "A text has no image.\n");
  expectRefusal(1, {"compile", model, "-o", scratch / "out", "--precision", "int8", "--calibrate", scratch / "texts"},
                {"input_modal", "safetensors"});
}

TEST_F(Mmbt, DirectoriesThatAreNotAsThePageSays) {
  const Path other = copyOf("base-odd");
  Json config = Json::parse(readFile(other / "config.json"));
  config["text_model_type"] = "roberta";
  writeFile(other / "config.json", config.dump());
  expectRefusal(1, {"compile", other, "-o", scratch / "out"}, {"text_model_type", "roberta", "\"bert\""});
  config["text_model_type"] = "bert";
  config["modal_hidden_size"] = 40;
  writeFile(other / "config.json", config.dump());
  expectRefusal(1, {"compile", other, "-o", scratch / "out"}, {"modal_encoder.proj_embeddings.weight", "41", "40"});
}

TEST_F(Mmbt, TensorsUnderTwoNamesAreEqual) {
  const Path both = copyOf("base-both-names");
  Tensors weights = readTensors(both / "model.safetensors");
  weights.at("modal_encoder.LayerNorm.bias").bytes.back() ^= 1;
  writeTensors(both / "model.safetensors", weights);
  expectRefusal(1, {"compile", both, "-o", scratch / "out"},
                {"'modal_encoder.LayerNorm.bias'", "'transformer.embeddings.LayerNorm.bias'"});
}

} // namespace
} // namespace lathe::test
