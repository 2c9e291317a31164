#include "KernelTest.h"

#include <cstring>

using namespace lathe::test;

namespace {

using RowsTest = KernelTest;

/// LayerNorm of one row, in double.
std::vector<double> layerNorm(const std::vector<double> &row, const float *gamma, const float *beta, double epsilon) {
  // Without a beta: null.
  double mean = 0, variance = 0;
  for (double value : row)
    mean += value / row.size();
  for (double value : row)
    variance += (value - mean) * (value - mean) / row.size();
  std::vector<double> result;
  for (size_t i = 0; i < row.size(); ++i)
    result.push_back((row[i] - mean) / std::sqrt(variance + epsilon) * gamma[i] + (beta ? beta[i] : 0));
  return result;
}

TEST_F(RowsTest, LayerNorm) {
  Gaussian random(1);
  for (bool residual : {false, true})
    for (RowShape shape : rowOddShapes())
      // A mean far from 0 is what loses digits where the variance is computed from squares.
      for (float offset : {0.0f, 100.0f}) {
        SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width << " residual " << residual);
        int64_t ld = shape.width + random.below(3);
        size_t size = shape.rows ? (shape.rows - 1) * ld + shape.width : 0;
        std::vector<float> values = random.vector(size);
        for (float &value : values)
          value += offset;
        Guarded<float> x(values), r(random.vector(size)), y(size), split(size);
        Guarded<float> gamma(random.vector(shape.width)), beta(random.vector(shape.width));
        const Kernel &kernel = Kernel::get("layer_norm_f32", residual ? "{residual = true}" : "{}");
        auto run = [&](const Guarded<float> &target, int64_t panelsPerCall) {
          kernel.run({x.data(), ld, r.data(), ld, gamma.data(), beta.data(), target.data(), ld, shape.rows, shape.width,
                      1e-5f, nullptr, 0, nullptr},
                     panelsPerCall);
        };
        run(y, 0);
        run(split, 1);
        EXPECT_TRUE(sameBits(y, split));
        double worst = 0;
        for (int64_t m = 0; m < shape.rows; ++m) {
          std::vector<double> row;
          for (int64_t h = 0; h < shape.width; ++h)
            row.push_back(residual ? float(x[m * ld + h] + r[m * ld + h]) : x[m * ld + h]);
          std::vector<double> expected = layerNorm(row, gamma.begin(), beta.begin(), 1e-5f);
          for (int64_t h = 0; h < shape.width; ++h)
            worst = std::max(worst, errorOf(y[m * ld + h], expected[h]));
        }
        // The mean itself is known to a rounding of its size, which the deviation then scales up.
        EXPECT_LE(worst, offset ? 5e-4 : 5e-6);
        // In place, over either operand.
        run(residual ? r : x, 0);
        for (size_t i = 0; i < size; ++i)
          if (static_cast<int64_t>(i % ld) < shape.width) {
            ASSERT_EQ((residual ? r : x)[i], y[i]);
          }
      }
}

TEST_F(RowsTest, NormsWithoutABeta) {
  Gaussian random(6);
  for (RowShape shape : {RowShape{9, 40}, RowShape{3, 64}}) {
    const int64_t size = shape.rows * shape.width;
    Guarded<float> x(random.vector(size)), gamma(random.vector(shape.width)), y(size), embedded(size);
    Guarded<int32_t> ids(shape.rows);
    for (int64_t row = 0; row < shape.rows; ++row)
      ids[row] = int32_t(row);
    Kernel::get("layer_norm_f32", "{unbiased = true}")
        .run({x.data(), shape.width, nullptr, 0, gamma.data(), nullptr, y.data(), shape.width, shape.rows, shape.width,
              1e-5f, nullptr, 0, nullptr});
    Kernel::get("embed_f32", "{tables = 1, norm = true, unbiased = true}")
        .run({embedded.data(), shape.width, shape.rows, shape.width, gamma.data(), nullptr, 1e-5f, x.data(), ids.data(),
              0, 0, 0, 0, 0, 0, nullptr, 0, nullptr});
    EXPECT_TRUE(sameBits(y, embedded));
    for (int64_t row = 0; row < shape.rows; ++row) {
      const float *from = &x[row * shape.width];
      std::vector<double> expected = layerNorm({from, from + shape.width}, gamma.begin(), nullptr, 1e-5f);
      for (int64_t i = 0; i < shape.width; ++i)
        ASSERT_LE(errorOf(y[row * shape.width + i], expected[i]), 5e-6);
    }
  }
}

