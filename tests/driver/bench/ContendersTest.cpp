// Who takes part, and who is timed: lists of names, and results that must agree first.
#include "compiler/driver/bench/Contenders.h"
#include "compiler/driver/bench/GenerationContender.h"
#include "tests/driver/Errors.h"

#include <cmath>

namespace lathe::test {
namespace {

using Names = std::vector<std::string>;

TEST(ParseContenders, KeepsTheOrder) {
  EXPECT_EQ(llvm::cantFail(parseContenders("")), Names());
  EXPECT_EQ(llvm::cantFail(parseContenders("unfused")), Names{"unfused"});
  EXPECT_EQ(llvm::cantFail(parseContenders("openvino,unfused,torch-compile,eager,onnxruntime")),
            (Names{"openvino", "unfused", "torch-compile", "eager", "onnxruntime"}));
  EXPECT_EQ(llvm::cantFail(parseContenders("openvino-int8,onnxruntime-int8,openvino-bf16,eager-bf16")),
            (Names{"openvino-int8", "onnxruntime-int8", "openvino-bf16", "eager-bf16"}));
}

TEST(ParseContenders, RefusesOthers) {
  expectError(parseContenders("eager,tvm"),
              {"--vs", "'tvm'", "eager,", "eager-bf16", "unfused", "onnxruntime,", "onnxruntime-int8", "openvino,",
               "openvino-bf16", "openvino-int8", "torch-compile"});
  expectError(parseContenders("torch-compile-bf16"), {"'torch-compile-bf16'"});
  expectError(parseContenders("eager,"), {"''"});
  expectError(parseContenders("lathe"), {"'lathe'"});
  expectError(parseContenders("eager,unfused,eager"), {"eager twice"});
}

TEST(ParseContenders, KnowsWhoWrites) {
  EXPECT_EQ(
      llvm::cantFail(parseContenders("eager,ctranslate2,ctranslate2-int8,eager-bf16", PeerAbility::Writes)).size(), 4u);
  for (const char *name : {"torch-compile", "onnxruntime", "openvino-int8", "unfused"})
    expectError(parseContenders(name, PeerAbility::Writes),
                {name, "does not write", "accepted here are eager, eager-bf16, ctranslate2, ctranslate2-int8"});
  expectError(parseContenders("eager,ctranslate2"),
              {"'ctranslate2' only writes", "--new-tokens", "openvino", "unfused"});
}

/// Has outputs, and nothing to run.
class FakeContender : public Contender {
public:
  FakeContender(const char *name, std::vector<std::pair<std::string, std::vector<float>>> values,
                Precision computed = Precision::F32)
      : label(name), computed(computed), values(std::move(values)) {}
  llvm::StringRef name() const override { return label; }
  Precision precision() const override { return computed; }
  llvm::Expected<std::vector<double>> time(int64_t) override { return llvm::createStringError("timed"); }
  llvm::Expected<std::vector<FloatTensor>> outputs() override {
    if (values.empty())
      return llvm::createStringError(label + " is broken");
    std::vector<FloatTensor> tensors;
    for (const auto &[name, numbers] : values) {
      tensors.push_back(llvm::cantFail(makeFloatTensor(name, {int64_t(numbers.size())})));
      llvm::copy(numbers, tensors.back().data.get());
    }
    return tensors;
  }
  llvm::Expected<std::vector<std::vector<int32_t>>> written() override { return texts; }
  double residentBytes() const override { return 0; }
  double loadSeconds() const override { return 0; }

