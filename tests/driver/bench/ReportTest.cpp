// Rates and names of what a bench reports. Scripts read the JSON: a name that changes breaks them.
#include "compiler/driver/bench/Report.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::ordered_json;

/// 500 GFLOP/s and 50 GB/s; a run of 10 GFLOP on 2 GB of weights: 40 ms for its bytes, 20 ms for its arithmetic.
Setting setting() {
  MachineRoofs probed;
  probed.fmaF32 = 600e9;
  probed.dotBf16 = 1000e9;
  probed.readMemory = 45e9;
  probed.readL3 = 100e9;
  std::vector<RoofSample> samples = {{500e9, 80e9}, {560e9, 50e9}, {400e9, 40e9}};
  return {"a CPU", "avx512", 2, 8, 128, 1024, {10e9, 2e9, 1e6}, {32 << 10, 1 << 20, 32 << 20, 2}, probed, samples};
}
const Row row = {"lathe", {0.07, 0.08, 0.1}, 5e6, 0.002, std::nullopt};

TEST(Rates, CompareMediansWithMedians) {
  Rates rates = ratesOf(setting(), row);
  EXPECT_DOUBLE_EQ(rates.tokensPerSecond, 1024 / 0.08);
  EXPECT_DOUBLE_EQ(rates.flopsPerSecond, 125e9);
  EXPECT_DOUBLE_EQ(*rates.ofPeak, 0.25);
  EXPECT_DOUBLE_EQ(rates.weightBytesPerSecond, 25e9);
  EXPECT_DOUBLE_EQ(*rates.ofBandwidth, 0.5);
  EXPECT_DOUBLE_EQ(*rates.ofRoofline, 0.5) << "40 ms at best";
}

TEST(Rates, AreOfTheRowsOwnPrecision) {
  Setting setting = test::setting();
  for (RoofSample &sample : setting.samples)
    sample.dotBf16 = 2 * sample.fmaF32;
  Row bf16 = row;
  bf16.precision = Precision::BF16;
  Rates rates = ratesOf(setting, bf16);
  EXPECT_DOUBLE_EQ(*rates.ofPeak, 0.125) << "of 1000 GFLOP/s, the median of the samples";
  EXPECT_DOUBLE_EQ(rates.weightBytesPerSecond, 12.5e9) << "half the bytes of the artifact's";
  EXPECT_DOUBLE_EQ(*rates.ofRoofline, 0.25) << "20 ms for its bytes, 10 ms for its arithmetic";
  setting.precision = Precision::BF16;
  EXPECT_DOUBLE_EQ(ratesOf(setting, bf16).weightBytesPerSecond, 25e9);
  EXPECT_DOUBLE_EQ(ratesOf(setting, row).weightBytesPerSecond, 50e9) << "of f32 beside an artifact in bf16";
  bf16.precision = Precision::Int8;
  EXPECT_FALSE(ratesOf(setting, bf16).ofPeak) << "there is no unit for it";
}

/// Four tokens behind each of eight prompts, in 80 ms: of 10 GFLOP 8 in the pass over prompts, and half a GB of weights
/// in each pass.
Setting writing() {
  Setting setting = test::setting();
  setting.tokens = 32;
  setting.written = {{4}, {8e9, 0.5e9, 0}};
  return setting;
}

TEST(Rates, OfWritingCountPassesForThemselves) {
  Row own = row;
  own.first = Timing{0.01, 0.02, 0.03};
  Rates rates = ratesOf(writing(), own);
  EXPECT_DOUBLE_EQ(rates.tokensPerSecond, 400);
  EXPECT_DOUBLE_EQ(*rates.stepSeconds, 0.02);
  EXPECT_DOUBLE_EQ(*rates.ofRoofline, 0.575) << "16 ms of arithmetic for the prompts, 30 ms of reading for the others";
  EXPECT_DOUBLE_EQ(*rates.ofBandwidth, 0.5);
  EXPECT_FALSE(ratesOf(writing(), row).stepSeconds);
}