TEST_F(RowsTest, RmsNorm) {
  Gaussian random(8);
  for (bool residual : {false, true})
    for (RowShape shape : rowOddShapes()) {
      SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width << " residual " << residual);
      const int64_t size = shape.rows * shape.width;
      Guarded<float> x(random.vector(size)), r(random.vector(size)), gamma(random.vector(shape.width)), y(size);
      Kernel::get("layer_norm_f32",
                  residual ? "{unbiased = true, rms = true, residual = true}" : "{unbiased = true, rms = true}")
          .run({x.data(), shape.width, r.data(), shape.width, gamma.data(), nullptr, y.data(), shape.width, shape.rows,
                shape.width, 1e-5f, nullptr, 0, nullptr});
      for (int64_t m = 0; m < shape.rows; ++m) {
        std::vector<double> row;
        double squares = 0;
        for (int64_t h = 0; h < shape.width; ++h) {
          const int64_t at = m * shape.width + h;
          row.push_back(residual ? float(x[at] + r[at]) : x[at]);
          squares += row.back() * row.back() / double(shape.width);
        }
        for (int64_t h = 0; h < shape.width; ++h)
          ASSERT_LE(errorOf(y[m * shape.width + h], row[h] / std::sqrt(squares + 1e-5f) * gamma[h]), 5e-6);
      }
    }
}

TEST_F(RowsTest, HeadNorm) {
  Gaussian random(9);
  for (int64_t headDim : {1, 15, 16, 20, 128}) {
    const int64_t rows = 11, heads = 3, width = heads * headDim, ldx = width + 3, ldy = width + 1;
    Guarded<float> x(random.vector((rows - 1) * ldx + width)), gamma(random.vector(headDim));
    Guarded<float> y((rows - 1) * ldy + width);
    Kernel::get("head_norm_f32", "{}")
        .run({x.data(), ldx, gamma.data(), y.data(), ldy, rows, heads, headDim, 1e-5f}, 1);
    EXPECT_TRUE(y.intact());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t head = 0; head < heads; ++head) {
        const float *from = &x[row * ldx + head * headDim];
        double squares = 0;
        for (int64_t i = 0; i < headDim; ++i)
          squares += double(from[i]) * from[i] / double(headDim);
        for (int64_t i = 0; i < headDim; ++i)
          ASSERT_LE(errorOf(y[row * ldy + head * headDim + i], from[i] / std::sqrt(squares + 1e-5f) * gamma[i]), 5e-6);
      }
  }
}

/// Angles of all sizes that models have, near quarter turns too.
TEST_F(RowsTest, Angles) {
  Gaussian random(7);
  for (int64_t n : {1, 5, 16, 32, 33}) {
    const int64_t rows = 400, ldy = 2 * n + 3;
    std::vector<float> values = {1.0f, float(M_PI / 2), 1e-3f, 0.70710678f};
    values.resize(alignTo(n, 16));
    for (int64_t i = 4; i < n; ++i)
      values[i] = std::abs(random.normal());
    Guarded<float> frequencies(values), y((rows - 1) * ldy + 2 * n);
    Guarded<int32_t> positions(rows);
    for (int64_t row = 0; row < rows; ++row)
      positions[row] = int32_t(row < 200 ? row : random.below(40000));
    const Kernel &kernel = Kernel::get("angles_f32", "{}");
    kernel.run({positions.data(), frequencies.data(), y.data(), ldy, rows, n}, 1);
    EXPECT_TRUE(y.intact());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < n; ++i) {
        const double angle = float(positions[row]) * frequencies[i];
        ASSERT_NEAR(y[row * ldy + i], std::cos(angle), 2e-7) << angle;
        ASSERT_NEAR(y[row * ldy + n + i], std::sin(angle), 2e-7) << angle;
      }
  }
}

