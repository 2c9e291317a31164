// Who takes part, and who is timed: lists of names, and results that must agree first.
#include "compiler/driver/bench/Contenders.h"
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
}

TEST(ParseContenders, RefusesOthers) {
  expectError(parseContenders("eager,tvm"),
              {"--vs", "'tvm'", "eager", "unfused", "onnxruntime", "openvino", "torch-compile"});
  expectError(parseContenders("eager,"), {"''"});
  expectError(parseContenders("lathe"), {"'lathe'"});
  expectError(parseContenders("eager,unfused,eager"), {"eager twice"});
}

/// Has outputs, and nothing to run.
class FakeContender : public Contender {
public:
  FakeContender(const char *name, std::vector<std::pair<std::string, std::vector<float>>> values)
      : label(name), values(std::move(values)) {}
  llvm::StringRef name() const override { return label; }
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
  double residentBytes() const override { return 0; }
  double loadSeconds() const override { return 0; }

private:
  std::string label;
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

} // namespace
} // namespace lathe::test