std::vector<std::string> keysOf(const Json &object) {
  std::vector<std::string> keys;
  for (auto &[key, value] : object.items())
    keys.push_back(key);
  return keys;
}

TEST(ReportJson, HasTheStableNames) {
  Json json = toJson(setting(), {row}, nullptr);
  EXPECT_EQ(keysOf(json), (std::vector<std::string>{"machine", "results"}));
  const Json &machine = json["machine"];
  EXPECT_EQ(keysOf(machine), (std::vector<std::string>{"cpu", "isa", "threads", "peak_gflops", "read_gb_per_s",
                                                       "cache_gb_per_s", "unit_gflops", "probes"}));
  EXPECT_EQ(machine["peak_gflops"], Json({{"f32", 500e9 * 1e-9}, {"bf16", 1000e9 * 1e-9}, {"int8", nullptr}}));
  EXPECT_EQ(machine["read_gb_per_s"], 50e9 * 1e-9);
  EXPECT_EQ(keysOf(machine["cache_gb_per_s"]), (std::vector<std::string>{"l1", "l2", "l3"}));
  EXPECT_EQ(machine["cache_gb_per_s"]["l1"], nullptr);
  EXPECT_EQ(machine["probes"].size(), 3u);
  EXPECT_EQ(machine["probes"][2], Json({{"f32_gflops", 400e9 * 1e-9}, {"read_gb_per_s", 40e9 * 1e-9}}));
  EXPECT_EQ(
      keysOf(json["results"][0]),
      (std::vector<std::string>{"contender", "batch", "seq", "precision", "min_ms", "median_ms", "p99_ms",
                                "tokens_per_s", "gflops", "fraction_of_peak", "weight_gb_per_s",
                                "fraction_of_bandwidth", "fraction_of_roofline", "rss_mb", "load_ms", "max_abs_diff"}));
  EXPECT_EQ(json["results"][0]["max_abs_diff"], nullptr);
}

TEST(ReportJson, SaysWhatWasWritten) {
  Row own = row;
  own.first = Timing{0.01, 0.02, 0.03};
  const Json json = toJson(writing(), {own, row}, nullptr)["results"];
  EXPECT_EQ(json[0]["new_tokens"], 4);
  EXPECT_EQ(json[0]["num_beams"], 1);
  EXPECT_EQ(json[0]["first_ms"], 20);
  EXPECT_EQ(json[0]["step_ms"], 20);
  EXPECT_EQ(json[1]["first_ms"], 80) << "where one token is all that is written";
  EXPECT_EQ(json[1]["step_ms"], nullptr);
}

TEST(ReportJson, SaysThePrecisionOfEachRow) {
  Setting setting = test::setting();
  for (RoofSample &sample : setting.samples)
    sample.dotBf16 = 900e9;
  Row peer = {"openvino-bf16", {0.1, 0.2, 0.3}, 2e9, 30, 1e-5, Precision::BF16};
  Json json = toJson(setting, {row, peer}, nullptr);
  EXPECT_EQ(json["results"][0]["precision"], "f32");
  EXPECT_EQ(json["results"][1]["precision"], "bf16");
  EXPECT_EQ(json["machine"]["peak_gflops"]["bf16"], 900e9 * 1e-9);
  EXPECT_EQ(json["machine"]["probes"][0]["bf16_gflops"], 900e9 * 1e-9);
  EXPECT_FALSE(json["machine"]["probes"][0].contains("int8_gflops"));
}

TEST(ReportJson, IsNullWhereTheMachineWasNotMeasured) {
  Setting unknown = setting();
  unknown.probed = {};
  unknown.samples = {};
  Json json = toJson(unknown, {row}, nullptr);
  EXPECT_EQ(json["machine"]["peak_gflops"]["f32"], nullptr);
  for (const char *field : {"fraction_of_peak", "fraction_of_bandwidth", "fraction_of_roofline"})
    EXPECT_EQ(json["results"][0][field], nullptr) << field;
  EXPECT_DOUBLE_EQ(json["results"][0]["gflops"], 125);
}