TEST_F(RowsTest, Rotate) {
  Gaussian random(8);
  for (auto [headDim, rotated] : {std::pair<int64_t, int64_t>{2, 2}, {12, 12}, {64, 64}, {25, 12}, {80, 20}})
    for (bool narrow : {false, true})
      for (lathe::IsaLevel level : Kernel::levelsHere("rotate_f32", "{head_dim = 12, y_bf16 = true}")) {
        if (!narrow && level != lathe::IsaLevel::Avx512)
          continue;
        const int64_t rows = 19, heads = 3, width = heads * headDim, n = rotated / 2, ldx = width + 5, ldy = width + 2;
        Guarded<float> x(random.vector((rows - 1) * ldx + width)), angles(random.vector(rows * rotated));
        Guarded<float> y((rows - 1) * ldy + width);
        Guarded<uint16_t> half((rows - 1) * ldy + width);
        std::string params = "{head_dim = " + std::to_string(headDim);
        if (rotated < headDim)
          params += ", passed = " + std::to_string(headDim - rotated);
        Kernel::get("rotate_f32", params + (narrow ? ", y_bf16 = true}" : "}"), level)
            .run({x.data(), ldx, angles.data(), rotated, narrow ? Arg(half.data()) : Arg(y.data()), ldy, rows, heads},
                 1);
        EXPECT_TRUE(y.intact() && half.intact());
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t c = 0; c < width; ++c) {
            const int64_t first = c / headDim * headDim, i = (c - first) % n;
            const bool isSecond = c - first >= n, passes = c - first >= rotated;
            const double u = x[row * ldx + first + i], v = x[row * ldx + first + n + i];
            const double cosine = angles[row * rotated + i], sine = angles[row * rotated + n + i];
            const double expected = passes     ? x[row * ldx + c]
                                    : isSecond ? v * cosine + u * sine
                                               : u * cosine - v * sine;
            const double got = narrow ? fromBf16(half[row * ldy + c]) : y[row * ldy + c];
            ASSERT_LE(errorOf(got, expected), narrow ? 4e-3 : 1e-6) << headDim << " " << c;
          }
      }
}

/// Weights of which most are 0, as interpolation has them, or one is 1, or all are 0.
TEST_F(RowsTest, Blend) {
  Gaussian random(9);
  for (RowShape shape : rowOddShapes()) {
    const int64_t gridRows = 1 + random.below(6), gridColumns = 1 + random.below(6),
                  ldy = shape.width + random.below(3);
    Guarded<float> rows(shape.rows * gridRows), columns(shape.rows * gridColumns);
    Guarded<float> grid(random.vector(gridRows * gridColumns * shape.width));
    Guarded<float> y(shape.rows ? (shape.rows - 1) * ldy + shape.width : 0);
    for (int64_t row = 0; row < shape.rows; ++row) {
      for (int64_t i = 0; i < gridRows; ++i)
        rows[row * gridRows + i] = row % 3 == 0 ? 0 : random.below(2) ? random.normal() : 0;
      for (int64_t j = 0; j < gridColumns; ++j)
        columns[row * gridColumns + j] = row % 3 == 1 ? float(j == 0) : random.below(2) ? random.normal() : 0;
    }
    Kernel::get("blend_f32")
        .run({rows.data(), gridRows, columns.data(), gridColumns, grid.data(), y.data(), ldy, shape.rows, shape.width},
             1);
    EXPECT_TRUE(y.intact());
    for (int64_t row = 0; row < shape.rows; ++row)
      for (int64_t h = 0; h < shape.width; ++h) {
        double expected = 0;
        for (int64_t i = 0; i < gridRows; ++i)
          for (int64_t j = 0; j < gridColumns; ++j)
            expected += double(rows[row * gridRows + i]) * columns[row * gridColumns + j] *
                        grid[(i * gridColumns + j) * shape.width + h];
        ASSERT_LE(errorOf(y[row * ldy + h], expected), 1e-5) << row << " " << h;
      }
  }
}

