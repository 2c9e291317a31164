// Reading and writing valid safetensors files. Broken ones are in HostileFilesTest.cpp.
#include "compiler/import/safetensors/SafetensorsFile.h"
#include "compiler/import/safetensors/SafetensorsWriter.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/Tensors.h"
#include "tests/support/TinyModel.h"
#include "llvm/ADT/StringExtras.h"
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>

using namespace lathe;
using namespace lathe::test;
namespace fs = std::filesystem;

static std::string readAll(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

static llvm::ArrayRef<uint8_t> bytesOf(const std::string &text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

static size_t entriesIn(const fs::path &directory) {
  return std::distance(fs::directory_iterator(directory), fs::directory_iterator());
}

TEST(DType, NamesAndSizes) {
  for (unsigned i = 0; i <= static_cast<unsigned>(DType::U64); ++i) {
    DType dtype = static_cast<DType>(i);
    EXPECT_EQ(parseDType(dtypeName(dtype)), dtype);
  }
  EXPECT_EQ(parseDType("f32"), std::nullopt);
  EXPECT_EQ(dtypeBits(DType::BF16), 16u);
  EXPECT_EQ(tensorBytes(DType::F32, {2, 3}), 24u);
  EXPECT_EQ(tensorBytes(DType::F64, {}), 8u);
  EXPECT_EQ(tensorBytes(DType::I8, {5, 0}), 0u);
  EXPECT_EQ(tensorBytes(DType::F4, {3}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::F6E2M3, {4}), 3u);
  EXPECT_EQ(tensorBytes(DType::U8, {int64_t(1) << 62, 4}), std::nullopt);
  EXPECT_EQ(tensorBytes(DType::U8, {-1}), std::nullopt);
}

TEST(SafetensorsFile, ReadsWhatIsThere) {
  TemporaryDirectory directory;
  std::string seven = floatBytes({1, 2, 3, 4, 5, 6, 7});
  std::string file = safetensorsBytes({{"scalar", "I64", {}, std::string("\x2a\0\0\0\0\0\0\0", 8)},
                                       {"byte", "U8", {1}, "\x07"},
                                       {"unaligned", "F32", {7}, seven},
                                       {"empty", "F16", {0, 9223372036854775807}, ""}});
  writeFile(directory / "x.safetensors", file);
  auto opened = SafetensorsFile::open((directory / "x.safetensors").string());
  ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
  SafetensorsFile moved = std::move(*opened); // views outlive the move

  std::vector<std::string> names;
  for (const TensorView &tensor : moved.tensors())
    names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"byte", "empty", "scalar", "unaligned"}));
  EXPECT_EQ(moved.metadata().at("format"), "pt");
  EXPECT_EQ(moved.find("other"), nullptr);
  const TensorView *tensor = moved.find("unaligned");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->dtype, DType::F32);
  EXPECT_EQ(tensor->numElements(), 7);
  EXPECT_EQ(shapeText(tensor->shape), "[7]");
  EXPECT_EQ(llvm::toStringRef(tensor->bytes), seven);
  EXPECT_EQ(moved.find("scalar")->numElements(), 1);
  EXPECT_EQ(shapeText(moved.find("scalar")->shape), "[]");
  EXPECT_EQ(moved.find("empty")->numElements(), 0);
}

TEST(SafetensorsFile, ReleasedPagesAreReadAgain) {
  TemporaryDirectory directory;
  std::string data(1 << 20, '\x5a');
  writeFile(directory / "x", safetensorsBytes({{"a", "U8", {1 << 20}, data}}));
  auto file = SafetensorsFile::open((directory / "x").string());
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  const TensorView &tensor = *file->find("a");
  EXPECT_EQ(llvm::toStringRef(tensor.bytes), data);
  file->releasePages(tensor);
  EXPECT_EQ(llvm::toStringRef(tensor.bytes), data);
}

TEST(SafetensorsFile, HeaderMayBePaddedWithSpaces) {
  std::string file = safetensorsBytes("{}     ", "");
  auto contents = parseSafetensors(bytesOf(file), "memory");
  ASSERT_TRUE(bool(contents)) << llvm::toString(contents.takeError());
  EXPECT_TRUE(contents->tensors.empty());
}

TEST(SafetensorsFile, LimitsTheNumberOfTensors) {
  std::string header = "{";
  for (size_t i = 0; i <= maxSafetensorsTensors; ++i)
    header += (i ? ",\"" : "\"") + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  std::string file = safetensorsBytes(header + "}", "");
  auto contents = parseSafetensors(bytesOf(file), "memory");
  ASSERT_FALSE(bool(contents));
  EXPECT_EQ(llvm::toString(contents.takeError()), "'memory': more than 1000000 tensors");
}

static TensorView viewOf(std::string name, DType dtype, std::vector<int64_t> shape, const std::string &data) {
  return {std::move(name), dtype, llvm::SmallVector<int64_t, 4>(shape.begin(), shape.end()), bytesOf(data)};
}

