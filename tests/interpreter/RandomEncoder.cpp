#include "tests/interpreter/RandomEncoder.h"

#include "ir/interpreter/Tensor.h"

#include "llvm/Support/FormatVariadic.h"

#include <vector>

namespace lathe::test {

RandomEncoder::RandomEncoder(Random &random) : random(random) {
  heads = random.integer(1, 4), headDim = random.integer(1, 5), inner = random.integer(1, 9);
  layers = random.integer(1, 4), vocab = random.integer(2, 9);
  hiddenStates = random.integer(0, 1);
  activation = std::vector{"gelu", "gelu_tanh", "relu", "silu", "tanh"}[random.integer(0, 4)];
  formulas = random.integer(0, 1);
  distances = random.integer(0, 1);
  hidden = heads * headDim;
}

std::string RandomEncoder::text() {
  std::string m;
  weight(m, "words", {vocab, hidden});
  weight(m, "positions", {positions, hidden});
  for (llvm::StringRef name : {"gain", "bias"})
    weight(m, name, {hidden});
  if (distances)
    weight(m, "distances", {6, heads});
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

static std::string type(llvm::ArrayRef<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
  return text + "f32>";
}

void RandomEncoder::weight(std::string &m, llvm::StringRef name, llvm::ArrayRef<int64_t> shape) {
  std::string values;
  int64_t count = Tensor::count(shape);
  for (int64_t i = 0; i < count; ++i) {
    llvm::StringRef open = shape.size() == 2 && i % shape[1] == 0 ? "[" : "";
    llvm::StringRef close = shape.size() == 2 && i % shape[1] == shape[1] - 1 ? "]" : "";
    values += llvm::formatv("{0}{1}{2:E6}{3}", i ? ", " : "", open, random.normal(), close).str();
  }
  m += llvm::formatv("xf.weight @\"{0}\" = dense<[{1}]> : {2}\n", name, values, type(shape)).str();
}

/// %active from %wide.
std::string RandomEncoder::activate() const {
  std::string wide = type({-1, -1, inner});
  if (!formulas)
    return llvm::formatv("%active = xf.activate {0} %wide : {1}\n", activation, wide);
  // The named activation stands in the middle of a formula.
  return llvm::formatv("%slope = xf.constant 1.702 : tensor<1xf32>\n"
                       "%steep = xf.combine mul %wide, %slope : {1}, tensor<1xf32> -> {1}\n"
                       "%bent = xf.activate {0} %steep : {1}\n"
                       "%gate = xf.map sigmoid %bent : {1}\n"
                       "%active = xf.combine mul %wide, %gate : {1}, {1} -> {1}\n",
                       activation, wide);
}

std::string RandomEncoder::norm(llvm::StringRef to, llvm::StringRef from, llvm::StringRef index) const {
  std::string rows = type({-1, -1, hidden}), one = type({-1, -1, 1}), vector = type({hidden});
  if (!formulas)
    return llvm::formatv("%{0} = xf.layer_norm %{1}, %gain{2}, %bias{2} eps 1.0e-5 : {3}, {4}, {4} -> {3}\n", to, from,
                         index, rows, vector);
  // By the mean distance from the mean, with the gain around one.
  return llvm::formatv("%{0}_one = xf.constant 1.0 : tensor<1xf32>\n"
                       "%{0}_gain = xf.combine add %gain{2}, %{0}_one : {5}, tensor<1xf32> -> {5}\n"
                       "%{0}_mean = xf.reduce mean %{1} : {3} -> {4}\n"
                       "%{0}_centred = xf.combine sub %{1}, %{0}_mean : {3}, {4} -> {3}\n"
                       "%{0}_far = xf.map abs %{0}_centred : {3}\n"
                       "%{0}_size = xf.reduce mean %{0}_far : {3} -> {4}\n"
                       "%{0}_divisor = xf.combine max %{0}_size, %{0}_one : {4}, tensor<1xf32> -> {4}\n"
                       "%{0}_unit = xf.combine div %{0}_centred, %{0}_divisor : {3}, {4} -> {3}\n"
                       "%{0}_scaled = xf.combine mul %{0}_unit, %{0}_gain : {3}, {5} -> {3}\n"
                       "%{0} = xf.combine add %{0}_scaled, %bias{2} : {3}, {5} -> {3}\n",
                       to, from, index, rows, one, vector);
}

std::string RandomEncoder::layerFunction() const {
  std::string arguments, h = std::to_string(hidden), x = type({-1, -1, hidden}), split = type({-1, heads, -1, headDim}),
                         scores = type({-1, heads, -1, -1});
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
    body += llvm::formatv("%{0} = xf.linear %{1}, %{2} bias(%{3} : {4}) : {5}, {6} -> {7}\n", to, from, w, b, type({n}),
                          type({-1, -1, k}), type({n, k}), type({-1, -1, n}))
                .str();
  };
  for (llvm::StringRef name : {"q", "k", "v"}) {
    linear(name.str() + "_", "x", name, name.str() + "b", hidden, hidden);
    body += llvm::formatv("%{0}h = xf.split_heads %{0}_ : {1} -> {2}\n", name, x, split).str();
  }
  std::string byDistance, shared;
  if (distances) {
    byDistance =
        llvm::formatv("%biased = xf.bias_scores %scaled, %distances at %columns buckets <two_sided, 6, 3> : {0}, "
                      "{1}, tensor<?x?xi32>\n"
                      "%near = xf.window_scores %biased at %columns reach 4 : {0}, tensor<?x?xi32>\n",
                      scores, type({6, heads}));
    shared = ", %columns: tensor<?x?xi32>, %distances: " + type({6, heads});
  }
  body += llvm::formatv("%s = xf.matmul %qh, transposed %kh : {0}, {0} -> {1}\n"
                        "%scaled = xf.scale %s by 0.6 : {1}\n"
                        "{3}"
                        "%masked = xf.mask_scores %{4}, %mask : {1}, tensor<?x?xi1>\n"
                        "%p = xf.softmax %masked : {1}\n"
                        "%c = xf.matmul %p, %vh : {1}, {0} -> {0}\n"
                        "%m = xf.merge_heads %c : {0} -> {2}\n",
                        split, scores, x, byDistance, distances ? "near" : "scaled")
              .str();
  linear("attended", "m", "o", "ob", hidden, hidden);
  body += "%sum1 = xf.add %attended, %x : " + x + "\n";
  body += norm("y", "sum1", "1");
  linear("wide", "y", "up", "up_bias", hidden, inner);
  body += activate();
  linear("narrow", "active", "down", "down_bias", inner, hidden);
  body += "%sum2 = xf.add %narrow, %y : " + x + "\n";
  body += norm("z", "sum2", "2");
  return llvm::formatv(
             "func.func private @layer(%x: {0}, %mask: tensor<?x?xi1>{3}{1}) -> {0} {{\n{2}return %z : {0}\n}\n", x,
             arguments, body, shared)
      .str();
}

std::string RandomEncoder::entry() const {
  std::string x = type({-1, -1, hidden}), pooled = type({-1, hidden}), body, results, values, types;
  body = llvm::formatv("%w = xf.load_weight @words : {0}\n%p = xf.load_weight @positions : {1}\n"
                       "%g = xf.load_weight @gain : {2}\n%b = xf.load_weight @bias : {2}\n"
                       "%e0 = xf.lookup %ids in %w : tensor<?x?xi32>, {0} -> {3}\n"
                       "%e1 = xf.lookup %columns in %p : tensor<?x?xi32>, {1} -> {3}\n"
                       "%e2 = xf.add %e0, %e1 : {3}\n"
                       "%x0 = xf.layer_norm %e2, %g, %b eps 1.0e-5 : {3}, {2}, {2} -> {3}\n",
                       type({vocab, hidden}), type({positions, hidden}), type({hidden}), x)
             .str();
  if (distances)
    body += "%d = xf.load_weight @distances : " + type({6, heads}) + "\n";
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
        llvm::formatv(
            "%x{0} = xf.layer @layer(%x{1}, %mask{3}) weights \"layer.{1}.\" : ({2}, tensor<?x?xi1>{4}) -> {2}\n",
            l + 1, l, x, distances ? ", %columns, %d" : "", distances ? ", tensor<?x?xi32>, " + type({6, heads}) : "")
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

} // namespace lathe::test
