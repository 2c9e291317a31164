// The registry of families, and what a family says of a config without its weights.
#include "compiler/import/Import.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/families/Family.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <filesystem>
#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Families, AreSortedByModelType) {
  EXPECT_TRUE(llvm::is_sorted(allFamilies(), [](const Family *a, const Family *b) {
    return llvm::StringRef(a->modelType) < llvm::StringRef(b->modelType);
  }));
}

TEST(Families, ThatWriteSayWhatEndsTheirTexts) {
  for (const Family *family : allFamilies())
    EXPECT_EQ(family->writingIds.has_value(), llvm::is_contained(family->tasks, Task::CausalLm))
        << family->modelType.str();
}

/// Of every model among the goldens, from the config alone what the import finds.
TEST(Families, KnowTheLongestSequenceWithoutWeights) {
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect, mlir::func::FuncDialect>();
  int models = 0;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(LATHE_SOURCE_DIR "/tests/goldens")) {
    if (entry.path().filename() != "model" || !std::filesystem::exists(entry.path() / "config.json"))
      continue;
    SCOPED_TRACE(entry.path().string());
    llvm::Expected<ImportedModel> model = importModel(&context, entry.path().string(), {});
    ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
    JsonFields fields(model->checkpoint->config());
    const Family *family = llvm::cantFail(findFamily(model->checkpoint->modelType()));
    EXPECT_EQ(family->longestSequence(fields), model->positionLimit);
    llvm::cantFail(fields.takeError());
    ++models;
  }
  EXPECT_GE(models, 100);
}

} // namespace
} // namespace lathe
