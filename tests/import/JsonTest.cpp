// Typed access to the fields of JSON files, and the words of its errors.
#include "compiler/import/checkpoint/Json.h"
#include "tests/support/TemporaryDirectory.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace lathe;

static JsonDocument parsed(llvm::StringRef text) { return llvm::cantFail(JsonDocument::parse(text, "m/config.json")); }

/// The error after `read` has looked at the fields of `text`; empty if there is none.
static std::string errorOf(llvm::StringRef text, llvm::function_ref<void(JsonFields &)> read) {
  JsonDocument document = parsed(text);
  JsonFields fields(document);
  read(fields);
  return llvm::toString(fields.takeError());
}

TEST(Json, ReadsFieldsAndFallbacks) {
  JsonDocument document = parsed(R"({"layers": 12, "eps": 1e-5, "act": "gelu", "cache": true, "pad": null,
                                     "big": 9223372036854775807, "whole": 3, "list": ["a", "b"], "rows": [1, 0.5]})");
  JsonFields fields(document);
  EXPECT_EQ(fields.getInt("layers", 6, 1, 100), 12);
  EXPECT_EQ(fields.getInt("absent", 6, 1, 100), 6);
  EXPECT_EQ(fields.getInt("big", 6, 1, INT64_MAX), INT64_MAX);
  EXPECT_EQ(fields.getFloat("eps", 1e-12, 0, 1), 1e-5);
  EXPECT_EQ(fields.getFloat("whole", 0.0, 0, 10), 3.0);
  EXPECT_EQ(fields.getFloat("absent", 0.5, 0, 1), 0.5);
  EXPECT_EQ(fields.getFloats("rows", 0, 1), (std::vector<double>{1, 0.5}));
  EXPECT_EQ(fields.getString("act"), "gelu");
  EXPECT_EQ(fields.getString("absent", "relu"), "relu");
  EXPECT_TRUE(fields.getBool("cache"));
  EXPECT_TRUE(fields.getBool("absent", true));
  EXPECT_EQ(fields.getOptionalInt("pad", 0, 10), std::nullopt);
  EXPECT_EQ(fields.getOptionalInt("absent", 0, 10), std::nullopt);
  EXPECT_EQ(fields.getOptionalInt("whole", 0, 10), 3);
  EXPECT_EQ(fields.getOptionalString("pad"), std::nullopt);
  EXPECT_EQ(fields.getOptionalFloat("eps", 0, 1), 1e-5);
  EXPECT_EQ(fields.getOptionalStrings("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fields.getStringOrStrings("act"), std::vector<std::string>{"gelu"});
  EXPECT_EQ(fields.getOptionalStringOrStrings("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fields.getOptionalStringOrStrings("absent"), std::nullopt);
  EXPECT_EQ(fields.names().size(), 9u);
  EXPECT_TRUE(fields.has("pad"));
  EXPECT_FALSE(fields.has("absent"));
  EXPECT_EQ(llvm::toString(fields.takeError()), "");
}

TEST(Json, ErrorsNameFileFieldFoundAndAccepted) {
  auto size = [](JsonFields &fields) { fields.getInt("size", 8, 1, 64); };
  const std::string accepted = "; accepted: an integer from 1 to 64";
  EXPECT_EQ(errorOf(R"({"size": null})", size), "'m/config.json': field 'size' is null" + accepted);
  EXPECT_EQ(errorOf(R"({"size": "8"})", size), "'m/config.json': field 'size' is '8'" + accepted);
  EXPECT_EQ(errorOf(R"({"size": 8.0})", size), "'m/config.json': field 'size' is 8.0" + accepted);
  EXPECT_EQ(errorOf(R"({"size": true})", size), "'m/config.json': field 'size' is true" + accepted);
  EXPECT_EQ(errorOf(R"({"size": [8]})", size), "'m/config.json': field 'size' is an array" + accepted);
  EXPECT_EQ(errorOf(R"({"size": {}})", size), "'m/config.json': field 'size' is an object" + accepted);
  EXPECT_EQ(errorOf(R"({"size": 0})", size), "'m/config.json': field 'size' is 0" + accepted);
  EXPECT_EQ(errorOf(R"({"size": 65})", size), "'m/config.json': field 'size' is 65" + accepted);
  EXPECT_EQ(errorOf(R"({"size": 18446744073709551615})", size),
            "'m/config.json': field 'size' is 18446744073709551615" + accepted);
  EXPECT_EQ(errorOf(R"({"size": 1e30})", size), "'m/config.json': field 'size' is 1e+30" + accepted);
  EXPECT_EQ(errorOf("{}", [](JsonFields &fields) { fields.getInt("size", std::nullopt, 1, 64); }),
            "'m/config.json': field 'size' is missing" + accepted);
  EXPECT_EQ(errorOf(R"({"eps": -1})", [](JsonFields &fields) { fields.getFloat("eps", 1e-12, 0, 1); }),
            "'m/config.json': field 'eps' is -1; accepted: a number from 0 to 1");
  auto rows = [](JsonFields &fields) { fields.getFloats("rows", 0, 1); };
  EXPECT_EQ(errorOf(R"({"rows": 1})", rows),
            "'m/config.json': field 'rows' is 1; accepted: an array of numbers from 0 to 1");
  EXPECT_EQ(errorOf(R"({"rows": [1, 2]})", rows),
            "'m/config.json': field 'rows[1]' is 2; accepted: numbers from 0 to 1");
  EXPECT_EQ(errorOf(R"({"on": 1})", [](JsonFields &fields) { fields.getBool("on"); }),
            "'m/config.json': field 'on' is 1; accepted: true or false");
  EXPECT_EQ(errorOf(R"({"name": 1})", [](JsonFields &fields) { fields.getString("name"); }),
            "'m/config.json': field 'name' is 1; accepted: a string");
  EXPECT_EQ(errorOf("[]", size), "'m/config.json': the file holds an array; expected an object");
}

TEST(Json, ValuesUnderErrorsAreFallbacks) {
  JsonDocument document = parsed(R"({"a": 1000, "b": null, "c": 3})");
  JsonFields fields(document);
  EXPECT_EQ(fields.getInt("a", 7, 0, 10), 7);
  EXPECT_EQ(fields.getInt("b", std::nullopt, 0, 10), 0);
  EXPECT_EQ(fields.getInt("c", 7, 0, 10), 3);
  // The first error stands, and is given out once.
  EXPECT_NE(llvm::toString(fields.takeError()).find("'a'"), std::string::npos);
  EXPECT_EQ(llvm::toString(fields.takeError()), "");
}

TEST(Json, Choices) {
  enum class Act { Gelu, Relu };
  const std::pair<llvm::StringRef, Act> acts[] = {{"gelu", Act::Gelu}, {"relu", Act::Relu}};
  auto act = [&](JsonFields &fields) { return fields.getChoice<Act>("act", "gelu", acts); };
  JsonDocument document = parsed(R"({"act": "relu"})");
  JsonFields fields(document);
  EXPECT_EQ(act(fields), Act::Relu);
  EXPECT_EQ(llvm::toString(fields.takeError()), "");
  EXPECT_EQ(errorOf("{}", act), "");
  EXPECT_EQ(errorOf(R"({"act": "swish"})", act), "'m/config.json': field 'act' is 'swish'; accepted: gelu, relu");
}

TEST(Json, ObjectsInsideObjects) {
  auto theta = [](JsonFields &fields) {
    fields.readObject("rope", [](JsonFields &rope) { rope.getFloat("theta", std::nullopt, 1, 1e9); });
  };
  EXPECT_EQ(errorOf("{}", theta), "");
  EXPECT_EQ(errorOf(R"({"rope": null})", theta), "");
  EXPECT_EQ(errorOf(R"({"rope": {"theta": 1e4}})", theta), "");
  EXPECT_EQ(errorOf(R"({"rope": {"theta": null}})", theta),
            "'m/config.json': field 'rope.theta' is null; accepted: a number from 1 to 1e+09");
  EXPECT_EQ(errorOf(R"({"rope": 1})", theta), "'m/config.json': field 'rope' is 1; accepted: an object");
}

TEST(Json, ErrorsShowHostileTextSafely) {
  std::string endless(1 << 20, 'x');
  std::string text = "{\"act\": \"\\u001b[2J" + endless + "\"}";
  std::string message = errorOf(text, [](JsonFields &fields) { fields.getInt("act", 0, 0, 1); });
  EXPECT_NE(message.find("\\x1b[2J"), std::string::npos);
  EXPECT_LT(message.size(), 400u);
}

TEST(Json, NestingUpToTheLimitIsRead) {
  std::string deep = std::string(maxJsonDepth, '[') + std::string(maxJsonDepth, ']');
  EXPECT_TRUE(bool(parsed(deep).root().is_array()));
  auto deeper = JsonDocument::parse("[" + deep + "]", "x");
  ASSERT_FALSE(bool(deeper));
  EXPECT_EQ(llvm::toString(deeper.takeError()), "'x': nested deeper than 64 levels");
}

TEST(Json, ArraysOfContainersKeepTheirPlaces) { // adding to an array may move its elements while one of them is open
  JsonDocument document = parsed(R"([{"a": [1, [2, 3]]}, [], {"b": {"c": [4]}}, 5])");
  EXPECT_EQ(document.root(), nlohmann::json::parse(R"([{"a": [1, [2, 3]]}, [], {"b": {"c": [4]}}, 5])"));
}