/// Packed, of sequences that remember differently, one of which has no tokens; and dense.
TEST_F(RowsTest, Remember) {
  Gaussian random(10);
  for (bool masked : {false, true})
    for (int64_t width : {1, 17, 64}) {
      std::vector<int64_t> tokens = {3, 0, 70, 1}, remembered = {3, 2, 140, 130};
      if (masked)
        tokens.assign(4, 9), remembered.assign(4, 80);
      const std::vector<int32_t> starts = prefixSums(tokens), memoryStarts = prefixSums(remembered);
      const int64_t ldm = width + 1, ldx = width + 2, ldy = width + random.below(2), rows = memoryStarts.back();
      Guarded<float> memory(random.vector(rows * ldm)), x(random.vector(starts.back() * ldx)), y(rows * ldy);
      Guarded<int32_t> offsets(starts), memoryOffsets(memoryStarts);
      Guarded<uint8_t> mask(rows);
      Kernel::get("remember_f32", masked ? "{masked = true}" : "{}")
          .run({memory.data(), ldm, x.data(), ldx, y.data(), ldy, memoryOffsets.data(), offsets.data(), tokens.size(),
                width, *std::max_element(remembered.begin(), remembered.end()),
                *std::max_element(tokens.begin(), tokens.end()), mask.data()},
               1);
      EXPECT_TRUE(y.intact());
      for (size_t s = 0; s < tokens.size(); ++s)
        for (int64_t row = memoryStarts[s]; row < memoryStarts[s + 1]; ++row)
          for (int64_t c = 0; c < width; ++c) {
            const int64_t own = row - memoryStarts[s + 1] + starts[s + 1];
            ASSERT_EQ(y[row * ldy + c], own < starts[s] ? memory[row * ldm + c] : x[own * ldx + c]) << row << " " << c;
          }
    }
}

TEST_F(RowsTest, Embed) {
  struct Case {
    int tables;
    bool norm;
    int packed;
    const char *params;
  };
  Gaussian random(2);
  for (const Case &c :
       {Case{1, false, 0, "{tables = 1}"}, Case{2, false, 1, "{tables = 2, packed = 1}"},
        Case{3, true, 0, "{tables = 3, norm = true}"}, Case{3, true, 1, "{tables = 3, norm = true, packed = 1}"},
        Case{4, true, 10, "{tables = 4, norm = true, packed = 10}"}, Case{1, false, 0, "{tables = 1, or_zeros = true}"},
        Case{1, false, 1, "{tables = 1, packed = 1, or_zeros = true}"}})
    for (RowShape shape : rowOddShapes()) {
      SCOPED_TRACE(testing::Message() << c.params << " " << shape.rows << "x" << shape.width);
      const bool orZeros = std::strstr(c.params, "or_zeros");
      int64_t ldy = shape.width + random.below(3);
      size_t size = shape.rows ? (shape.rows - 1) * ldy + shape.width : 0;
      Guarded<float> gamma(random.vector(shape.width)), beta(random.vector(shape.width)), y(size), split(size);
      std::vector<Arg> args = {y.data(), ldy, shape.rows, shape.width, gamma.data(), beta.data(), 1e-5f};
      std::vector<std::vector<float>> tables;
      std::vector<std::unique_ptr<Guarded<float>>> stored;
      std::vector<std::unique_ptr<Guarded<int32_t>>> ids;
      for (int t = 0; t < 4; ++t) {
        int64_t entries = 1 + random.below(40);
        tables.push_back(random.vector(entries * shape.width));
        bool packed = c.packed >> t & 1;
        stored.push_back(
            std::make_unique<Guarded<float>>(packed ? packWeights(tables[t], entries, shape.width) : tables[t]));
        ids.push_back(std::make_unique<Guarded<int32_t>>(shape.rows));
        const int64_t first = orZeros ? -1 : 0;
        for (int32_t &id : *ids[t])
          id = static_cast<int32_t>(first + random.below(entries - first));
        args.push_back(stored[t]->data());
        args.push_back(ids[t]->data());
      }
      args.insert(args.end(), {nullptr, 0, nullptr});
      const Kernel &kernel = Kernel::get("embed_f32", c.params);
      kernel.run(args);
      args[0] = split.data();
      kernel.run(args, 1);
      EXPECT_TRUE(sameBits(y, split));
      double worst = 0;
      for (int64_t m = 0; m < shape.rows; ++m) {
        std::vector<double> row(shape.width, 0.0);
        for (int64_t h = 0; h < shape.width; ++h)
          for (int t = 0; t < c.tables; ++t)
            row[h] += (*ids[t])[m] < 0 ? 0 : tables[t][(*ids[t])[m] * shape.width + h];
        if (c.norm)
          row = layerNorm(row, gamma.begin(), beta.begin(), 1e-5f);
        for (int64_t h = 0; h < shape.width; ++h)
          worst = std::max(worst, errorOf(y[m * ldy + h], row[h]));
      }
      // A row of two nearly equal columns has hardly a variance to divide by.
      EXPECT_LE(worst, shape.width < 4 ? 1e-3 : 1e-5);
    }
}