TEST(SafetensorsWriter, RoundTrips) {
  TemporaryDirectory directory;
  std::string path = (directory / "out.safetensors").string();
  std::string bytes = "abc", floats = floatBytes({1, -2.5f}), longs(16, '\1');
  std::vector<TensorView> tensors = {viewOf("b", DType::U8, {3}, bytes),
                                     viewOf("quote\" \xc3\xa9\n", DType::F32, {1, 2}, floats),
                                     viewOf("a", DType::I64, {2}, longs)};
  ASSERT_EQ(llvm::toString(writeSafetensors(path, tensors, {{"format", "pt"}})), "");
  EXPECT_EQ(entriesIn(directory.path()), 1u);

  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  EXPECT_EQ(file->metadata().at("format"), "pt");
  ASSERT_EQ(file->tensors().size(), tensors.size());
  for (const TensorView &tensor : tensors) {
    const TensorView *read = file->find(tensor.name);
    ASSERT_NE(read, nullptr) << tensor.name;
    EXPECT_EQ(read->dtype, tensor.dtype);
    EXPECT_EQ(read->shape, tensor.shape);
    EXPECT_EQ(read->bytes, tensor.bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read->bytes.data()) % (dtypeBits(read->dtype) / 8), 0u) << tensor.name;
  }

  // The order given does not matter to the bytes.
  std::string first = readAll(path);
  std::reverse(tensors.begin(), tensors.end());
  ASSERT_EQ(llvm::toString(writeSafetensors(path, tensors, {{"format", "pt"}})), "");
  EXPECT_EQ(readAll(path), first);
}

TEST(SafetensorsWriter, DataIsAlignedWhateverTheHeadersLength) {
  TemporaryDirectory directory;
  std::string path = (directory / "out").string(), data(8, '\1');
  for (size_t length = 0; length < 8; ++length) {
    ASSERT_EQ(
        llvm::toString(writeSafetensors(path, {viewOf("a", DType::F64, {1}, data)}, {{"k", std::string(length, 'x')}})),
        "");
    auto file = SafetensorsFile::open(path);
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file->find("a")->bytes.data()) % 8, 0u) << length;
  }
}

TEST(SafetensorsWriter, RefusesTensorsThatCannotBeWritten) {
  TemporaryDirectory directory;
  std::string path = (directory / "out").string(), data = "abcd";
  auto message = [&](std::vector<TensorView> tensors) { return llvm::toString(writeSafetensors(path, tensors)); };
  EXPECT_NE(message({viewOf("a", DType::F32, {2}, data)}).find("has 4 bytes"), std::string::npos);
  EXPECT_NE(message({viewOf("a", DType::F32, {-1}, data)}).find("shape [-1]"), std::string::npos);
  EXPECT_NE(message({viewOf("\xff", DType::F32, {1}, data)}).find("cannot be named"), std::string::npos);
  EXPECT_NE(message({viewOf("__metadata__", DType::F32, {1}, data)}).find("cannot be named"), std::string::npos);
  EXPECT_NE(message({viewOf("a", DType::F32, {1}, data), viewOf("a", DType::U8, {4}, data)}).find("two tensors"),
            std::string::npos);
  EXPECT_EQ(entriesIn(directory.path()), 0u);
}

TEST(SafetensorsWriter, RefusesPathsThatAreNoFile) {
  TemporaryDirectory directory;
  fs::create_symlink("/dev/null", directory / "null");
  EXPECT_NE(llvm::toString(writeSafetensors((directory / "null").string(), {})).find("File exists"), std::string::npos);
  EXPECT_NE(llvm::toString(writeSafetensors(directory.path().string(), {})).find("directory"), std::string::npos);
  EXPECT_NE(llvm::toString(writeSafetensors((directory / "absent/out").string(), {})).find("No such file"),
            std::string::npos);
  EXPECT_EQ(entriesIn(directory.path()), 1u);
}

/// Limits the size of files that the process can write, as a full disk would.
class FullDisk {
public:
  explicit FullDisk(rlim_t bytes) {
    previousHandler = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &previous);
    rlimit limited = {bytes, previous.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &previous);
    std::signal(SIGXFSZ, previousHandler);
  }

private:
  rlimit previous;
  void (*previousHandler)(int);
};

TEST(SafetensorsWriter, FullDiskKeepsTheOldFileAndNothingElse) {
  TemporaryDirectory directory;
  std::string path = (directory / "out.safetensors").string(), data(1 << 20, 'x');
  writeFile(path, "old");
  std::string message;
  {
    FullDisk full(1 << 16);
    message = llvm::toString(writeSafetensors(path, {viewOf("a", DType::U8, {1 << 20}, data)}));
  }
  EXPECT_NE(message.find("cannot write"), std::string::npos) << message;
  EXPECT_EQ(readAll(path), "old");
  EXPECT_EQ(entriesIn(directory.path()), 1u);
}