  std::vector<std::vector<int32_t>> texts;

private:
  std::string label;
  Precision computed;
  std::vector<std::pair<std::string, std::vector<float>>> values;
};

using Differences = std::vector<std::optional<double>>;

constexpr float step = 0x1p-12; // far below the tolerance, and exact

TEST(CompareContenders, GivesTheLargestDifferenceFromTheArtifact) {
  FakeContender own("lathe", {{"x", {1, 2}}, {"y", {3}}}), near("a", {{"x", {1, 2 + step}}, {"y", {3 - 2 * step}}}),
      same("b", {{"y", {3}}, {"x", {1, 2}}});
  EXPECT_EQ(llvm::cantFail(compareContenders({&own, &near, &same})), (Differences{2 * step, 2 * step, 0}));
  EXPECT_EQ(llvm::cantFail(compareContenders({&own, &same, &near})), (Differences{0, 0, 2 * step}));
  EXPECT_EQ(llvm::cantFail(compareContenders({&own})), Differences{std::nullopt});
}

TEST(CompareContenders, TakesEagerAsTheReference) {
  FakeContender own("lathe", {{"x", {1}}}), other("a", {{"x", {1}}}), eager("eager", {{"x", {1 + step}}});
  EXPECT_EQ(llvm::cantFail(compareContenders({&own, &other, &eager})), (Differences{step, 0, step}));
}

TEST(CompareContenders, LooksAtOutputsInCommon) {
  FakeContender own("lathe", {{"x", {1}}, {"y", {2}}}), less("a", {{"x", {1}}}), more("b", {{"x", {1}}, {"z", {7}}});
  EXPECT_EQ(llvm::cantFail(compareContenders({&own, &less, &more})), (Differences{0, 0, 0}));
  FakeContender none("c", {{"z", {1}}}), shape("d", {{"x", {1, 1}}});
  expectError(compareContenders({&own, &less, &none}), {"c", "no output in common"});
  expectError(compareContenders({&own, &shape}), {"d", "no output in common"});
}

TEST(CompareContenders, AnotherResultIsAnError) {
  FakeContender own("lathe", {{"x", {1, 2}}, {"y", {3}}}), far("a", {{"x", {1, 2}}, {"y", {3.25}}}),
      nan("b", {{"x", {1, NAN}}, {"y", {3}}}), broken("c", {});
  expectError(compareContenders({&own, &far}), {"a gives another y", "0.25", "--model"});
  expectError(compareContenders({&own, &nan}), {"b gives another x"});
  expectError(compareContenders({&own, &broken}), {"c is broken"});
}

/// Two prompts, a vocabulary of three, two tokens behind each. Of the second prompt two tokens are as likely.
TEST(CompareWritten, LooksAtTheFirstTokenAndAtHowManyThereAre) {
  FakeContender peer("peer", {}), coarse("coarse", {}, Precision::BF16);
  Workload workload = makeWorkload({3, 3}, 10);
  workload.generation = {2};
  class Writer final : public FakeContender {
  public:
    using FakeContender::FakeContender;
    llvm::Expected<std::vector<FloatTensor>> outputs() override {
      std::vector<FloatTensor> tensors;
      tensors.push_back(llvm::cantFail(makeFloatTensor("logits", {2, 3})));
      llvm::copy(llvm::ArrayRef<float>({1, 3, 2, 5, 4, 5 - step}), tensors.back().data.get());
      return tensors;
    }
  } lathe("lathe", {});
  lathe.texts = peer.texts = coarse.texts = {{1, 0}, {0, 0}};
  const auto compare = [&] { return messageOf(compareWritten({&lathe, &peer, &coarse}, workload)); };
  EXPECT_EQ(compare(), "");
  peer.texts = {{1, 2}, {2, 0}};
  EXPECT_EQ(compare(), "") << "the first is a draw, later ones follow from it";
  coarse.texts = {{0, 0}, {1, 0}};
  EXPECT_EQ(compare(), "") << "of another precision";
  peer.texts = {{2, 2}, {0, 0}};
  EXPECT_NE(compare().find("peer writes 2 behind prompt 0, where 1"), std::string::npos) << compare();
  workload.generation->beams = 2;
  EXPECT_EQ(compare(), "") << "beams begin as they like";
  coarse.texts = {{0, 0}, {1}};
  EXPECT_NE(compare().find("coarse wrote 1 tokens, and was to write 2"), std::string::npos) << compare();
  coarse.texts = {{0, 0}};
  EXPECT_NE(compare().find("coarse wrote 1 texts"), std::string::npos) << compare();
}

TEST(CompareContenders, TheCoarserPrecisionSaysHowFarIsAnother) {
  using Values = std::vector<std::pair<std::string, std::vector<float>>>;
  const Values values = {{"x", {3, 4, 0}}}, fifth = {{"x", {3, 4, 1}}}, fiftieth = {{"x", {3, 4, 0.1f}}},
               other = {{"x", {-4, 3, 0}}};
  auto compare = [](const Values &a, Precision precisionA, const Values &b, Precision precisionB) {
    FakeContender own("lathe", a, precisionA), peer("peer", b, precisionB);
    return messageOf(compareContenders({&own, &peer}).takeError());
  };
  for (Precision coarse : {Precision::BF16, Precision::Int8, Precision::Int4}) {
    EXPECT_EQ(compare(values, coarse, fiftieth, Precision::F32), "") << nameOf(coarse);
    EXPECT_EQ(compare(values, Precision::F32, fiftieth, coarse), "") << nameOf(coarse);
    EXPECT_NE(compare(values, coarse, other, coarse), "") << nameOf(coarse);
  }
  EXPECT_NE(compare(values, Precision::F32, fiftieth, Precision::F32), "");
  EXPECT_NE(compare(values, Precision::BF16, fifth, Precision::BF16), "");
  EXPECT_EQ(compare(values, Precision::BF16, fifth, Precision::Int8), "");
  EXPECT_NE(compare(values, Precision::Int4, {{"x", {NAN, 4, 0}}}, Precision::Int4), "");
}

} // namespace
} // namespace lathe::test
