// From IR to the functions of OpsTest: operands, attributes, weights and layers reach them as they should.
#include "tests/interpreter/Parsed.h"

#include <gmock/gmock.h>

using namespace lathe;
using lathe::test::near;
using lathe::test::Parsed;
using testing::HasSubstr;

namespace {

TEST(Interpreter, LinearThenActivationThenResidual) {
  Parsed model(R"mlir(
    func.func @f(%x: tensor<?x1xf32>, %w: tensor<1x1xf32>, %b: tensor<1xf32>) -> tensor<?x1xf32> {
      %0 = xf.linear %x, %w bias(%b : tensor<1xf32>) activation relu residual(%x : tensor<?x1xf32>)
          : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
      return %0 : tensor<?x1xf32>
    })mlir");
  // relu(2 * 3 + 1) + 3, and relu(-5 * 2 + 1) - 5.
  auto results = model.run("f", {Tensor({2, 1}, {3, -5}), Tensor({1, 1}, {2}), Tensor({1}, {1})});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(near(results[0], Tensor({2, 1}, {10, -5})));
}

TEST(Interpreter, EmbedIsLookupsAddedAndNormed) {
  Parsed model(R"mlir(
    func.func @f(%i: tensor<?xi32>, %j: tensor<?xi32>, %t: tensor<2x2xf32>, %u: tensor<2x2xf32>, %g: tensor<2xf32>, %b: tensor<2xf32>)
        -> (tensor<?x2xf32>, tensor<?x2xf32>) {
      %0 = xf.embed ids(%i, %j : tensor<?xi32>, tensor<?xi32>) tables(%t, %u : tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      %1 = xf.embed ids(%i, %j : tensor<?xi32>, tensor<?xi32>) tables(%t, %u : tensor<2x2xf32>, tensor<2x2xf32>)
          norm(%g : tensor<2xf32>) bias(%b : tensor<2xf32>) eps 0.0 -> tensor<?x2xf32>
      return %0, %1 : tensor<?x2xf32>, tensor<?x2xf32>
    })mlir");
  auto results = model.run("f", {Tensor({1}, {1}), Tensor({1}, {0}), Tensor({2, 2}, {0, 0, 1, 2}),
                                 Tensor({2, 2}, {10, 30, 0, 0}), Tensor({2}, {1, 2}), Tensor({2}, {5, 5})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(near(results[0], Tensor({1, 2}, {11, 32})));
  EXPECT_TRUE(near(results[1], Tensor({1, 2}, {4, 7})));
}

TEST(Interpreter, LayerNormAddsItsResidual) {
  Parsed model(R"mlir(
    func.func @f(%x: tensor<?x2xf32>, %r: tensor<?x2xf32>, %v: tensor<2xf32>) -> tensor<?x2xf32> {
      %0 = xf.layer_norm %x residual(%r : tensor<?x2xf32>), %v, %v eps 0.0 : tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<?x2xf32>
      return %0 : tensor<?x2xf32>
    })mlir");
  auto results = model.run("f", {Tensor({1, 2}, {1, 1}), Tensor({1, 2}, {0, 8}), Tensor({2}, {1, 1})});
  EXPECT_TRUE(near(results.at(0), Tensor({1, 2}, {0, 2})));
}

TEST(Interpreter, ARowGroupGivesWhatItsOpsGive) {
  Parsed model(R"mlir(
    func.func @f(%x: tensor<?x2xf32>, %gain: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
      %y:2 = xf.row_group %x, %gain {
      ^bb0(%a: tensor<?x2xf32>, %g: tensor<2xf32>):
        %two = xf.constant 2.0 : tensor<1xf32>
        %0 = xf.reduce sum %a : tensor<?x2xf32> -> tensor<?x1xf32>
        %1 = xf.combine mul %g, %two : tensor<2xf32>, tensor<1xf32> -> tensor<2xf32>
        %2 = xf.combine add %1, %0 : tensor<2xf32>, tensor<?x1xf32> -> tensor<?x2xf32>
        %3 = xf.map neg %2 : tensor<?x2xf32>
        %4 = xf.select %a, %3, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
        xf.yield %4, %0 : tensor<?x2xf32>, tensor<?x1xf32>
      } : (tensor<?x2xf32>, tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>)
      return %y#0, %y#1 : tensor<?x2xf32>, tensor<?x1xf32>
    })mlir");
  auto results = model.run("f", {Tensor({2, 2}, {1, 2, 0, 4}), Tensor({2}, {10, 20})});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(near(results[0], Tensor({2, 2}, {-23, -43, 24, -44})));
  EXPECT_TRUE(near(results[1], Tensor({2, 1}, {3, 4})));
}

TEST(Interpreter, WeightsOfEveryStoredType) {
  Parsed model(R"mlir(
    xf.weight @f32 = dense<[1.5, -2.0]> : tensor<2xf32>
    xf.weight @f16 = dense<[1.5, -2.0]> : tensor<2xf16>
    xf.weight @bf16 = dense<[1.5, -2.0]> : tensor<2xbf16>
    xf.weight @f64 = dense<[1.5, -2.0]> : tensor<2xf64>
    xf.weight @blob = dense_resource<blob> : tensor<2xf32>
    xf.weight @blob16 = dense_resource<blob16> : tensor<2xf16>
    func.func @f() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
      %0 = xf.load_weight @f32 : tensor<2xf32>
      %1 = xf.load_weight @f16 : tensor<2xf32>
      %2 = xf.load_weight @bf16 : tensor<2xf32>
      %3 = xf.load_weight @f64 : tensor<2xf32>
      %4 = xf.load_weight @blob : tensor<2xf32>
      %5 = xf.load_weight @blob16 : tensor<2xf32>
      return %0, %1, %2, %3, %4, %5 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
    }
    {-# dialect_resources: { builtin: { blob: "0x040000000000C03F000000C0", blob16: "0x04000000003E00C0" } } #-})mlir");
  std::vector<Tensor> results = model.run("f", {});
  ASSERT_EQ(results.size(), 6u);
  for (const Tensor &result : results)
    EXPECT_TRUE(near(result, Tensor({2}, {1.5, -2})));
}

constexpr char layerFunction[] = R"mlir(
  xf.weight @"0.w" = dense<[[2.0]]> : tensor<1x1xf32>
  xf.weight @"1.w" = dense<[[3.0]]> : tensor<1x1xf32>
  xf.weight @"2.w" = dense<[[5.0]]> : tensor<1x1xf32>
  func.func private @layer(%x: tensor<?x1xf32>, %y: tensor<?x1xf32>, %w: tensor<1x1xf32> {xf.weight = "w"}) -> tensor<?x1xf32> {
    %0 = xf.linear %x, %w residual(%y : tensor<?x1xf32>) : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
    return %0 : tensor<?x1xf32>
  }
)mlir";

TEST(Interpreter, LayersAreAChainOfLayer) {
  Parsed model(std::string(layerFunction) + R"mlir(
    func.func @chain(%x: tensor<?x1xf32>, %y: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
      %0 = xf.layer @layer(%x, %y) weights "0." : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      %1 = xf.layer @layer(%0, %y) weights "1." : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      %2 = xf.layer @layer(%1, %y) weights "2." : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      return %0, %1, %2 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
    }
    func.func @all(%x: tensor<?x1xf32>, %y: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
      %0:3 = xf.layers @layer(%x, %y) weights ["0.", "1.", "2."] : (tensor<?x1xf32>, tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>)
      return %0#0, %0#1, %0#2 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
    }
    func.func @last(%x: tensor<?x1xf32>, %y: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %0 = xf.layers @layer(%x, %y) weights ["0.", "1.", "2."] : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      return %0 : tensor<?x1xf32>
    })mlir");
  std::vector<Tensor> arguments = {Tensor({1, 1}, {7}), Tensor({1, 1}, {1})};
  std::vector<Tensor> chain = model.run("chain", arguments), all = model.run("all", arguments);
  ASSERT_EQ(chain.size(), 3u);
  ASSERT_EQ(all.size(), 3u);
  for (auto [index, expected] : llvm::enumerate(std::vector{15.0, 46.0, 231.0})) { // 2 * 7 + 1, 3 * 15 + 1, 5 * 46 + 1
    EXPECT_TRUE(near(chain[index], Tensor({1, 1}, {expected})));
    EXPECT_TRUE(near(all[index], Tensor({1, 1}, {expected})));
  }
  EXPECT_TRUE(near(model.run("last", arguments).at(0), Tensor({1, 1}, {231})));
}

/// The message that running @f without arguments fails with.
std::string errorOf(llvm::StringRef text, std::vector<Tensor> arguments = {}) {
  Parsed model(text);
  auto results = interpret(model.module().lookupSymbol<mlir::func::FuncOp>("f"), arguments);
  return results ? "" : llvm::toString(results.takeError());
}

TEST(InterpreterErrors, WrongNumberOfArguments) {
  EXPECT_THAT(errorOf("func.func @f(%x: tensor<1xf32>) { return }"), HasSubstr("@f cannot be called with 0 arguments"));
  EXPECT_THAT(errorOf("func.func private @f()"), HasSubstr("@f cannot be called with 0 arguments"));
}

TEST(InterpreterErrors, OpsOfOtherForms) {
  EXPECT_EQ(errorOf("func.func @f() { %0 = xf.buffer tokens : memref<?x4xf32> return }"),
            "interpreter: 'xf.buffer' is not part of the forms that the interpreter runs (stages import and graph)");
}

TEST(InterpreterErrors, WeightsWithoutData) {
  EXPECT_EQ(errorOf("xf.weight @w = dense_resource<w> : tensor<2xf32>\n"
                    "func.func @f() { %0 = xf.load_weight @w : tensor<2xf32> return }"),
            "interpreter: 'xf.weight' @w has no data");
}

TEST(InterpreterErrors, RowsBeyondATable) {
  // An entry without limits is not checked at the edge.
  llvm::StringRef text = "func.func @f(%i: tensor<?xi32>, %t: tensor<2x1xf32>) {\n"
                         "  %0 = xf.lookup %i in %t : tensor<?xi32>, tensor<2x1xf32> -> tensor<?x1xf32>\n"
                         "  return }";
  EXPECT_EQ(errorOf(text, {Tensor({1}, {2}), Tensor({2, 1})}), "interpreter: 'xf.lookup' reads row 2 of a table of 2");
  EXPECT_EQ(errorOf(text, {Tensor({1}, {-1}), Tensor({2, 1})}),
            "interpreter: 'xf.lookup' reads row -1 of a table of 2");
}

} // namespace
