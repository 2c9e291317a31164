// Norms that store rows once more as factors of products: what they store is, bit for bit, what round_bf16 and
// quantize_u8 make of the rows that they store without.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

struct Form {
  const char *name, *kernel;
  int64_t header, bytes; ///< of a row, before its elements, and of an element
  IsaLevel level;
};
const Form forms[] = {
    {"bf16", "round_bf16", 0, 2, IsaLevel::Avx512},
    {"bf16", "round_bf16", 0, 2, IsaLevel::Avx512Bf16},
    {"u8", "quantize_u8", 64, 1, IsaLevel::Avx512},
};

class RoundedRowsTest : public KernelTest, public testing::WithParamInterface<Form> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam().level); !why.empty())
      GTEST_SKIP() << why;
  }

  /// Rows of factors as the form stores them; the last one ends with the vector that has its last element.
  struct Factors {
    int64_t stride; ///< in elements, of bytes with their header
    Guarded<uint8_t> bytes;
    Factors(const Form &form, RowShape shape)
        : stride(form.header + alignTo(shape.width, 64)),
          bytes(shape.rows
                    ? (shape.rows - 1) * stride * form.bytes + form.header + alignTo(shape.width, 16) * form.bytes
                    : 0) {}
  };

  /// `run` calls a kernel that stores rows [rows][ldy] in y, and as factors.
  template <typename Run> void check(RowShape shape, Run run) {
    check(shape, run, /*smoothed=*/false);
    if (GetParam().header)
      check(shape, run, /*smoothed=*/true);
  }

private:
  template <typename Run> void check(RowShape shape, Run run, bool smoothed) {
    const Form &form = GetParam();
    SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width << (smoothed ? ", smoothed" : ""));
    Gaussian random(shape.width);
    const Guarded<float> smoothing(random.vector(shape.width));
    const int64_t ldy = shape.width + 3;
    const size_t size = shape.rows ? (shape.rows - 1) * ldy + shape.width : 0;
    Guarded<float> plain(size), y(size), split(size);
    Factors factors(form, shape), splitFactors(form, shape), expected(form, shape);
    const float *by = smoothed ? smoothing.begin() : nullptr;
    run("", plain, nullptr, 0, by, ldy, 0);
    const std::string rounded = std::string("rounded = \"") + form.name + (smoothed ? "\", smoothed = true" : "\"");
    run(rounded, y, factors.bytes.data(), factors.stride, by, ldy, 0);
    run(rounded, split, splitFactors.bytes.data(), splitFactors.stride, by, ldy, 1);
    EXPECT_TRUE(sameBits(y, plain));
    EXPECT_TRUE(sameBits(split, plain));
    EXPECT_TRUE(sameBits(factors.bytes, splitFactors.bytes));
    std::vector<Arg> args = {plain.data(), ldy, expected.bytes.data(), expected.stride, shape.rows, shape.width};
    if (form.header) {
      args.push_back(nullptr); // a range, if it were fixed
      args.push_back(by);
    }
    Kernel::get(form.kernel, smoothed ? "{smoothed = true}" : "{}", form.level).run(args);
    EXPECT_TRUE(sameBits(factors.bytes, expected.bytes));
  }
};

class RoundedNormsTest : public RoundedRowsTest {
protected:
  /// Of norms with these parameters.
  void checkNorms(const std::string &norm);
};

void RoundedNormsTest::checkNorms(const std::string &norm) {
  Gaussian random(1);
  for (bool residual : {false, true})
    for (RowShape shape : rowOddShapes()) {
      const int64_t ldx = shape.width + 2;
      const size_t size = shape.rows ? (shape.rows - 1) * ldx + shape.width : 0;
      Guarded<float> x(random.vector(size)), r(random.vector(size));
      Guarded<float> gamma(random.vector(shape.width)), beta(random.vector(shape.width));
      if (shape.width % 2) // rows without a range
        std::fill(gamma.begin(), gamma.end(), 0.0f), std::fill(beta.begin(), beta.end(), 0.0f);
      check(shape, [&](const std::string &rounded, Guarded<float> &y, const uint8_t *factors, int64_t stride,
                       const float *smoothing, int64_t ldy, int64_t panelsPerCall) {
        std::string params = norm;
        for (const std::string &more : {std::string(residual ? "residual = true" : ""), rounded})
          params += (params.empty() || more.empty() ? "" : ", ") + more;
        Kernel::get("layer_norm_f32", "{" + params + "}", rounded.empty() ? IsaLevel::Avx512 : GetParam().level)
            .run({x.data(), ldx, r.data(), ldx, gamma.data(), beta.data(), y.data(), ldy, shape.rows, shape.width,
                  1e-5f, factors, stride, smoothing},
                 panelsPerCall);
      });
    }
}

TEST_P(RoundedNormsTest, OfLayers) { checkNorms(""); }
TEST_P(RoundedNormsTest, ByTheRootOfSquares) { checkNorms("unbiased = true, rms = true"); }

TEST_P(RoundedRowsTest, OfEmbeddings) {
  Gaussian random(2);
  for (RowShape shape : rowOddShapes()) {
    constexpr int64_t entries = 37;
    Guarded<float> table(random.vector(entries * shape.width));
    Guarded<float> gamma(random.vector(shape.width)), beta(random.vector(shape.width));
    Guarded<int32_t> ids(shape.rows);
    for (int32_t &id : ids)
      id = static_cast<int32_t>(random.below(entries));
    check(shape, [&](const std::string &rounded, Guarded<float> &y, const uint8_t *factors, int64_t stride,
                     const float *smoothing, int64_t ldy, int64_t panelsPerCall) {
      const std::string params = "{tables = 1, norm = true" + (rounded.empty() ? "" : ", " + rounded) + "}";
      Kernel::get("embed_f32", params, rounded.empty() ? IsaLevel::Avx512 : GetParam().level)
          .run({y.data(), ldy, shape.rows, shape.width, gamma.data(), beta.data(), 1e-5f, table.data(), ids.data(),
                nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, factors, stride, smoothing},
               panelsPerCall);
    });
  }
}

const auto nameOfForm = [](const auto &info) {
  return info.param.name + std::string(info.param.level == IsaLevel::Avx512 ? "_avx512" : "_avx512_bf16");
};
INSTANTIATE_TEST_SUITE_P(Forms, RoundedRowsTest, testing::ValuesIn(forms), nameOfForm);
INSTANTIATE_TEST_SUITE_P(Forms, RoundedNormsTest, testing::ValuesIn(forms), nameOfForm);

} // namespace
