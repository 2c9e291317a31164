// The rules of the ABI's edge: which inputs are accepted, in which form they reach an entry, what outputs hold where no
// token is.
#include "tests/interpreter/Parsed.h"

#include <gmock/gmock.h>

using namespace lathe;
using lathe::test::near;
using lathe::test::Parsed;
using testing::HasSubstr;

namespace {

// One column: hidden = id + 100 * type + 1000 * position, so that an output tells what it was made from.
constexpr char dense[] = R"mlir(
  xf.weight @words = dense<[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]> : tensor<6x1xf32>
  xf.weight @types = dense<[[0.0], [100.0]]> : tensor<2x1xf32>
  xf.weight @positions = dense<[[0.0], [1000.0], [2000.0], [3000.0]]> : tensor<4x1xf32>
  func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids", xf.limit = 6 : i64},
                    %types: tensor<?x?xi32> {xf.input = "token_type_ids", xf.limit = 2 : i64},
                    %positions: tensor<?x?xi32> {xf.input = "position_ids", xf.limit = 4 : i64},
                    %mask: tensor<?x?xi1> {xf.input = "attention_mask"})
      -> (tensor<?x?x1xf32> {xf.output = "hidden", xf.rows = "tokens"},
          tensor<?x1xf32> {xf.output = "first", xf.rows = "sequences", xf.first_column = "zero"},
          tensor<?x1xf32> {xf.output = "mean", xf.rows = "sequences"})
      attributes {xf.entry, xf.position_limit = 4 : i64} {
    %w = xf.load_weight @words : tensor<6x1xf32>
    %t = xf.load_weight @types : tensor<2x1xf32>
    %p = xf.load_weight @positions : tensor<4x1xf32>
    %0 = xf.lookup %ids in %w : tensor<?x?xi32>, tensor<6x1xf32> -> tensor<?x?x1xf32>
    %1 = xf.lookup %types in %t : tensor<?x?xi32>, tensor<2x1xf32> -> tensor<?x?x1xf32>
    %2 = xf.lookup %positions in %p : tensor<?x?xi32>, tensor<4x1xf32> -> tensor<?x?x1xf32>
    %3 = xf.add %0, %1 : tensor<?x?x1xf32>
    %4 = xf.add %3, %2 : tensor<?x?x1xf32>
    %5 = xf.first_token %4 : tensor<?x?x1xf32> -> tensor<?x1xf32>
    %6 = xf.pool mean %4 mask(%mask : tensor<?x?xi1>) : tensor<?x?x1xf32> -> tensor<?x1xf32>
    return %4, %5, %6 : tensor<?x?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
  }
)mlir";

/// Both forms of the model above: as imported, and packed by the graph passes. The rules are the same.
class Edge : public testing::TestWithParam<bool> {
protected:
  Edge() : model(dense) {
    if (GetParam())
      model.runGraphPasses();
  }
  std::string error(const NamedTensors &inputs) { return model.errorOfEntry(inputs); }

  Parsed model;
};
INSTANTIATE_TEST_SUITE_P(Forms, Edge, testing::Bool(),
                         [](const auto &info) { return info.param ? "Packed" : "Dense"; });

