// The graph passes change the form of a model and not its meaning: a random encoder gives the same results before and
// after them, for random batches in every form a caller may use.
#include "tests/interpreter/Parsed.h"

#include "ir/xf/XfDialect.h"

#include "llvm/Support/FormatVariadic.h"

using namespace lathe;
using lathe::test::near;
using lathe::test::Parsed;
using lathe::test::Random;

namespace {

/// The text of a post-norm encoder as importers write it, its sizes and weights drawn at random. Where column 0 is
/// masked its outputs are 0: the two forms differ in what they take for the first token then, which is why no caller
/// sees it.
class RandomEncoder {
public:
  explicit RandomEncoder(Random &random) : random(random) {
    heads = random.integer(1, 4), headDim = random.integer(1, 5), inner = random.integer(1, 9);
    layers = random.integer(1, 4), vocab = random.integer(2, 9);
    hiddenStates = random.integer(0, 1);
    activation = std::vector{"gelu", "gelu_tanh", "relu", "silu", "tanh"}[random.integer(0, 4)];
    hidden = heads * headDim;
  }

  std::string text() {
    std::string m;
    weight(m, "words", {vocab, hidden});
    weight(m, "positions", {positions, hidden});
    for (llvm::StringRef name : {"gain", "bias"})
      weight(m, name, {hidden});
    for (int64_t l = 0; l < layers; ++l) {
      std::string prefix = "layer." + std::to_string(l) + ".";
      for (llvm::StringRef name : {"q", "k", "v", "o"})
        weight(m, prefix + name.str(), {hidden, hidden});
      weight(m, prefix + "up", {inner, hidden});
      weight(m, prefix + "down", {hidden, inner});
      weight(m, prefix + "up_bias", {inner});
      for (llvm::StringRef name : {"qb", "kb", "vb", "ob", "down_bias", "gain1", "bias1", "gain2", "bias2"})
        weight(m, prefix + name.str(), {hidden});
    }
    return m + layerFunction() + entry();
  }

