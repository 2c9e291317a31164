// The registry of families, and what a family says of a config without its weights.
#include "compiler/import/Import.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/families/Family.h"
#include "ir/xf/XfDialect.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
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
    EXPECT_EQ(family->writingIds.has_value(), llvm::any_of(family->tasks, writes)) << family->modelType.str();
}

/// What a model's files say of writing when `fields` stand in its config.json in place of all ids, and without
/// generation_config.json.
llvm::Expected<GenerationConfig> readGeneration(const std::string &model, const std::string &fields) {
  const std::filesystem::path from = std::filesystem::path(LATHE_SOURCE_DIR "/tests/goldens") / model / "model";
  const test::TemporaryDirectory directory;
  std::filesystem::copy(from / "model.safetensors", directory / "model.safetensors");
  std::ifstream config(from / "config.json");
  std::ofstream edited(directory / "config.json");
  for (std::string line; std::getline(config, line);)
    if (line.find("_token_id\"") == std::string::npos)
      edited << line << (line == "{" ? fields : "") << "\n";
  edited.close();
  mlir::MLIRContext context;
  context.loadDialect<xf::XfDialect, mlir::func::FuncDialect>();
  llvm::Expected<ImportedModel> imported = importModel(&context, directory.path().string(), {});
  if (!imported)
    return imported.takeError();
  return imported->generation.value();
}
GenerationConfig generationOf(const std::string &model, const std::string &fields) {
  return llvm::cantFail(readGeneration(model, fields));
}

TEST(Families, HaveTheirClassesIdsWhereFilesSayNothing) {
  using testing::ElementsAre, testing::IsEmpty;
  const GenerationConfig opt = generationOf("opt/lm", ""), llama = generationOf("llama/lm", "");
  EXPECT_THAT(opt.eosIds, ElementsAre(2));
  EXPECT_EQ(opt.options.pad_id, 1);
  EXPECT_THAT(llama.eosIds, ElementsAre(2));
  EXPECT_EQ(llama.options.pad_id, -1);
  EXPECT_THAT(generationOf("gemma2/lm", "").eosIds, ElementsAre(1));
  EXPECT_THAT(generationOf("gpt2/lm", "").eosIds, ElementsAre(50256)); // beyond this vocabulary: it ends nothing
  EXPECT_THAT(generationOf("openai-gpt/lm", "").eosIds, IsEmpty());
  EXPECT_THAT(generationOf("opt/lm", "\"eos_token_id\": null,").eosIds, IsEmpty()); // null is something said
  EXPECT_THAT(generationOf("opt/lm", "\"eos_token_id\": [5, 6],").eosIds, ElementsAre(5, 6));
}

TEST(Families, ReadOptionsOfWriting) {
  using testing::ElementsAre, testing::Pair;
  const GenerationConfig given = generationOf(
      "opt/lm", "\"suppress_tokens\": [3, 4], \"begin_suppress_tokens\": [7], \"stop_strings\": \"end\", "
                "\"sequence_bias\": [[[1, 2], 0.5], [[3], -1.0], [[1, 2], 2.0]], "
                "\"exponential_decay_length_penalty\": [4, 1.25], \"encoder_repetition_penalty\": 1.5, "
                "\"encoder_no_repeat_ngram_size\": 3, \"epsilon_cutoff\": 0.25, \"eta_cutoff\": 1.0, "
                "\"renormalize_logits\": true, \"num_assistant_tokens\": 6, "
                "\"num_assistant_tokens_schedule\": \"heuristic\", \"assistant_confidence_threshold\": 0.5,");
  EXPECT_THAT(given.unsupported, testing::IsEmpty());
  EXPECT_THAT(given.suppressed, ElementsAre(3, 4));
  EXPECT_THAT(given.suppressedFirst, ElementsAre(7));
  EXPECT_THAT(given.stopStrings, ElementsAre("end"));
  EXPECT_THAT(given.biases, ElementsAre(Pair(ElementsAre(1, 2), 2.0), Pair(ElementsAre(3), -1.0)));
  EXPECT_EQ(given.options.decay_start, 4);
  EXPECT_EQ(given.options.decay_factor, 1.25);
  EXPECT_EQ(given.options.encoder_repetition_penalty, 1.5);
  EXPECT_EQ(given.options.encoder_no_repeat_ngram_size, 3);
  EXPECT_EQ(given.options.epsilon_cutoff, 0.25);
  EXPECT_EQ(given.options.eta_cutoff, 0); // Transformers takes 1 for none
  EXPECT_EQ(given.options.renormalize_logits, 1);
  EXPECT_EQ(given.options.num_assistant_tokens, 6);
  EXPECT_EQ(given.options.num_assistant_tokens_schedule, LATHE_ASSISTANT_HEURISTIC);
  EXPECT_EQ(given.options.assistant_confidence_threshold, 0.5);
  EXPECT_THAT(generationOf("opt/lm", "\"guidance_scale\": 1.5,").unsupported, ElementsAre("guidance_scale = 1.5"));
}

/// Values that change nothing in Transformers either, however they are written; and those that do.
TEST(Families, KnowWhichOptionsOfWritingChangeNothing) {
  using testing::ElementsAre;
  const GenerationConfig given =
      generationOf("opt/lm", "\"remove_invalid_values\": false, \"guidance_scale\": 1, \"penalty_alpha\": 0, "
                             "\"renormalize_logits\": null, \"do_sample\": null, \"early_stopping\": null, "
                             "\"token_healing\": false, \"max_time\": null, \"constraints\": [],");
  EXPECT_THAT(given.unsupported, testing::IsEmpty());
  EXPECT_EQ(given.options.renormalize_logits, 0);
  EXPECT_EQ(given.options.early_stopping, LATHE_STOP_BY_BEST);
  EXPECT_THAT(generationOf("opt/lm", "\"token_healing\": true, \"max_time\": 0.5,").unsupported,
              ElementsAre("token_healing = true", "max_time = 0.5"));
  EXPECT_THAT(generationOf("opt/lm", "\"remove_invalid_values\": true, \"guidance_scale\": 0,").unsupported,
              ElementsAre("guidance_scale = 0", "remove_invalid_values = true"));
}

TEST(Families, RefuseOptionsOfWritingThatCannotBeMeant) {
  test::expectError(readGeneration("opt/lm", "\"stop_strings\": [\"end\", \"\"],"), {"stop_strings", "empty string"});
  test::expectError(readGeneration("opt/lm", "\"stop_strings\": \"a\\u0000b\","), {"stop_strings", "a\\x00b", "NUL"});
  test::expectError(readGeneration("opt/lm", "\"sequence_bias\": [[[1], 3e38]],"),
                    {"sequence_bias", "3.0", "e+38", "1e30"});
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
