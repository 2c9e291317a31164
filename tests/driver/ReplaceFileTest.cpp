#include "compiler/driver/ReplaceFile.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace lathe::test {
namespace {

std::string read(const std::filesystem::path &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t entries(const TemporaryDirectory &work) {
  return std::distance(std::filesystem::directory_iterator(work.path()), {});
}

TEST(ReplaceFile, WritesAndReplaces) {
  TemporaryDirectory work;
  std::string path = work / "f.svg";
  EXPECT_EQ(messageOf(replaceFile(path, "first")), "");
  EXPECT_EQ(messageOf(replaceFile(path, "second")), "");
  EXPECT_EQ(read(path), "second");
  EXPECT_EQ(entries(work), 1u) << "something was left beside it";
}

TEST(ReplaceFile, SaysWhereItCannot) {
  TemporaryDirectory work;
  std::string absent = work / "absent/f.svg", directory = work / "directory";
  std::filesystem::create_directory(directory);
  expectError(replaceFile(absent, "x"), {"absent/f.svg", "No such file"});
  expectError(replaceFile(directory, "x"), {"directory", "no regular file"});
  expectError(replaceFile("/dev/null", "x"), {"/dev/null", "no regular file"});
  EXPECT_EQ(entries(work), 1u);
}

TEST(ReplaceFile, IsCheckedWithoutTouchingWhatIsThere) {
  TemporaryDirectory work;
  std::string path = work / "f.svg";
  EXPECT_EQ(messageOf(checkReplaceable(path)), "");
  EXPECT_EQ(entries(work), 0u);
  EXPECT_EQ(messageOf(replaceFile(path, "kept")), "");
  EXPECT_EQ(messageOf(checkReplaceable(path)), "");
  EXPECT_EQ(read(path), "kept");
  expectError(checkReplaceable((work / "absent/f.svg").string()), {"absent/f.svg"});
  expectError(checkReplaceable(work.path().string()), {"no regular file"});
}

} // namespace
} // namespace lathe::test
