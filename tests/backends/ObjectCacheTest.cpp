// Objects are kept by what they are made of, and a cache that is of no use does no harm.
#include "backends/cpu/emit/ObjectCache.h"
#include "backends/cpu/emit/Emit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;

namespace lathe::test {
namespace {

class ObjectCacheTest : public testing::Test {
protected:
  ObjectCacheTest() {
    DialectRegistry registry;
    registerEmission(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    llvm::SmallString<128> unique;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("lathe-test", unique));
    work = unique.c_str();
    directory = work / "cache";
  }
  ~ObjectCacheTest() override { std::filesystem::remove_all(work); }

  ObjectBytes emit(int constant, const ObjectCache *cache, IsaLevel level = IsaLevel::Avx512) {
    const std::string text =
        "func.func @f() -> i32 { %c = arith.constant " + std::to_string(constant) + " : i32 return %c : i32 }";
    auto module = parseSourceString<ModuleOp>(text, &context);
    return cantFail(emitObject(*module, {.level = level, .cache = cache}));
  }
  /// The objects in the directory, by name.
  std::vector<std::filesystem::path> kept() const {
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(directory))
      if (entry.path().filename() != "llvmcache.timestamp")
        files.push_back(entry.path());
    return files;
  }
  static void write(const std::filesystem::path &path, const ObjectBytes &bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
  }

  ObjectCache cache() const { return ObjectCache(directory.string()); }

  std::filesystem::path work, directory;
  MLIRContext context;
};

TEST_F(ObjectCacheTest, WhatWasGeneratedIsFound) {
  const ObjectCache cache = this->cache();
  const ObjectBytes generated = emit(1, nullptr);
  EXPECT_EQ(emit(1, &cache), generated);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(emit(1, &cache), generated);
  const ObjectBytes other = emit(2, nullptr);
  write(kept().front(), other);
  EXPECT_EQ(emit(1, &cache), other) << "it is what lies there";
}

TEST_F(ObjectCacheTest, OtherCodeAndOtherLevelsAreKeptApart) {
  const ObjectCache cache = this->cache();
  const ObjectBytes one = emit(1, &cache), two = emit(2, &cache);
  EXPECT_NE(one, two);
  emit(1, &cache, IsaLevel::Avx512Bf16);
  EXPECT_EQ(kept().size(), 3u);
}

TEST_F(ObjectCacheTest, WhatIsDamagedIsGeneratedAgain) {
  const ObjectCache cache = this->cache();
  const ObjectBytes generated = emit(1, &cache);
  write(kept().front(), {});
  EXPECT_EQ(emit(1, &cache), generated);
  EXPECT_EQ(emit(1, &cache), generated);
  EXPECT_EQ(std::filesystem::file_size(kept().front()), generated.size());
}

TEST_F(ObjectCacheTest, WhereNothingCanBeKeptItIsGenerated) {
  const ObjectBytes generated = emit(1, nullptr);
  write(work / "file", generated);
  const ObjectCache blocked((work / "file" / "cache").string()), none("");
  EXPECT_EQ(emit(1, &blocked), generated);
  EXPECT_EQ(emit(1, &none), generated);
  EXPECT_FALSE(std::filesystem::exists(directory));
}

} // namespace
} // namespace lathe::test
