// What is particular to models that remember (docs/decisions/0043): texts in segments, ragged and in a batch, and what
// is refused. What they compute is among the goldens.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

/// Where every token sees those before it, and all of these are remembered.
class Memories : public testing::Test {
protected:
  Memories() {
    std::filesystem::copy(goldens() / "xlnet" / "base-causal" / "model", model);
    Json config = Json::parse(readFile(model / "config.json"));
    config["mem_len"] = nullptr;
    writeFile(model / "config.json", config.dump());
  }
  Path inputsFile(const Tensors &inputs) {
    writeTensors(scratch / "inputs", inputs);
    return scratch / "inputs";
  }
  Tensors remembering(int64_t rows, int64_t layers) const {
    Tensors inputs = {{"input_ids", ids({1, 3})}};
    for (int64_t layer = 0; layer < layers; ++layer)
      inputs["mems." + std::to_string(layer)] = Tensor::of({rows, 1, 36}, std::vector<float>(rows * 36, 0.5f));
    return inputs;
  }
  static Tensor ids(std::vector<int64_t> shape, int64_t from = 0) {
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < count; ++i)
      numbers.push_back((from + i) * 7 % 97);
    return Tensor::of(std::move(shape), numbers);
  }

  ScratchDirectory scratch;
  const Path model = scratch / "model";
};

TEST_F(Memories, ATextInSegmentsIsTheTextAsAWhole) {
  const Path artifact = compiled(model);
  const std::vector<float> whole = runTensors(artifact, {{"input_ids", ids({1, 11})}}).at("last_hidden_state").floats();
  Tensors remembered;
  std::vector<float> segments;
  for (auto [begin, length] : {std::pair<int64_t, int64_t>{0, 4}, {4, 1}, {5, 6}}) {
    remembered["input_ids"] = ids({1, length}, begin);
    Tensors outputs = runTensors(artifact, remembered);
    for (float value : outputs.at("last_hidden_state").floats())
      segments.push_back(value);
    EXPECT_EQ(outputs.at("mems.1").shape, (std::vector<int64_t>{begin + length, 1, 36}));
    outputs.erase("last_hidden_state");
    remembered = std::move(outputs);
  }
  const std::vector<int64_t> shape = {1, 11, 36};
  EXPECT_LE(relativeError(Tensor::of(shape, segments), Tensor::of(shape, whole)), 1e-5);
}

/// Two texts of 5 and 2 tokens behind three rows each: padded, ragged, and interpreted.
TEST_F(Memories, RaggedTextsRememberAsPaddedOnesDo) {
  const Path artifact = compiled(model);
  Tensors ragged = {{"input_ids", ids({7})}, {"cu_seqlens", Tensor::of({3}, std::vector<int32_t>{0, 5, 7})}};
  std::vector<int64_t> numbers = ids({7}).integers();
  numbers.insert(numbers.end(), {0, 0, 0});
  Tensors padded = {{"input_ids", Tensor::of({2, 5}, numbers)},
                    {"attention_mask", Tensor::of({2, 5}, std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 0, 0, 0})}};
  std::vector<float> rows;
  for (int i = 0; i < 3 * 2 * 36; ++i)
    rows.push_back(float(i % 17) / 8 - 1);
  for (Tensors *inputs : {&ragged, &padded})
    for (const char *name : {"mems.0", "mems.1"})
      (*inputs)[name] = Tensor::of({3, 2, 36}, rows);
  const Tensors expected = runTensors(artifact, padded), values = runTensors(artifact, ragged);
  for (const char *name : {"mems.0", "mems.1"})
    EXPECT_EQ(values.at(name), expected.at(name)) << "and zeros behind the shorter text";
  EXPECT_EQ(values.at("last_hidden_state").bytes.size(), size_t(7 * 36 * 4));
  const Tensors interpreted = runTensors(model, ragged, {"--interpret"});
  for (const auto &[name, value] : values)
    EXPECT_LE(relativeError(value, interpreted.at(name)), 1e-4) << name;
}