  static constexpr int64_t positions = 7;
  int64_t heads, headDim, hidden, inner, layers, vocab;
  bool hiddenStates;
  std::string activation;

private:
  static std::string type(llvm::ArrayRef<int64_t> shape) {
    std::string text = "tensor<";
    for (int64_t extent : shape)
      text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
    return text + "f32>";
  }
  void weight(std::string &m, llvm::StringRef name, llvm::ArrayRef<int64_t> shape) {
    std::string values;
    int64_t count = Tensor::count(shape);
    for (int64_t i = 0; i < count; ++i) {
      llvm::StringRef open = shape.size() == 2 && i % shape[1] == 0 ? "[" : "";
      llvm::StringRef close = shape.size() == 2 && i % shape[1] == shape[1] - 1 ? "]" : "";
      values += llvm::formatv("{0}{1}{2:E6}{3}", i ? ", " : "", open, random.normal(), close).str();
    }
    m += llvm::formatv("xf.weight @\"{0}\" = dense<[{1}]> : {2}\n", name, values, type(shape)).str();
  }
  std::string layerFunction() const {
    std::string arguments, h = std::to_string(hidden), x = type({-1, -1, hidden}),
                           split = type({-1, heads, -1, headDim}), scores = type({-1, heads, -1, -1});
    auto argument = [&](llvm::StringRef name, llvm::ArrayRef<int64_t> shape) {
      arguments += llvm::formatv(", %{0}: {1} {{xf.weight = \"{0}\"}", name, type(shape)).str();
    };
    for (llvm::StringRef name : {"q", "k", "v", "o"})
      argument(name, {hidden, hidden});
    argument("up", {inner, hidden});
    argument("down", {hidden, inner});
    argument("up_bias", {inner});
    for (llvm::StringRef name : {"qb", "kb", "vb", "ob", "down_bias", "gain1", "bias1", "gain2", "bias2"})
      argument(name, {hidden});
    std::string body;
    auto linear = [&](llvm::StringRef to, llvm::StringRef from, llvm::StringRef w, llvm::StringRef b, int64_t k,
                      int64_t n) {
      body += llvm::formatv("%{0} = xf.linear %{1}, %{2} bias(%{3} : {4}) : {5}, {6} -> {7}\n", to, from, w, b,
                            type({n}), type({-1, -1, k}), type({n, k}), type({-1, -1, n}))
                  .str();
    };
    auto norm = [&](llvm::StringRef to, llvm::StringRef from, llvm::StringRef index) {
      body += llvm::formatv("%{0} = xf.layer_norm %{1}, %gain{2}, %bias{2} eps 1.0e-5 : {3}, {4}, {4} -> {3}\n", to,
                            from, index, x, type({hidden}))
                  .str();
    };
    for (llvm::StringRef name : {"q", "k", "v"}) {
      linear(name.str() + "_", "x", name, name.str() + "b", hidden, hidden);
      body += llvm::formatv("%{0}h = xf.split_heads %{0}_ : {1} -> {2}\n", name, x, split).str();
    }
    body += llvm::formatv("%s = xf.matmul %qh, transposed %kh : {0}, {0} -> {1}\n"
                          "%scaled = xf.scale %s by 0.6 : {1}\n"
                          "%masked = xf.mask_scores %scaled, %mask : {1}, tensor<?x?xi1>\n"
                          "%p = xf.softmax %masked : {1}\n"
                          "%c = xf.matmul %p, %vh : {1}, {0} -> {0}\n"
                          "%m = xf.merge_heads %c : {0} -> {2}\n",
                          split, scores, x)
                .str();
    linear("attended", "m", "o", "ob", hidden, hidden);
    body += "%sum1 = xf.add %attended, %x : " + x + "\n";
    norm("y", "sum1", "1");
    linear("wide", "y", "up", "up_bias", hidden, inner);
    body += llvm::formatv("%active = xf.activate {0} %wide : {1}\n", activation, type({-1, -1, inner})).str();
    linear("narrow", "active", "down", "down_bias", inner, hidden);
    body += "%sum2 = xf.add %narrow, %y : " + x + "\n";
    norm("z", "sum2", "2");
    return llvm::formatv(
               "func.func private @layer(%x: {0}, %mask: tensor<?x?xi1>{1}) -> {0} {{\n{2}return %z : {0}\n}\n", x,
               arguments, body)
        .str();
  }
  std::string entry() const {
    std::string x = type({-1, -1, hidden}), pooled = type({-1, hidden}), body, results, values, types;
    body = llvm::formatv("%w = xf.load_weight @words : {0}\n%p = xf.load_weight @positions : {1}\n"
                         "%g = xf.load_weight @gain : {2}\n%b = xf.load_weight @bias : {2}\n"
                         "%e0 = xf.lookup %ids in %w : tensor<?x?xi32>, {0} -> {3}\n"
                         "%e1 = xf.lookup %columns in %p : tensor<?x?xi32>, {1} -> {3}\n"
                         "%e2 = xf.add %e0, %e1 : {3}\n"
                         "%x0 = xf.layer_norm %e2, %g, %b eps 1.0e-5 : {3}, {2}, {2} -> {3}\n",
                         type({vocab, hidden}), type({positions, hidden}), type({hidden}), x)
               .str();
    auto result = [&](llvm::StringRef value, llvm::StringRef name, llvm::StringRef type, llvm::StringRef rows) {
      llvm::StringRef comma = values.empty() ? "" : ", ";
      values += llvm::formatv("{0}%{1}", comma, value).str();
      types += llvm::formatv("{0}{1}", comma, type).str();
      results += llvm::formatv("{0}{1} {{xf.output = \"{2}\", xf.rows = \"{3}\", xf.first_column = \"zero\"}", comma,
                               type, name, rows)
                     .str();
    };
    for (int64_t l = 0; l < layers; ++l) {
      body +=
          llvm::formatv("%x{0} = xf.layer @layer(%x{1}, %mask) weights \"layer.{1}.\" : ({2}, tensor<?x?xi1>) -> {2}\n",
                        l + 1, l, x)
              .str();
      if (hiddenStates)
        result(llvm::formatv("x{0}", l + 1).str(), llvm::formatv("hidden_states.{0}", l + 1).str(), x, "tokens");
    }
    body += llvm::formatv("%first = xf.first_token %x{0} : {1} -> {2}\n"
                          "%mean = xf.pool mean %x{0} mask(%mask : tensor<?x?xi1>) : {1} -> {2}\n"
                          "%max = xf.pool max %x{0} mask(%mask : tensor<?x?xi1>) : {1} -> {2}\n"
                          "%joined = xf.join %first, %mean, %max : {2}, {2}, {2} -> {3}\n"
                          "%unit = xf.normalize %joined eps 1.0e-12 : {3}\n",
                          layers, x, pooled, type({-1, 3 * hidden}))
                .str();
    result(llvm::formatv("x{0}", layers).str(), "last_hidden_state", x, "tokens");
    result("unit", "sentence_embedding", type({-1, 3 * hidden}), "sequences");
    return llvm::formatv("func.func @encode(%ids: tensor<?x?xi32> {{xf.input = \"input_ids\", xf.limit = {0} : i64}, "
                         "%columns: tensor<?x?xi32> {{xf.input = \"position_ids\", xf.limit = {1} : i64}, "
                         "%mask: tensor<?x?xi1> {{xf.input = \"attention_mask\"}) -> ({2}) "
                         "attributes {{xf.entry, xf.position_limit = {1} : i64} {{\n{3}return {4} : {5}\n}\n",
                         vocab, positions, results, body, values, types)
        .str();
  }

