// Directories of the bench: each run's own, and none of them for ever.
#include "compiler/driver/ScratchDirectory.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <fstream>

namespace lathe::test {
namespace {

class ScratchDirectoryTest : public testing::Test {
protected:
  void SetUp() override { setenv("TMPDIR", work.path().c_str(), 1); }
  void TearDown() override { unsetenv("TMPDIR"); }

  TemporaryDirectory work;
};

TEST_F(ScratchDirectoryTest, LivesAsLongAsTheObject) {
  std::string file;
  {
    ScratchDirectory made = llvm::cantFail(ScratchDirectory::create()), moved = std::move(made);
    file = moved.file("f");
    std::ofstream(file) << "text";
    EXPECT_TRUE(std::filesystem::exists(file));
  }
  EXPECT_TRUE(std::filesystem::is_empty(work.path()));
}

TEST_F(ScratchDirectoryTest, RemovesWhatKilledRunsLeft) {
  ScratchDirectory alive = llvm::cantFail(ScratchDirectory::create());
  std::filesystem::create_directories(work / "lathe-bench-killed" / "inside");
  std::filesystem::create_directory(work / "lathe-benchmark");
  ScratchDirectory next = llvm::cantFail(ScratchDirectory::create());
  EXPECT_FALSE(std::filesystem::exists(work / "lathe-bench-killed"));
  EXPECT_TRUE(std::filesystem::exists(work / "lathe-benchmark"));
  EXPECT_TRUE(std::filesystem::exists(alive.file("")));
}

TEST_F(ScratchDirectoryTest, NeedsAPlace) {
  setenv("TMPDIR", (work / "absent").c_str(), 1);
  expectError(ScratchDirectory::create(), {"absent", "No such file"});
}

} // namespace
} // namespace lathe::test