TEST_F(RowsTest, Normalize) {
  Gaussian random(3);
  const Kernel &kernel = Kernel::get("normalize_f32");
  for (RowShape shape : rowOddShapes()) {
    SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width);
    int64_t ldx = shape.width + random.below(3), ldy = shape.width + random.below(3);
    auto size = [&](int64_t ld) { return shape.rows ? (shape.rows - 1) * ld + shape.width : 0; };
    std::vector<float> values = random.vector(size(ldx));
    if (shape.rows > 2) // a row of zeros stays one
      std::fill_n(values.begin() + ldx, shape.width, 0.0f);
    Guarded<float> x(values), y(size(ldy)), split(size(ldy));
    auto run = [&](Guarded<float> &target, int64_t panelsPerCall) {
      kernel.run({x.data(), ldx, target.data(), ldy, shape.rows, shape.width, 1e-12f}, panelsPerCall);
    };
    run(y, 0);
    run(split, 1);
    EXPECT_TRUE(sameBits(y, split));
    for (int64_t m = 0; m < shape.rows; ++m) {
      double norm = 0;
      for (int64_t h = 0; h < shape.width; ++h)
        norm += double(x[m * ldx + h]) * x[m * ldx + h];
      for (int64_t h = 0; h < shape.width; ++h)
        ASSERT_LE(errorOf(y[m * ldy + h], x[m * ldx + h] / std::max(std::sqrt(norm), 1e-12)), 5e-7);
    }
  }
}

TEST_F(RowsTest, Argmax) {
  Gaussian random(4);
  const Kernel &kernel = Kernel::get("argmax_f32");
  for (RowShape shape : rowOddShapes()) {
    SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width);
    const int64_t ldx = shape.width + random.below(3);
    std::vector<float> values(shape.rows ? (shape.rows - 1) * ldx + shape.width : 0);
    for (float &value : values)
      value = float(random.below(10)); // so that the greatest comes more than once
    const float odd[] = {-INFINITY, NAN, INFINITY};
    for (int64_t m = 1; m < shape.rows && m <= 3; ++m) // a row of nothing but these, and one with one of them
      if (m == 1)
        std::fill_n(values.begin() + m * ldx, shape.width, odd[0]);
      else
        values[m * ldx + random.below(shape.width)] = odd[m - 1];
    Guarded<float> x(values), y(2 * shape.rows), split(2 * shape.rows);
    kernel.run({x.data(), ldx, y.data(), 2, shape.rows, shape.width});
    kernel.run({x.data(), ldx, split.data(), 2, shape.rows, shape.width}, 1);
    EXPECT_TRUE(sameBits(y, split));
    for (int64_t m = 0; m < shape.rows; ++m) {
      float greatest = -INFINITY, column = 0;
      for (int64_t h = 0; h < shape.width; ++h)
        if (const float value = std::isnan(x[m * ldx + h]) ? INFINITY : x[m * ldx + h]; value > greatest)
          greatest = value, column = float(h);
      ASSERT_EQ(y[2 * m], greatest) << "row " << m;
      ASSERT_EQ(y[2 * m + 1], column) << "row " << m;
    }
  }
}

