// Every broken model directory of tests/support/HostileFiles.cpp is refused with a message that names the cause.
#include "tests/support/HostileFiles.h"
#include "compiler/import/checkpoint/Checkpoint.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/checkpoint/WeightNames.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/TinyModel.h"
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

using namespace lathe;
using namespace lathe::test;
using llvm::Error;

/// What happens to a MODEL before its family sees it.
static Error open(const std::string &path, std::unique_ptr<Checkpoint> &checkpoint) {
  auto sentence = readSentenceTransformer(path);
  if (!sentence)
    return sentence.takeError();
  auto opened = Checkpoint::open(*sentence ? (*sentence)->transformerPath : path);
  if (!opened)
    return opened.takeError();
  checkpoint = std::move(*opened);
  return Error::success();
}

static Error checkValues(const Checkpoint &checkpoint) {
  auto names = WeightNames::build(checkpoint, {"bert.", {"position_ids"}});
  if (!names)
    return names.takeError();
  for (const NamedWeight &weight : names->weights())
    if (Error error = checkFinite(*weight.tensor, checkpoint.directory()))
      return error;
  return Error::success();
}

/// Makes root somebody whom file permissions bind; does nothing to others.
class Unprivileged {
public:
  Unprivileged() {
    if (::geteuid() == 0)
      changed = ::seteuid(65534) == 0;
  }
  ~Unprivileged() {
    if (changed && ::seteuid(0) != 0)
      ADD_FAILURE() << "the test cannot become root again";
  }

private:
  bool changed = false;
};

/// GoogleTest finds this by its name, to show the case that failed.
namespace lathe::test {
void PrintTo(const HostileCase &hostile, std::ostream *out) { *out << hostile.name; }
} // namespace lathe::test

class HostileFiles : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileFiles, IsRefusedAndNamed) {
  const HostileCase &hostile = GetParam();
  TemporaryDirectory directory;
  hostile.create(directory / "model");
  std::optional<Unprivileged> unprivileged;
  if (hostile.needsUnprivilegedUser) {
    unprivileged.emplace();
    if (::geteuid() == 0)
      GTEST_SKIP() << "file permissions do not bind root, and root cannot be given up here";
  }

  std::unique_ptr<Checkpoint> checkpoint;
  std::string message = llvm::toString(open((directory / "model").string(), checkpoint));
  if (hostile.stage != HostileStage::Open) {
    ASSERT_EQ(message, "") << "it should open";
    message = llvm::toString(checkValues(*checkpoint));
  }
  if (hostile.stage == HostileStage::Family) {
    EXPECT_EQ(message, "") << "only its family can tell that it is broken";
    return;
  }
  EXPECT_NE(message.find(hostile.message), std::string::npos) << "the message is: " << message;
  EXPECT_LT(message.size(), 2000u);
}

INSTANTIATE_TEST_SUITE_P(All, HostileFiles, testing::ValuesIn(hostileCases()),
                         [](const auto &info) { return info.param.name; });

TEST(HostileFileList, CasesHaveTheirOwnNamesAndTheSoundModelsPass) {
  std::set<std::string> names;
  for (const HostileCase &hostile : hostileCases())
    EXPECT_TRUE(names.insert(hostile.name).second) << hostile.name;

  TemporaryDirectory directory;
  writeTinyModel(directory / "plain");
  writeTinySentenceModel(directory / "sentence");
  for (const char *name : {"plain", "sentence"}) {
    std::unique_ptr<Checkpoint> checkpoint;
    ASSERT_EQ(llvm::toString(open((directory / name).string(), checkpoint)), "");
    EXPECT_EQ(llvm::toString(checkValues(*checkpoint)), "");
  }
}
