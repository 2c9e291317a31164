// What is equal is stored once and computed by one code: layers that share their weights, tensors of one content under
// several names, and code that is the same however deep the model is.
#include "tests/e2e/Lathe.h"

#include "lathe/program.h"

#include <cstdlib>

namespace lathe::test {
namespace {

Path albertModel(const char *name) { return goldens() / "albert" / name / "model"; }
Path bertModel() { return goldens() / "bert" / "base-odd" / "model"; }

/// A copy of a model whose config says something else.
void copyModel(const Path &from, const Path &to, const Json &changes) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  Json config = Json::parse(readFile(from / "config.json"));
  config.merge_patch(changes);
  writeFile(to / "config.json", config.dump());
}

/// A BERT of `count` layers, each the first one of base-odd but for the lowest byte of every tensor's last number.
void writeBert(const Path &to, int count, uint8_t (*lowestByte)(int layer)) {
  copyModel(bertModel(), to, {{"num_hidden_layers", count}});
  Tensors tensors;
  for (const auto &[name, tensor] : readTensors(bertModel() / "model.safetensors")) {
    const std::string first = "encoder.layer.0.";
    if (!name.starts_with("encoder.layer."))
      tensors[name] = tensor;
    for (int layer = 0; name.starts_with(first) && layer < count; ++layer) {
      Tensor &copy = tensors["encoder.layer." + std::to_string(layer) + "." + name.substr(first.size())] = tensor;
      copy.bytes[copy.bytes.size() - sizeof(float)] = lowestByte(layer); // little-endian: the end of the mantissa
    }
  }
  writeTensors(to / "model.safetensors", tensors);
}

uint8_t always(int) { return 1; }
uint8_t itsOwn(int layer) { return layer; }
uint8_t inLayerTwo(int layer) { return layer == 2; }

struct Artifact {
  Json manifest;
  std::string log;
  std::string object; // the generated code, before it is linked
};

Artifact compile(const Path &model, const Arguments &flags = {}) {
  const ScratchDirectory work;
  Arguments arguments = {"compile", model, "-o", work / "out", "--name", "model", "--dump-stages", work / "stages"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const ProcessResult result = lathe(arguments);
  EXPECT_EQ(result.exitCode, 0) << describe(arguments, result);
  return {Json::parse(readFile(work / "out" / "manifest.json")), result.err, readFile(work / "stages" / "06-object.o")};
}

uint64_t weightBytes(const Artifact &artifact) { return artifact.manifest.at("weights").at("bytes"); }

/// What layouts take, as the weights file's description has them.
struct FileSize {
  uint64_t bytes = LATHE_TENSORS_OFFSET;

  static uint64_t up(uint64_t value, uint64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
  void rows(uint64_t n, uint64_t k) { bytes += up(n * k * sizeof(float), 64); }
  void vector(uint64_t n) { rows(up(n, 16), 1); }
  void linear(uint64_t n, uint64_t k) {
    rows(up(n, 16), k);
    vector(n);
  }
  void norm(uint64_t n) {
    vector(n);
    vector(n);
  }
};

/// The bar: whatever its depth, an ALBERT's weights are its embeddings, one layer and its head, and its code does not
/// grow.
TEST(Sharing, AlbertIsOneLayerHoweverDeep) {
  const Json config = Json::parse(readFile(albertModel("mlm-tied-stored") / "config.json"));
  const uint64_t vocab = config.at("vocab_size"), embedding = config.at("embedding_size"),
                 hidden = config.at("hidden_size"), inner = config.at("intermediate_size");
  FileSize file;
  file.linear(vocab, embedding); // the word embedding, which is the head's decoder, and the head's bias
  file.rows(config.at("max_position_embeddings"), embedding);
  file.rows(config.at("type_vocab_size"), embedding);
  file.norm(embedding);
  file.linear(hidden, embedding);
  file.linear(3 * hidden, hidden); // one layer
  file.linear(hidden, hidden);
  file.norm(hidden);
  file.linear(inner, hidden);
  file.linear(hidden, inner);
  file.norm(hidden);
  file.linear(embedding, hidden); // the head
  file.norm(embedding);

  for (const Arguments &flags : {Arguments{}, {"--emit", "hidden_states"}}) {
    std::vector<Artifact> artifacts;
    for (int depth : {3, 12, 24}) { // a loop that turns twice LLVM makes differently
      const ScratchDirectory work;
      copyModel(albertModel("mlm-tied-stored"), work / "model", {{"num_hidden_layers", depth}});
      artifacts.push_back(compile(work / "model", flags));
      EXPECT_EQ(weightBytes(artifacts.back()), file.bytes) << depth << " layers";
      EXPECT_EQ(artifacts.back().object.size(), artifacts.front().object.size()) << depth << " layers";
    }
  }
}

TEST(Sharing, CodeDoesNotGrowWithTheNumberOfLayers) {
  // How far a layer's weights lie from the next one's is part of instructions, whose length depends on the number; code
  // is aligned to this.
  constexpr int64_t alignment = 64;
  std::vector<Artifact> stacked, unstacked;
  for (int count : {2, 12, 24}) {
    const ScratchDirectory work;
    writeBert(work / "model", count, itsOwn);
    stacked.push_back(compile(work / "model"));
    unstacked.push_back(compile(work / "model", {"--no-graph-passes"}));
    EXPECT_LE(std::abs(int64_t(stacked.back().object.size() - stacked.front().object.size())), alignment) << count;
    EXPECT_EQ(stacked.back().manifest.at("entries")[0].at("steps").size(),
              stacked.front().manifest.at("entries")[0].at("steps").size());
  }
  EXPECT_GT(unstacked[1].object.size(), unstacked[0].object.size() + 10 * alignment)
      << "only the graph passes make a loop of layers; the measure shows what it is without";
}

TEST(Sharing, EqualContentIsStoredOnce) {
  const ScratchDirectory work;
  writeBert(work / "one", 1, always);
  writeBert(work / "six", 6, always);
  const Artifact one = compile(work / "one"), six = compile(work / "six");
  EXPECT_EQ(weightBytes(six), weightBytes(one));
  const Json &sharing = six.manifest.at("sharing");
  uint64_t saved = 0;
  for (const Json &tensor : sharing.at("tensors")) {
    EXPECT_EQ(tensor.at("uses"), 6) << tensor;
    saved += 5 * tensor.at("bytes").get<uint64_t>();
  }
  EXPECT_EQ(sharing.at("bytes_saved"), saved);
  EXPECT_EQ(sharing.at("equal").size(), 5 * 16u);
  EXPECT_EQ(one.manifest.at("sharing").at("bytes_saved"), 0);

  const Tensors inputs = readTensors(goldens() / "bert" / "base-odd" / "ragged" / "inputs.safetensors");
  const Tensors expected = runTensors(work / "six", inputs, {"--interpret"});
  for (const auto &[name, value] : runTensors(compiled(work / "six"), inputs))
    EXPECT_LE(relativeError(value, expected.at(name)), 1e-4) << name;
}

/// Tensors that differ in one byte of their last number, far behind where they begin alike.
TEST(Sharing, NearlyEqualContentIsNot) {
  const ScratchDirectory work;
  writeBert(work / "one", 1, always);
  writeBert(work / "four", 4, inLayerTwo);
  const Artifact one = compile(work / "one"), four = compile(work / "four");
  for (const Json &pair : four.manifest.at("sharing").at("equal")) {
    EXPECT_FALSE(pair.at("name").get<std::string>().starts_with("encoder.layer.2.")) << pair;
    EXPECT_TRUE(pair.at("equals").get<std::string>().starts_with("encoder.layer.0.")) << pair;
  }
  EXPECT_EQ(four.manifest.at("sharing").at("equal").size(), 2 * 16u);
  EXPECT_GT(weightBytes(four), weightBytes(one));
}

TEST(Sharing, IsReported) {
  const Artifact shared = compile(albertModel("mlm-equal"));
  EXPECT_NE(shared.log.find("\n  sharing "), std::string::npos) << shared.log;
  const std::string text = latheOutput({"explain", compiled(albertModel("mlm-equal"))});
  for (const std::string &words :
       {std::to_string(shared.manifest.at("sharing").at("bytes_saved").get<uint64_t>()) + " bytes saved",
        std::string("predictions.decoder.weight holds the same as embeddings.word_embeddings.weight"),
        std::string("4 uses")})
    EXPECT_NE(text.find(words), std::string::npos) << words << "\n" << text;
  EXPECT_EQ(compile(bertModel()).log.find("sharing"), std::string::npos) << "nothing is shared, so nothing is said";
}

} // namespace
} // namespace lathe::test