  Random &random;
};

/// Padded with any mask (holes and empty rows too), padded without one, or ragged.
NamedTensors randomBatch(Random &random, int64_t vocab) {
  int64_t batch = random.integer(1, 4), seq = random.integer(1, RandomEncoder::positions);
  bool ragged = random.integer(0, 2) == 0;
  NamedTensors inputs;
  Tensor offsets({batch + 1});
  for (int64_t b = 0; b < batch; ++b)
    offsets.values[b + 1] = offsets.values[b] + random.integer(0, seq);
  Tensor ids = ragged ? Tensor({int64_t(offsets.values.back())}) : Tensor({batch, seq});
  for (double &id : ids.values)
    id = random.integer(0, vocab - 1);
  if (ragged) {
    inputs["cu_seqlens"] = offsets;
  } else if (random.integer(0, 3)) {
    Tensor mask({batch, seq});
    for (double &present : mask.values)
      present = random.integer(0, 2) != 0;
    inputs["attention_mask"] = mask;
  }
  inputs["input_ids"] = ids;
  return inputs;
}

TEST(Forms, GraphPassesKeepTheMeaning) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    RandomEncoder encoder(random);
    Parsed model(encoder.text());
    std::vector<NamedTensors> batches, expected;
    for (int i = 0; i < 4; ++i) {
      batches.push_back(randomBatch(random, encoder.vocab));
      expected.push_back(model.runEntry(batches.back()));
    }
    model.runGraphPasses();
    bool fused = false;
    model.module().walk([&](mlir::Operation *op) {
      fused |= llvm::isa<xf::AttentionOp>(op);
      EXPECT_FALSE((llvm::isa<xf::SoftmaxOp, xf::LayerOp, xf::LookupOp, xf::MaskScoresOp>(op)))
          << op->getName().getStringRef().str() << " is left";
    });
    EXPECT_TRUE(fused);
    for (auto [batch, outputs] : llvm::zip_equal(batches, expected)) {
      NamedTensors actual = model.runEntry(batch);
      ASSERT_EQ(actual.size(), outputs.size());
      for (const auto &[name, tensor] : outputs)
        EXPECT_TRUE(near(actual[name], tensor)) << name;
    }
    if (HasFailure())
      return; // one seed is enough to look at
  }
}

TEST(Forms, ASequenceAloneIsTheSameInABatch) {
  Random random(7);
  RandomEncoder encoder(random);
  Parsed model(encoder.text());
  model.runGraphPasses();
  Tensor ids({6});
  for (double &id : ids.values)
    id = random.integer(0, encoder.vocab - 1);
  NamedTensors batch = model.runEntry({{"input_ids", ids}, {"cu_seqlens", Tensor({4}, {0, 1, 4, 6})}});
  Tensor middle({3}, std::vector<double>(ids.values.begin() + 1, ids.values.begin() + 4));
  NamedTensors alone = model.runEntry({{"input_ids", middle}, {"cu_seqlens", Tensor({2}, {0, 3})}});
  const Tensor &all = batch["last_hidden_state"], &one = alone["last_hidden_state"];
  EXPECT_EQ(std::vector<double>(all.row(1), all.row(4)), one.values) << "to the last bit";
}

} // namespace
