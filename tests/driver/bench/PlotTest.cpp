// The roofline picture: scales, that everything measured is on it, that words do not lie on each other.
#include "compiler/driver/bench/Plot.h"
#include "compiler/driver/bench/LogScale.h"
#include "compiler/driver/bench/Svg.h"
#include "tests/driver/Errors.h"

#include <regex>

namespace lathe::test {
namespace {

TEST(LogScale, MapsDecadesToEqualLengths) {
  LogScale scale(1, 1000, 100, 400);
  EXPECT_DOUBLE_EQ(scale.at(1), 100);
  EXPECT_DOUBLE_EQ(scale.at(10), 200);
  EXPECT_DOUBLE_EQ(scale.at(100), 300);
  EXPECT_DOUBLE_EQ(scale.at(1000), 400);
  EXPECT_DOUBLE_EQ(scale.at(0.001), 100);
  EXPECT_DOUBLE_EQ(scale.at(1e9), 400);
  LogScale upwards(1, 100, 400, 200);
  EXPECT_DOUBLE_EQ(upwards.at(10), 300) << "a vertical axis grows upwards";
}

TEST(LogScale, EndsAndTicksAreRound) {
  LogScale scale(0.13, 42, 0, 1);
  EXPECT_DOUBLE_EQ(scale.first(), 0.1);
  EXPECT_DOUBLE_EQ(scale.last(), 50);
  std::vector<double> ticks = scale.ticks(), expected = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50};
  ASSERT_EQ(ticks.size(), expected.size());
  for (size_t i = 0; i < ticks.size(); ++i)
    EXPECT_DOUBLE_EQ(ticks[i], expected[i]);
  EXPECT_LT(LogScale(5, 5, 0, 1).first(), LogScale(5, 5, 0, 1).last());
}

/// A machine of 500 GFLOP/s and 50 GB/s.
Setting setting() {
  MachineRoofs roofs;
  roofs.fmaF32 = 500e9;
  roofs.readL2 = 500e9;
  roofs.readL3 = 250e9;
  roofs.readMemory = 50e9;
  return {"a CPU", "avx512", 2, 1, 16, 16, {2.7e9, 340e6, 0}, {48 << 10, 1 << 20, 32 << 20, 2}, roofs, {}};
}

/// Two steps share a kernel, three lie at the same place, two have no products.
Profile profile() {
  Work product = {1e9, 100e6, 1e6}, bytes = {0, 0, 1e6};
  return {{{{"l/q", "lathe_gemm_f32_bias", 12, product}, 12, 0.03, 0.06},
           {{"l/f", "lathe_gemm_f32_bias_gelu", 12, product}, 12, 0.04, 0.08},
           {{"l/o", "lathe_gemm_f32_bias_residual", 12, product}, 12, 0.041, 0.08},
           {{"l/w", "lathe_gemm_f32_bias", 12, product}, 12, 0.05, 0.1},
           {{"l/attention", "lathe_attention_f32_head_dim64", 12, {1e7, 0, 1e6}}, 12, 0.005, 0.01},
           {{"l/norm", "lathe_layer_norm_f32", 12, bytes}, 12, 0.001, 0.002},
           {{"e/odd<&\">", "lathe_odd<&\">", 1, bytes}, 1, 0.001, 0.002}},
          1,
          2,
          0.2};
}

std::vector<Row> rows() {
  std::vector<Row> rows;
  for (auto [name, seconds] : {std::pair("lathe", 0.0084),
                               {"eager", 0.0350},
                               {"unfused", 0.0089},
                               {"onnxruntime", 0.0105},
                               {"openvino", 0.0106},
                               {"torch-compile", 0.03}})
    rows.push_back({name, {seconds, seconds, seconds}, 0, 0, std::nullopt});
  return rows;
}

std::string picture() { return llvm::cantFail(drawRoofline("BERT & co", setting(), rows(), profile())); }

TEST(MergeByKernel, AddsStepsAndSortsByTime) {
  std::vector<KernelPoint> points = mergeByKernel(setting(), profile());
  ASSERT_EQ(points.size(), 6u);
  EXPECT_EQ(points[0].kernel, "lathe_gemm_f32_bias");
  EXPECT_EQ(points[0].steps, (std::vector<std::string>{"l/q", "l/w"}));
  EXPECT_DOUBLE_EQ(points[0].seconds, 0.08);
  EXPECT_NEAR(points[0].share, 0.08 / 0.168, 1e-12);
  EXPECT_DOUBLE_EQ(points[0].work.flops, 24e9);
  EXPECT_DOUBLE_EQ(points[0].rooflineSeconds, 24 * 0.002) << "its arithmetic and its bytes take 2 ms each";
  double share = 0;
  for (const KernelPoint &point : points)
    share += point.share;
  EXPECT_NEAR(share, 1, 1e-12);
}

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(Plot, ShowsEveryKernelRunAndRoof) {
  std::string svg = picture();
  for (const char *words :
       {">gemm_f32_bias<", ">gemm_f32_bias_gelu<", ">gemm_f32_bias_residual<", ">attention_f32_head_dim64<",
        ">layer_norm<", ">odd&lt;&amp;&quot;&gt;<", ">f32 peak 500 GFLOP/s<", ">memory 50 GB/s<", ">L3 250 GB/s<",
        ">L2 500 GB/s<", ">BERT &amp; co<", ">lathe 81%<", ">eager 19%<", ">torch-compile 23%<", "l/q, l/w"})
    EXPECT_NE(svg.find(words), std::string::npos) << words;
  EXPECT_EQ(count(svg, "<circle class=\"step\""), 6u + 1) << "the kernels and the legend";
  EXPECT_EQ(count(svg, "class=\"own\""), 1u + 1);
  EXPECT_EQ(count(svg, "class=\"other\""), 5u + 1);
}

TEST(Plot, IsWellFormedAndSeenOnDarkGround) {
  std::string svg = picture();
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_EQ(svg.rfind("<svg xmlns=", 0), 0u);
  std::vector<std::string> open;
  std::regex tag("<(/?)([a-z]+)[^<>]*?(/?)>");
  for (std::sregex_iterator at(svg.begin(), svg.end(), tag), end; at != end; ++at) {
    std::string name = (*at)[2];
    if ((*at)[1].length()) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    } else if (!(*at)[3].length()) {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

/// Where a label's words are, as far as one can tell without a font.
SvgBox boxOf(const std::smatch &label) {
  double x = std::stod(label[1]), y = std::stod(label[2]), width = 6.0 * label[4].length();
  double left = label[3] == "start" ? x : label[3] == "end" ? x - width : x - width / 2;
  return {left, y - 10, left + width, y + 2};
}

TEST(Plot, LabelsDoNotLieOnEachOther) {
  std::string svg = picture();
  std::regex label("<text class=\"label\" x=\"([0-9.]+)\" y=\"([0-9.]+)\" text-anchor=\"([a-z]+)\">([^<]*)<");
  std::vector<SvgBox> boxes;
  for (std::sregex_iterator at(svg.begin(), svg.end(), label), end; at != end; ++at) {
    SvgBox box = boxOf(*at);
    for (const SvgBox &other : boxes)
      EXPECT_FALSE(box.meets(other)) << (*at)[4];
    EXPECT_TRUE((SvgBox{0, 0, 1040, 660}).contains(box)) << (*at)[4];
    boxes.push_back(box);
  }
  EXPECT_EQ(boxes.size(), 6u + 6u);
}

TEST(Plot, ShowsAPeakForEachPrecision) {
  Setting own = setting();
  own.probed.dotBf16 = 1000e9;
  own.precision = Precision::BF16;
  std::vector<Row> contenders = rows();
  contenders.front().precision = Precision::BF16;
  Profile steps = profile();
  steps.steps.front().step.kernel = "lathe_gemm_bf16_bias";
  steps.steps.back().step.kernel = "lathe_embed_bf16_tables2";
  std::string svg = llvm::cantFail(drawRoofline("m", own, contenders, steps));
  for (const char *words : {">f32 peak 500 GFLOP/s<", ">bf16 peak 1000 GFLOP/s<", ">gemm_bf16_bias<", ">embed<",
                            "GFLOP, bf16<", ">lathe 81%<", ">eager 39%<"})
    EXPECT_NE(svg.find(words), std::string::npos) << words;
  EXPECT_EQ(count(svg, "class=\"whole\""), 2u) << "the bytes of bf16, and of f32";
  EXPECT_EQ(svg.find("int8 peak"), std::string::npos);
}

TEST(Plot, NeedsRoofs) {
  Setting unknown = setting();
  unknown.probed = {};
  expectError(drawRoofline("m", unknown, rows(), profile()), {"not measured"});
}

TEST(Plot, WithoutStepsThatOnlyMoveBytesHasNoStrip) {
  Profile products = profile();
  products.steps.resize(5);
  std::string svg = llvm::cantFail(drawRoofline("m", setting(), rows(), products));
  EXPECT_EQ(svg.find("without products"), std::string::npos);
  EXPECT_NE(picture().find("without products"), std::string::npos);
}

TEST(SvgEscape, LeavesNothingThatXmlCannotHold) {
  EXPECT_EQ(svgEscape("a<b>&\"c\"\x01\xff"), "a&lt;b&gt;&amp;&quot;c&quot;??");
}

} // namespace
} // namespace lathe::test
