// Threads run panels at the same time, so no two may write the same element, and together they must write all.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

using PanelsTest = KernelTest;

/// Runs every panel by itself into an empty `out` and counts who writes what.
void expectEachElementOnce(const char *family, const char *params, const std::vector<Arg> &args,
                           const Guarded<float> &out, int64_t atLeastPanels, Target target = {}) {
  SCOPED_TRACE(testing::Message() << family << " " << params << " for " << target.name());
  const Kernel &kernel = Kernel::get(family, params, target);
  int64_t panels = kernel.panels(args);
  EXPECT_GE(panels, atLeastPanels) << "too few panels to share among threads";
  GuardedBytes scratch(kernel.scratchBytes(), /*alignment=*/64);
  std::vector<int> writers(out.size());
  for (int64_t panel = 0; panel < panels; ++panel) {
    std::fill(out.begin(), out.end(), NAN);
    kernel.call(args, panel, panel + 1, scratch.data());
    for (size_t i = 0; i < out.size(); ++i)
      writers[i] += !std::isnan(out[i]);
  }
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(writers[i], 1) << "element " << i;
}

TEST_F(PanelsTest, EveryElementIsWrittenByOnePanel) {
  Gaussian random(1);
  Guarded<float> x(random.vector(20000)), y(random.vector(20000)), vector(random.vector(512));
  auto out = [](size_t count) { return Guarded<float>(count); };
  {
    auto o = out(300 * 100);
    expectEachElementOnce("gemm_f32", "{}", {x.data(), 8, y.data(), 0, 0, 0, o.data(), 100, 300, 100, 8}, o, 9);
  }
  {
    auto o = out(128 * 384);
    Guarded<float> w(384 * 4);
    std::fill(w.begin(), w.end(), 1.0f);
    expectEachElementOnce("gemm_f32", "{}", {x.data(), 4, w.data(), 0, 0, 0, o.data(), 384, 128, 384, 4}, o, 8);
  }
  for (Target target : {Target(), Target(IsaLevel::Avx512Bf16), Target::emulatedAmx(), Target(IsaLevel::Amx)}) {
    if (!whyUnsupported(target).empty())
      continue; // Bf16Test says so
    auto o = out(300 * 100);
    Guarded<uint16_t> ones(300 * 8), w(112 * 8);
    for (const Guarded<uint16_t> *values : {&ones, &w})
      std::fill(values->begin(), values->end(), toBf16(1));
    expectEachElementOnce("gemm_bf16", "{}", {ones.data(), 8, w.data(), 0, 0, 0, o.data(), 100, 300, 100, 8}, o, 9,
                          target);
  }
  {
    auto o = out(305 * 10);
    Guarded<int32_t> bounds(std::vector<int32_t>{0, 300, 305});
    expectEachElementOnce("attention_f32", "{head_dim = 5}",
                          {x.data(), 10, y.data(), 10,  x.data(), 10, o.data(), 10, bounds.data(),
                           2,        2,  1.0f,     300, 0,        0,  0,        0,  0,
                           0,        0,  0,        0,   0,        0,  0,        0,  0,
                           0,        0,  0,        0,   0,        0,  0},
                          o, 12);
  }
  {
    auto o = out(30 * 20);
    expectEachElementOnce("layer_norm_f32", "{}",
                          {x.data(), 20, 0, 0, vector.data(), vector.data(), o.data(), 20, 30, 20, 1e-5f, 0, 0, 0}, o,
                          4);
    expectEachElementOnce("rotate_f32", "{head_dim = 2}", {x.data(), 20, y.data(), 20, o.data(), 20, 30, 10}, o, 4);
    Guarded<int32_t> positions(std::vector<int32_t>(30, 3));
    expectEachElementOnce("angles_f32", "{}", {positions.data(), vector.data(), o.data(), 20, 30, 10}, o, 4);
    expectEachElementOnce("normalize_f32", "{}", {x.data(), 20, o.data(), 20, 30, 20, 1e-5f}, o, 4);
    expectEachElementOnce("softmax_f32", "{}", {x.data(), o.data(), 30, 20}, o, 4);
    expectEachElementOnce("add_f32", "{}", {x.data(), 20, y.data(), 20, o.data(), 20, 30, 20}, o, 2);
    expectEachElementOnce("copy_f32", "{}", {x.data(), 20, o.data(), 20, 30, 20}, o, 2);
    Guarded<int32_t> ids(std::vector<int32_t>(30, 3));
    expectEachElementOnce("embed_f32", "{tables = 1}",
                          {o.data(), 20, 30, 20, 0, 0, 0.0f, x.data(), ids.data(), 0, 0, 0, 0, 0, 0, 0, 0, 0}, o, 4);
  }
  {
    auto o = out(3 * 20);
    Guarded<int32_t> bounds(std::vector<int32_t>{0, 4, 4, 9});
    expectEachElementOnce("pool_f32", R"({mode = "mean"})",
                          {x.data(), 20, bounds.data(), o.data(), 20, 3, 20, 0, 5, 0, 0}, o, 3);
  }
  {
    auto o = out(9000);
    expectEachElementOnce("unary_f32", R"({op = "scale"})", {x.data(), o.data(), 9000, 2.0f}, o, 3);
  }
  {
    auto o = out(2 * 3 * 7 * 5);
    expectEachElementOnce("split_heads_f32", "{}", {x.data(), o.data(), 15, 2, 7, 3, 5, 1}, o, 6);
    expectEachElementOnce("merge_heads_f32", "{}", {x.data(), o.data(), 15, 2, 7, 3, 5}, o, 6);
  }
  {
    auto o = out(2 * 20 * 50);
    for (const char *params : {"{}", "{transpose_b = true}"})
      expectEachElementOnce("batched_matmul_f32", params, {x.data(), y.data(), o.data(), 2, 20, 50, 30}, o, 4);
  }
  {
    auto o = out(2 * 3 * 7 * 7);
    Guarded<uint8_t> mask(std::vector<uint8_t>(14, 1));
    expectEachElementOnce("mask_scores_f32", "{}", {x.data(), o.data(), mask.data(), 2, 3, 7, 7}, o, 6);
    Guarded<int32_t> columns(std::vector<int32_t>(14, 1));
    expectEachElementOnce("distance_scores_f32", "{windowed = true}",
                          {x.data(), o.data(), 2, 3, 7, columns.data(), 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                          o, 6);
  }
}

} // namespace