TEST_P(Edge, WhatIsLeftOutIsFilledIn) {
  NamedTensors out = model.runEntry({{"input_ids", Tensor({1, 3}, {5, 4, 3})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({1, 3, 1}, {5, 1004, 2003})));
  EXPECT_TRUE(near(out["first"], Tensor({1, 1}, {5})));
  EXPECT_TRUE(near(out["mean"], Tensor({1, 1}, {1004})));
}

TEST_P(Edge, TypesAndPositionsAreTakenAsGiven) {
  NamedTensors out = model.runEntry({{"input_ids", Tensor({1, 2}, {5, 4})},
                                     {"token_type_ids", Tensor({1, 2}, {0, 1})},
                                     {"position_ids", Tensor({1, 2}, {3, 0})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({1, 2, 1}, {3005, 104})));
}

TEST_P(Edge, LeftPaddingKeepsColumns) {
  NamedTensors out =
      model.runEntry({{"input_ids", Tensor({1, 3}, {0, 4, 3})}, {"attention_mask", Tensor({1, 3}, {0, 1, 1})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({1, 3, 1}, {0, 1004, 2003})));
  EXPECT_TRUE(near(out["first"], Tensor({1, 1}, {0}))) << "column 0 is masked";
  EXPECT_TRUE(near(out["mean"], Tensor({1, 1}, {1503.5})));
}

TEST_P(Edge, HolesKeepColumns) {
  NamedTensors out = model.runEntry(
      {{"input_ids", Tensor({2, 3}, {5, 4, 3, 1, 1, 1})}, {"attention_mask", Tensor({2, 3}, {1, 0, 1, 1, 1, 0})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({2, 3, 1}, {5, 0, 2003, 1, 1001, 0})));
  EXPECT_TRUE(near(out["first"], Tensor({2, 1}, {5, 1})));
  EXPECT_TRUE(near(out["mean"], Tensor({2, 1}, {1004, 501})));
}

TEST_P(Edge, ARowWithoutTokensIsZeroInEveryOutput) {
  NamedTensors out =
      model.runEntry({{"input_ids", Tensor({2, 2}, {5, 4, 3, 2})}, {"attention_mask", Tensor({2, 2}, {0, 0, 1, 1})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({2, 2, 1}, {0, 0, 3, 1002})));
  EXPECT_TRUE(near(out["first"], Tensor({2, 1}, {0, 3})));
  EXPECT_TRUE(near(out["mean"], Tensor({2, 1}, {0, 502.5})));
}

TEST_P(Edge, RaggedInputsGiveRaggedOutputs) {
  NamedTensors out = model.runEntry({{"input_ids", Tensor({3}, {5, 4, 3})}, {"cu_seqlens", Tensor({4}, {0, 1, 1, 3})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({3, 1}, {5, 4, 1003})));
  EXPECT_TRUE(near(out["first"], Tensor({3, 1}, {5, 0, 4})));
  EXPECT_TRUE(near(out["mean"], Tensor({3, 1}, {5, 0, 503.5})));
}

TEST_P(Edge, NothingGivesNothing) {
  EXPECT_TRUE(near(model.runEntry({{"input_ids", Tensor({0, 3})}})["hidden"], Tensor({0, 3, 1})));
  EXPECT_TRUE(near(model.runEntry({{"input_ids", Tensor({2, 0})}})["mean"], Tensor({2, 1})));
  EXPECT_TRUE(
      near(model.runEntry({{"input_ids", Tensor({0})}, {"cu_seqlens", Tensor(llvm::ArrayRef<int64_t>{1})}})["hidden"],
           Tensor({0, 1})));
}

TEST_P(Edge, WhatStandsUnderPaddingIsNeverLookedAt) {
  NamedTensors out =
      model.runEntry({{"input_ids", Tensor({1, 2}, {5, -100})}, {"attention_mask", Tensor({1, 2}, {1, 0})}});
  EXPECT_TRUE(near(out["hidden"], Tensor({1, 2, 1}, {5, 0})));
}

TEST_P(Edge, WrongInputsAreRefused) {
  Tensor ids({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(error({}), "input_ids is missing");
  EXPECT_EQ(error({{"input_ids", ids}, {"ids", ids}}),
            "unknown input 'ids'; accepted are input_ids, attention_mask, token_type_ids, position_ids, cu_seqlens");
  EXPECT_EQ(error({{"input_ids", ids}, {"token_type_ids", Tensor({2, 3})}}),
            "input 'token_type_ids' has shape [2, 3], but input_ids has [2, 2]");
  EXPECT_THAT(error({{"input_ids", ids}, {"attention_mask", Tensor({2, 2, 2})}}), HasSubstr("has shape [2, 2, 2]"));
  EXPECT_THAT(error({{"input_ids", ids}, {"attention_mask", Tensor({2, 2}, {1, 2, 1, 1})}}),
              HasSubstr("attention_mask holds 2.000000 at 1; accepted are 0 and 1"));
  EXPECT_EQ(error({{"input_ids", Tensor({2, 2, 2})}}),
            "input_ids has shape [2, 2, 2]; accepted are [batch, seq], or [tokens] together with cu_seqlens");
  EXPECT_EQ(error({{"input_ids", Tensor({1, 5})}}), "sequences are 5 long; the model's positions end at 4");
}

TEST_P(Edge, ValuesBeyondTheirTablesAreRefused) {
  EXPECT_EQ(error({{"input_ids", Tensor({2, 2}, {1, 2, 3, 6})}}),
            "input_ids holds 6 in row 1, column 1; accepted are 0 to 5");
  EXPECT_EQ(error({{"input_ids", Tensor({1, 1}, {-1})}}), "input_ids holds -1 in row 0, column 0; accepted are 0 to 5");
  EXPECT_THAT(error({{"input_ids", Tensor({1, 1})}, {"token_type_ids", Tensor({1, 1}, {2})}}),
              HasSubstr("token_type_ids holds 2"));
  EXPECT_THAT(error({{"input_ids", Tensor({1, 1})}, {"position_ids", Tensor({1, 1}, {4})}}),
              HasSubstr("position_ids holds 4"));
}

TEST_P(Edge, WrongRaggedInputsAreRefused) {
  Tensor ids({3}, {1, 2, 3});
  EXPECT_THAT(error({{"input_ids", ids}}), HasSubstr("or [tokens] together with cu_seqlens"));
  for (std::vector<double> offsets : {std::vector<double>{}, {1, 3}, {0, 2}, {0, 4}, {0, 2, 1, 3}})
    EXPECT_THAT(error({{"input_ids", ids}, {"cu_seqlens", Tensor({int64_t(offsets.size())}, offsets)}}),
                HasSubstr("cu_seqlens must be [batch + 1], start at 0, never fall, and end at the 3 tokens"));
  Tensor offsets({2}, {0, 3});
  EXPECT_EQ(error({{"input_ids", Tensor({1, 3})}, {"cu_seqlens", offsets}}),
            "input_ids has shape [1, 3]; with cu_seqlens it must be [tokens]");
  EXPECT_EQ(error({{"input_ids", ids}, {"cu_seqlens", offsets}, {"attention_mask", Tensor({3}, {1, 1, 1})}}),
            "attention_mask cannot be combined with cu_seqlens: ragged inputs have no padding");
  EXPECT_EQ(error({{"input_ids", ids}, {"cu_seqlens", offsets}, {"token_type_ids", Tensor({2})}}),
            "input 'token_type_ids' has shape [2], but input_ids has [3]");
}

TEST(EdgeHeads, MaskedColumnZeroIsAnErrorWhereAHeadReadsIt) {
  std::string text(dense);
  text.replace(text.find("\"zero\""), 6, "\"error\"");
  Parsed model(text);
  NamedTensors inputs = {{"input_ids", Tensor({2, 2}, {5, 4, 3, 2})}, {"attention_mask", Tensor({2, 2}, {0, 0, 0, 1})}};
  EXPECT_EQ(model.errorOfEntry(inputs), "output 'first' reads column 0, which the attention_mask of row 1 masks")
      << "row 0 has no tokens at all, and so gives zeros";
}

TEST(EdgeScores, AreZeroToAndFromPadding) {
  Parsed model(R"mlir(
    xf.weight @words = dense<0.0> : tensor<6x2xf32>
    func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids", xf.limit = 6 : i64},
                      %mask: tensor<?x?xi1> {xf.input = "attention_mask"})
        -> (tensor<?x1x?x?xf32> {xf.output = "attentions.0", xf.rows = "scores"}) attributes {xf.entry} {
      %w = xf.load_weight @words : tensor<6x2xf32>
      %0 = xf.lookup %ids in %w : tensor<?x?xi32>, tensor<6x2xf32> -> tensor<?x?x2xf32>
      %1 = xf.split_heads %0 : tensor<?x?x2xf32> -> tensor<?x1x?x2xf32>
      %2 = xf.matmul %1, transposed %1 : tensor<?x1x?x2xf32>, tensor<?x1x?x2xf32> -> tensor<?x1x?x?xf32>
      %3 = xf.mask_scores %2, %mask : tensor<?x1x?x?xf32>, tensor<?x?xi1>
      %4 = xf.softmax %3 : tensor<?x1x?x?xf32>
      return %4 : tensor<?x1x?x?xf32>
    })mlir");
  const Tensor expected({1, 1, 3, 3}, {0.5, 0, 0.5, 0, 0, 0, 0.5, 0, 0.5});
  NamedTensors out =
      model.runEntry({{"input_ids", Tensor({1, 3}, {5, 4, 3})}, {"attention_mask", Tensor({1, 3}, {1, 0, 1})}});
  EXPECT_TRUE(near(out["attentions.0"], expected));
  out = model.runEntry({{"input_ids", Tensor({3}, {5, 4, 3})}, {"cu_seqlens", Tensor({3}, {0, 1, 3})}});
  EXPECT_TRUE(near(out["attentions.0"], Tensor({2, 1, 2, 2}, {1, 0, 0, 0, 0.5, 0.5, 0.5, 0.5})));
}

TEST(EdgeEntries, AreFoundByName) {
  Parsed two("func.func @a() attributes {xf.entry} { return }\n"
             "func.func @helper() { return }\n"
             "func.func @b() attributes {xf.entry} { return }");
  auto name = [&](llvm::StringRef wanted) {
    auto entry = findEntry(two.module(), wanted);
    return entry ? entry->getSymName().str() : llvm::toString(entry.takeError());
  };
  EXPECT_EQ(name(""), "a");
  EXPECT_EQ(name("b"), "b");
  EXPECT_EQ(name("helper"), "the model has no entry 'helper'; it has a, b");
  Parsed none("func.func @helper() { return }");
  EXPECT_EQ(llvm::toString(findEntry(none.module(), "").takeError()), "the module has no entry function");
}

TEST(EdgeEntries, ArgumentsNameInputs) {
  Parsed model("func.func @f(%x: tensor<?x?xi32> {xf.input = \"pixels\"}) attributes {xf.entry} { return }");
  EXPECT_EQ(model.errorOfEntry({{"input_ids", Tensor({1, 1})}}), "argument 0 of @f is no input of the ABI");
}

} // namespace
