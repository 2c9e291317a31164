// The text form of results: digits, layout, and bytes that no reader must choke on.
#include "compiler/driver/JsonText.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::ordered_json;

TEST(FloatText, HasNineDigitsAndAPoint) {
  EXPECT_EQ(floatText(1.0 / 3), "0.333333333");
  EXPECT_EQ(floatText(1), "1.0");
  EXPECT_EQ(floatText(-0.0), "-0.0");
  EXPECT_EQ(floatText(1e-12), "1e-12");
  EXPECT_EQ(floatText(123456789), "123456789.0");
  EXPECT_EQ(floatText(1234567891), "1.23456789e+09");
}

TEST(FloatText, GivesBackEveryF32) {
  for (float value : {0.1f, 1e-45f, 3.4028235e38f, 16777217.0f, -0.70710678f, 1.17549435e-38f}) {
    EXPECT_EQ(std::strtof(floatText(value).c_str(), nullptr), value);
    float next = std::nextafterf(value, 0);
    EXPECT_EQ(std::strtof(floatText(next).c_str(), nullptr), next);
  }
}

TEST(FloatText, HasNoWordForWhatJsonCannotSay) {
  EXPECT_EQ(floatText(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(floatText(std::nan("")), "null");
}

TEST(JsonText, GivesALineToEachRecordAndField) {
  Json value = {{{"text", "a"}, {"tokens", {"x", "y"}}}, {{"text", "b"}, {"offsets", {{0, 1}, {2, 3}}}}};
  EXPECT_EQ(jsonText(value), "[\n  {\n    \"text\": \"a\",\n    \"tokens\": [\"x\", \"y\"]\n  },\n"
                             "  {\n    \"text\": \"b\",\n    \"offsets\": [[0, 1], [2, 3]]\n  }\n]\n");
  EXPECT_EQ(jsonText({{"n", 3}, {"rho", 0.5}}), "{\"n\": 3, \"rho\": 0.5}\n");
  EXPECT_EQ(jsonText(Json::array()), "[]\n");
}

TEST(JsonText, IsReadBackAsWritten) {
  Json value = {{"quote\"\n", "tab\t\x01 ü 中"}, {"list", {1, -2, true, nullptr, Json::object(), {{"x", {1.5f}}}}}};
  EXPECT_EQ(Json::parse(jsonText(value)), value);
}

TEST(JsonText, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Json::parse(jsonText(Json::array({"bad \xff\xfe"})))[0], "bad \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(FieldText, TakesNothingForGranted) {
  nlohmann::json object = {{"a", {{"b", "text\x1b"}, {"n", 7}}}, {"list", {1}}};
  EXPECT_EQ(fieldText(object, {"a", "b"}), "text\\x1b");
  EXPECT_EQ(fieldText(object, {"a", "n"}), "7");
  EXPECT_EQ(fieldText(object, {"a", "b", "c"}), "?");
  EXPECT_EQ(fieldText(object, {"list", "0"}), "?");
  EXPECT_EQ(fieldText(object, {"absent"}), "?");
}

} // namespace
} // namespace lathe::test