/// What a mode makes of one column of the tokens that take part, which are in these columns of the sequence.
static double pooledColumn(const std::string &mode, const std::vector<double> &values,
                           const std::vector<int32_t> &columns) {
  if (values.empty())
    return 0;
  double sum = 0, weights = 0;
  for (size_t t = 0; t < values.size(); ++t) {
    const double weight = mode == "weighted_mean" ? columns[t] + 1 : 1;
    sum += weight * values[t];
    weights += weight;
  }
  return mode == "max"                      ? *std::max_element(values.begin(), values.end())
         : mode == "first" || mode == "cls" ? values.front()
         : mode == "last"                   ? values.back()
         : mode == "mean_sqrt"              ? sum / std::sqrt(weights)
                                            : sum / weights;
}

TEST_F(RowsTest, Pool) {
  Gaussian random(4);
  for (const std::string mode : {"mean", "max", "cls", "mean_sqrt", "weighted_mean", "first", "last"})
    for (bool masked : {false, true})
      for (bool excepting : {false, true}) {
        if (excepting && mode == "cls")
          continue; // column 0, whatever stands in it
        for (RowShape shape : rowOddShapes()) {
          if (shape.rows == 0)
            continue;
          SCOPED_TRACE(testing::Message()
                       << mode << " masked " << masked << " excepting " << excepting << " width " << shape.width);
          // As many sequences as `rows` says, up to 9 tokens each; some are empty.
          int64_t batch = std::min<int64_t>(shape.rows, 9), longest = 9;
          std::vector<int64_t> lengths;
          for (int64_t s = 0; s < batch; ++s)
            lengths.push_back(random.below(longest + 1));
          std::vector<int32_t> starts = prefixSums(masked ? std::vector<int64_t>(batch, longest) : lengths);
          std::vector<uint8_t> present(starts.back(), 1);
          std::vector<int32_t> except(starts.back(), 0), columns;
          for (int64_t i = 0; i < starts.back(); ++i) {
            if (masked)
              present[i] = i % longest < lengths[i / longest] && random.below(4) > 0;
            if (excepting)
              except[i] = random.below(3) == 0 ? 1 + random.below(2) : 0;
            columns.push_back(random.below(600));
          }
          int64_t ldx = shape.width + random.below(3), ldy = shape.width + random.below(3);
          size_t size = (batch - 1) * ldy + shape.width;
          std::vector<float> values = random.vector(starts.back() ? (starts.back() - 1) * ldx + shape.width : 0);
          for (int64_t row = 0; row < starts.back(); ++row)
            if (!present[row] || except[row]) // what takes no part must not matter
              std::fill_n(values.begin() + row * ldx, shape.width, NAN);
          Guarded<float> x(values), y(size), split(size);
          Guarded<int32_t> cuSeqlens(starts), columnsOfTokens(columns), leftOut(except);
          Guarded<uint8_t> mask(present);
          const Kernel &kernel =
              Kernel::get("pool_f32", std::string("{") + (excepting ? "excepting = true, " : "") +
                                          (masked ? "masked = true, " : "") + "mode = \"" + mode + "\"}");
          auto run = [&](Guarded<float> &target, int64_t panelsPerCall) {
            kernel.run({x.data(), ldx, cuSeqlens.data(), target.data(), ldy, batch, shape.width, mask.data(), longest,
                        columnsOfTokens.data(), leftOut.data()},
                       panelsPerCall);
          };
          run(y, 0);
          run(split, 1);
          EXPECT_TRUE(sameBits(y, split));
          for (int64_t s = 0; s < batch; ++s)
            for (int64_t h = 0; h < shape.width; ++h) {
              std::vector<double> taken;
              std::vector<int32_t> theirs;
              for (int64_t row = starts[s]; row < starts[s + 1]; ++row)
                if (present[row] && !except[row] && (mode != "cls" || row == starts[s])) {
                  taken.push_back(x[row * ldx + h]);
                  theirs.push_back(columns[row]);
                }
              ASSERT_LE(errorOf(y[s * ldy + h], pooledColumn(mode, taken, theirs)), 1e-6)
                  << "sequence " << s << " column " << h;
            }
        }
      }
}

} // namespace