TEST(ReportJson, ProfilesEveryStep) {
  StepWork gemm = {"layer/w", "lathe_gemm_f32", 12, {.flops = 4e9, .weightBytes = 1e6, .activationBytes = 1e3}};
  Profile profile = {{{gemm, 24, 0.48, 0.72}}, 2, 2, 0.5};
  Json json = toJson(setting(), {row}, &profile);
  EXPECT_EQ(keysOf(json["profile"][0]),
            (std::vector<std::string>{"step", "kernel", "calls", "seconds", "share", "precision", "gflops",
                                      "fraction_of_roofline", "weight_bytes", "activation_bytes", "idle_share"}));
  EXPECT_EQ(json["profile"][0]["precision"], "f32");
  EXPECT_EQ(json["profile"][0]["step"], "layer/w");
  EXPECT_DOUBLE_EQ(json["profile"][0]["gflops"], 200);
  EXPECT_DOUBLE_EQ(json["profile"][0]["fraction_of_roofline"], 0.4) << "8 of 20 ms";
  EXPECT_DOUBLE_EQ(json["profile"][0]["idle_share"], 0.25);
  EXPECT_EQ(keysOf(json["profile_total"]),
            (std::vector<std::string>{"runs", "seconds", "step_seconds", "idle_share", "outside_share"}));
}

TEST(ReportText, FitsAScreenAndSaysThatTheMachineVaried) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Row peer = {"torch-compile", {0.1, 0.2, 0.3}, 2e9, 30, 1e-5};
  print(os, setting(), {row, peer});
  for (llvm::StringRef line : llvm::split(text, '\n'))
    EXPECT_LE(line.size(), 112u) << line.str();
  EXPECT_NE(text.find("400 to 560 GFLOP/s and 40.0 to 80.0 GB/s"), std::string::npos) << text;
  EXPECT_NE(text.find("2.50 times as fast as torch-compile"), std::string::npos) << text;
  text.clear();
  Setting quiet = setting();
  quiet.samples = {{500e9, 50e9}, {520e9, 49e9}};
  print(os, quiet, {row});
  EXPECT_EQ(text.find("while contenders ran"), std::string::npos) << text;
}

TEST(ReportText, SaysWhatBf16IsComparedWith) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Setting setting = test::setting();
  setting.precision = Precision::BF16;
  for (RoofSample &sample : setting.samples)
    sample.dotBf16 = 2 * sample.fmaF32;
  Row own = row;
  own.precision = Precision::BF16;
  print(os, setting, {own, {"onnxruntime-int8", {0.1, 0.2, 0.3}, 2e9, 30, 1e-5, Precision::Int8}});
  for (const char *part :
       {"500 GFLOP/s f32, 1000 bf16, reads", "400 to 560 GFLOP/s, 800 to 1120 bf16 and 40.0 to 80.0 GB/s",
        "2000.0 MB of weights, bf16", "onnxruntime-int8  100.000"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  for (llvm::StringRef line : llvm::split(text, '\n'))
    EXPECT_LE(line.size(), 112u) << line.str();
}

TEST(ReportText, SaysWhatWasWritten) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Row own = row;
  own.first = Timing{0.01, 0.02, 0.03};
  Setting setting = writing();
  setting.written->beams = 2;
  print(os, setting, {own});
  for (const char *part : {"8 x 128, 4 tokens written for each by 2 beams:",
                           "lathe: the first token after 20.000 ms, each other after 20.000 ms more"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

TEST(ReportText, ShowsEveryStep) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Profile profile = {{{{"layer/first.weight", "lathe_gemm_f32", 1, {1e9, 1e6, 1e3}}, 1, 0.1, 0.1},
                      {{"layer/second", "lathe_add_f32", 1, {0, 0, 1e3}}, 1, 0.1, 0.1}},
                     1,
                     2,
                     0.4};
  print(os, setting(), profile);
  for (const char *part : {"layer/first ", "layer/second", " gemm_f32", "50.0%", "idle in steps: 50.0%"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

} // namespace
} // namespace lathe::test
