// Text in and text out of tiny translators, against Transformers: languages are told by their codes.
// tests/goldens/make_translation_goldens.py says how the texts were made.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

class Translations : public testing::TestWithParam<std::string> {
protected:
  Path directory() const { return goldens() / "translations" / GetParam(); }
};

Arguments languagesOf(const Json &golden) {
  Arguments arguments;
  for (auto [field, option] : {std::pair("source", "--source-lang"), {"target", "--target-lang"}})
    if (golden.contains(field)) {
      arguments.push_back(option);
      arguments.push_back(golden.at(field).get<std::string>());
    }
  return arguments;
}

Json resultOf(Arguments arguments, const Arguments &more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Json::parse(latheOutput(arguments));
}

TEST_P(Translations, AreTransformers) {
  const Json cases = Json::parse(readFile(directory() / "expected.json"));
  ASSERT_GE(cases.size(), 3u);
  const Path artifact = compiled(directory() / "model");
  for (const Json &golden : cases) {
    SCOPED_TRACE(golden.dump());
    const std::string text = golden.at("text");
    const Json written = resultOf(
        {"generate", artifact, "--json", "--max-new-tokens", "12", "--no-repeat-ngram-size", "1", "--text", text},
        languagesOf(golden));
    ASSERT_EQ(written.size(), 1u);
    EXPECT_EQ(written[0].at("ids"), golden.at("ids"));
    EXPECT_EQ(written[0].at("text"), golden.at("written"));
    for (const Path &place : {artifact, directory() / "model"})
      EXPECT_EQ(resultOf({"tokenize", place, "--json", "--text", text}, languagesOf(golden))[0].at("ids"),
                golden.at("source_ids"));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Translations, testing::Values("mbart50", "m2m100", "marian", "t5"),
                         [](const auto &info) { return info.param; });

/// generate() of Transformers begins texts as generation_config.json says; the tokenizer's target is for its pipelines.
TEST(Languages, OfTheModelsOwnOptionsComeBeforeTheTokenizers) {
  const ScratchDirectory scratch;
  const Path model = scratch / "model";
  std::filesystem::copy(goldens() / "translations/mbart50/model", model); // whose tgt_lang is ro_RO
  auto firstOf = [](const Path &artifact, const Arguments &more) {
    const Json written = resultOf({"generate", artifact, "--json", "--max-new-tokens", "3", "--text", "a"}, more);
    return written[0].at("ids").at(1).get<int>();
  };
  const Path plain = compiled(goldens() / "translations/mbart50/model");
  const int french = firstOf(plain, {"--target-lang", "fr_XX"}), german = firstOf(plain, {"--target-lang", "de_DE"});
  EXPECT_NE(firstOf(plain, {}), french);
  Json options = Json::parse(readFile(model / "generation_config.json"));
  options["forced_bos_token_id"] = french;
  writeFile(model / "generation_config.json", options.dump());
  const Path changed = compiled(model);
  EXPECT_EQ(firstOf(changed, {}), french);
  EXPECT_EQ(firstOf(changed, {"--target-lang", "de_DE"}), german);
}

TEST(Languages, MistakesAreNamed) {
  const Path m2m100 = compiled(goldens() / "translations/m2m100/model"),
             marian = compiled(goldens() / "translations/marian/model"),
             t5 = compiled(goldens() / "translations/t5/model");
  expectRefusal(1, {"generate", m2m100, "--text", "a", "--target-lang", "xx"},
                {"--target-lang", "'xx'", "af, am, ar", "92 more"});
  expectRefusal(1, {"tokenize", m2m100, "--text", "a", "--source-lang", "xx"}, {"--source-lang", "'xx'", "af"});
  expectRefusal(1, {"generate", marian, "--text", "a", "--source-lang", "fr"}, {"--source-lang", "--target-lang"});
  expectRefusal(1, {"generate", t5, "--text", "a", "--target-lang", "fr"}, {"--target-lang", "no codes"});
  expectRefusal(2, {"generate", m2m100, "--text", "a", "--target-lang", "fr", "--forced-bos-id", "3"}, {"not both"});
  expectRefusal(2, {"tokenize", m2m100, "--ids", "3", "--target-lang", "fr"}, {"--text"});
}

} // namespace
} // namespace lathe::test