/// Texts of 9, 1 and 4 tokens, each behind rows of its own.
TEST_F(Memories, ATextAloneHasTheBitsOfItInABatch) {
  const Path artifact = compiled(goldens() / "transfo-xl" / "lm-tied" / "model");
  constexpr int64_t rows = 3, texts = 3, width = 36, vocabulary = 97;
  const std::vector<int32_t> starts = {0, 9, 10, 14};
  auto remembered = [](int64_t row, int64_t text, int64_t i) {
    return float((row * 31 + text * 7 + i * 5) % 23 - 11) / 9;
  };
  auto memories = [&](std::vector<int64_t> which) {
    std::vector<float> values;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t text : which)
        for (int64_t i = 0; i < width; ++i)
          values.push_back(remembered(row, text, i));
    return Tensor::of({rows, int64_t(which.size()), width}, values);
  };
  const Tensor all = memories({0, 1, 2});
  const std::vector<float> batch = runTensors(artifact, {{"input_ids", ids({starts.back()})},
                                                         {"cu_seqlens", Tensor::of({texts + 1}, starts)},
                                                         {"mems.0", all},
                                                         {"mems.1", all}})
                                       .at("prediction_scores")
                                       .floats();
  for (int64_t text = 0; text < texts; ++text) {
    const Tensor own = memories({text});
    const std::vector<float> alone =
        runTensors(
            artifact,
            {{"input_ids", ids({1, starts[text + 1] - starts[text]}, starts[text])}, {"mems.0", own}, {"mems.1", own}})
            .at("prediction_scores")
            .floats();
    EXPECT_EQ(alone, std::vector<float>(batch.begin() + starts[text] * vocabulary,
                                        batch.begin() + starts[text + 1] * vocabulary))
        << "text " << text;
  }
}

TEST_F(Memories, WhatDoesNotFitIsNamed) {
  const Path artifact = compiled(model);
  Tensors less = remembering(4, 1), more = remembering(4, 3), other = remembering(4, 2), wide = remembering(4, 2);
  other["mems.1"] = Tensor::of({5, 1, 36}, std::vector<float>(5 * 36));
  wide["mems.0"] = Tensor::of({4, 2, 36}, std::vector<float>(8 * 36));
  const Path outputs = scratch / "outputs";
  expectRefusal(1, {"run", artifact, "--inputs", inputsFile(less), "--outputs", outputs}, {"mems.1 is missing"});
  expectRefusal(1, {"run", artifact, "--inputs", inputsFile(more), "--outputs", outputs},
                {"mems.2", "mems.0 to mems.1"});
  expectRefusal(1, {"run", artifact, "--inputs", inputsFile(other), "--outputs", outputs},
                {"[5, 1, 36]", "[4, 1, 36]"});
  expectRefusal(1, {"run", artifact, "--inputs", inputsFile(wide), "--outputs", outputs}, {"mems.0", "[4, 2, 36]"});
  for (const Tensors &inputs : {less, more, other, wide})
    expectRefusal(1, {"run", model, "--interpret", "--inputs", inputsFile(inputs), "--outputs", outputs}, {"mems"});
  other["mems.1"].dtype = "I32";
  expectRefusal(1, {"run", artifact, "--inputs", inputsFile(other), "--outputs", outputs}, {"mems.1", "I32", "F32"});
}

/// Of bf16 there are goldens.
TEST_F(Memories, TheyAreGivenInBytesToo) {
  for (const Path &directory : {model, goldens() / "transfo-xl" / "lm-tied" / "model"}) {
    const Tensors inputs = {{"input_ids", ids({2, 6})}}, expected = runTensors(directory, inputs, {"--interpret"});
    for (const char *precision : {"int8", "int4"}) {
      const Path artifact = compiled(directory, {"--precision", precision, "--isa", "avx512"});
      for (const auto &[name, value] : runTensors(artifact, inputs))
        EXPECT_LE(relativeError(value, expected.at(name)), 0.3) << precision << " " << name;
    }
  }
}

TEST_F(Memories, GenerateSaysWhyItDoesNotGoOn) {
  expectRefusal(1, {"generate", compiled(goldens() / "xlnet" / "lm-tied" / "model"), "--text", "a"},
                {"the entry goes on from what its layers remember, not from keys and values"});
}

} // namespace
} // namespace lathe::test
