// Kernels that go over rows: norms, lookups, pooling. All but a little arithmetic is reading and writing.
#include "Bench.h"

namespace lathe::bench {

static std::string shapeText(RowShape shape) { return std::to_string(shape.rows) + "x" + std::to_string(shape.width); }
static double floats(double count) { return count * sizeof(float); }

/// Whether a row has mean 0 and variance 1.
static bool isNormal(const float *row, int64_t width) {
  double mean = 0, square = 0;
  for (int64_t i = 0; i < width; ++i) {
    mean += row[i] / width;
    square += double(row[i]) * row[i] / width;
  }
  return std::abs(mean) < 1e-5 && std::abs(square - 1) < 1e-4;
}

void bench_layer_norm_f32() {
  for (bool residual : {false, true})
    for (RowShape shape : rowModelShapes)
      add("layer_norm_f32", residual ? "{residual = true}" : "{}", shapeText(shape),
          [=](Run &run, const Kernel &kernel) {
            auto [rows, width] = shape;
            Gaussian random(3);
            Array<float> x(random.vector(rows * width)), r(random.vector(rows * width)), y(rows * width);
            Array<float> gamma(std::vector<float>(width, 1.0f)), beta(width);
            run.warmUp(kernel, {x, width, residual ? Arg(r) : Arg(0), width, gamma, beta, y, width, rows, width, 1e-12f,
                                0, 0, 0});
            run.time(holdsAt(rows, [&](int64_t row) { return isNormal(&y[row * width], width); }),
                     {0, floats((residual ? 3.0 : 2.0) * rows * width)});
          });
}

void bench_angles_f32() {
  add("angles_f32", "{}", "1024x32", [](Run &run, const Kernel &kernel) {
    constexpr int64_t rows = 1024, n = 32;
    Array<int32_t> positions(rows);
    for (int64_t row = 0; row < rows; ++row)
      positions[row] = int32_t(row);
    std::vector<float> values;
    for (int64_t i = 0; i < n; ++i)
      values.push_back(std::pow(10000.0f, -float(i) / n));
    Array<float> frequencies(values), y(rows * 2 * n);
    run.warmUp(kernel, {positions, frequencies, y, 2 * n, rows, n});
    run.time(holdsAt(rows * n,
                     [&](int64_t i) {
                       const int64_t row = i / n;
                       return isNear(y[row * 2 * n + i % n], std::cos(double(float(row) * frequencies[i % n])));
                     }),
             {0, floats(2.0 * rows * n)});
  });
}

void bench_rotate_f32() {
  for (const char *params : {"{head_dim = 64}", "{head_dim = 64, y_bf16 = true}"})
    add("rotate_f32", params, "1024x768", [=](Run &run, const Kernel &kernel) {
      constexpr int64_t rows = 1024, width = 768, headDim = 64;
      const bool narrow = std::string(params).find("y_bf16") != std::string::npos;
      // Half a turn each: what comes is the negative.
      std::vector<float> turns;
      for (int64_t i = 0; i < rows * headDim; ++i)
        turns.push_back(i % headDim < headDim / 2 ? -1.0f : 0.0f);
      Array<float> x(std::vector<float>(rows * width, 0.5f)), angles(turns), y(rows * width);
      Array<uint16_t> half(rows * width);
      run.warmUp(kernel, {x, width, angles, headDim, narrow ? Arg(half) : Arg(y), width, rows, width / headDim});
      run.time(
          holdsAt(rows * width, [&](int64_t i) { return (narrow ? lathe::test::fromBf16(half[i]) : y[i]) == -0.5f; }),
          {0, floats((narrow ? 1.5 : 2.0) * rows * width)});
    });
}

/// Transformer-XL's: 1600 rows from before, and 128 tokens.
void bench_remember_f32() {
  constexpr int64_t tokens = 128, remembered = 1728, width = 1024;
  add("remember_f32", "{}", "1600+128x1024", [](Run &run, const Kernel &kernel) {
    Array<float> memory(std::vector<float>(remembered * width, 1.0f)), x(std::vector<float>(tokens * width, 2.0f));
    Array<float> y(remembered * width);
    Array<int32_t> starts(std::vector<int32_t>{0, tokens}), memoryStarts(std::vector<int32_t>{0, remembered});
    run.warmUp(kernel, {memory, width, x, width, y, width, memoryStarts, starts, 1, width, remembered, tokens, 0});
    run.time(
        holdsAt(remembered * width, [&](int64_t i) { return y[i] == (i / width < remembered - tokens ? 1.0f : 2.0f); }),
        {0, floats(2.0 * remembered * width)});
  });
}

/// ViT-B/16's grid of 14 x 14 for eight images, as it is and blended to 24 x 24 from four rows and columns each.
void bench_blend_f32() {
  for (auto [side, taps] : {std::pair<int64_t, int64_t>{14, 1}, {24, 4}})
    add("blend_f32", "{}", std::to_string(8 * side * side) + "x768", [=](Run &run, const Kernel &kernel) {
      constexpr int64_t grid = 14, width = 768;
      const int64_t rows = 8 * side * side;
      Gaussian random(5);
      Array<float> rowWeights(rows * grid), columnWeights(rows * grid);
      Array<float> table(random.vector(grid * grid * width)), y(rows * width);
      auto place = [&](int64_t at) { return at % side * (grid - taps) / std::max<int64_t>(1, side - 1); };
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t tap = 0; tap < taps; ++tap) {
          rowWeights[row * grid + place(row / side) + tap] = 1 / float(taps);
          columnWeights[row * grid + place(row) + tap] = 1 / float(taps);
        }
      run.warmUp(kernel, {rowWeights, grid, columnWeights, grid, table, y, width, rows, width});
      const bool correct = holdsAt(rows * width, [&](int64_t i) {
        double expected = 0;
        for (int64_t tap = 0; tap < taps * taps; ++tap)
          expected += table[((place(i / width / side) + tap / taps) * grid + place(i / width) + tap % taps) * width +
                            i % width] /
                      double(taps * taps);
        return std::abs(y[i] - expected) < 1e-4;
      });
      run.time(correct, {2.0 * double(rows * width * taps * taps), floats(double(rows * width))});
    });
}

namespace {
struct Lookup {
  int tables;
  bool norm;
  int packed;
  const char *params;
};
} // namespace

/// Tables of float, or of uint16_t, which is bf16.
template <typename Stored> static void embed(Run &run, const Kernel &kernel, const Lookup &lookup, RowShape shape) {
  auto [rows, width] = shape;
  constexpr int64_t entries = 512;
  Gaussian random(4);
  Array<float> gamma(std::vector<float>(width, 1.0f)), beta(width), y(rows * width);
  std::vector<Arg> args = {y, width, rows, width, gamma, beta, 1e-12f};
  std::vector<std::vector<float>> tables;
  std::vector<Array<Stored>> stored;
  std::vector<Array<int32_t>> ids;
  for (int t = 0; t < 4; ++t) {
    tables.push_back(rounded<Stored>(random.vector(t < lookup.tables ? entries * width : 0)));
    stored.emplace_back(lookup.packed >> t & 1 ? packed<Stored>(tables[t], entries, width) : as<Stored>(tables[t]));
    ids.emplace_back(rows);
    for (int64_t row = 0; row < rows; ++row)
      ids[t][row] = static_cast<int32_t>(random.below(entries));
    args.insert(args.end(), {stored[t], ids[t]});
  }
  args.insert(args.end(), {0, 0, 0});
  run.warmUp(kernel, args);
  auto isSum = [&](int64_t i) {
    double sum = 0;
    for (int t = 0; t < lookup.tables; ++t)
      sum += tables[t][ids[t][i / width] * width + i % width];
    return isNear(y[i], sum);
  };
  bool correct = lookup.norm ? holdsAt(rows, [&](int64_t row) { return isNormal(&y[row * width], width); })
                             : holdsAt(rows * width, isSum);
  run.time(correct, {0, (lookup.tables * sizeof(Stored) + sizeof(float)) * double(rows * width)});
}

void bench_embed_f32() {
  for (const Lookup &lookup :
       {Lookup{1, false, 0, "{tables = 1}"}, Lookup{2, false, 1, "{tables = 2, packed = 1}"},
        Lookup{3, true, 0, "{tables = 3, norm = true}"}, Lookup{3, true, 1, "{tables = 3, norm = true, packed = 1}"}})
    for (RowShape shape : rowModelShapes)
      add("embed_f32", lookup.params, shapeText(shape),
          [=](Run &run, const Kernel &kernel) { embed<float>(run, kernel, lookup, shape); });
}

void bench_embed_bf16() {
  for (const Lookup &lookup :
       {Lookup{2, false, 1, "{tables = 2, packed = 1}"}, Lookup{3, true, 0, "{tables = 3, norm = true}"}})
    for (RowShape shape : rowModelShapes)
      add("embed_bf16", lookup.params, shapeText(shape),
          [=](Run &run, const Kernel &kernel) { embed<uint16_t>(run, kernel, lookup, shape); });
}

void bench_embed_s8() {
  for (RowShape shape : rowModelShapes)
    add("embed_s8", "{tables = 2, packed = 1}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      constexpr int64_t entries = 512;
      Gaussian random(4);
      const int64_t rowBytes = 4 + (width + 3) / 4 * 4;
      std::vector<int8_t> first(entries * width);
      for (int8_t &byte : first)
        byte = static_cast<int8_t>(random.below(255) - 127);
      Array<uint8_t> packed(packQuads(first, std::vector<float>(entries, 1.0f), entries, width));
      Array<uint8_t> plain(entries * rowBytes); // of scales of zero
      Array<int32_t> ids(rows);
      for (int64_t row = 0; row < rows; ++row)
        ids[row] = static_cast<int32_t>(random.below(entries));
      Array<float> y(rows * width);
      run.warmUp(kernel,
                 std::vector<Arg>{y, width, rows, width, 0, 0, 0.0f, packed, ids, plain, ids, 0, 0, 0, 0, 0, 0, 0});
      run.time(holdsAt(rows * width, [&](int64_t i) { return y[i] == first[ids[i / width] * width + i % width]; }),
               {0, (2 + sizeof(float)) * double(rows * width)});
    });
}

void bench_quantize_u8() {
  for (RowShape shape : rowModelShapes)
    add("quantize_u8", "{}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      const int64_t ldy = 64 + (width + 63) / 64 * 64;
      Gaussian random(5);
      Array<float> x(random.vector(rows * width));
      Array<uint8_t> y(rows * ldy);
      run.warmUp(kernel, std::vector<Arg>{x, width, y, ldy, rows, width, 0, 0});
      bool correct = holdsAt(rows * width, [&](int64_t i) {
        float scale;
        int32_t zero;
        std::memcpy(&scale, &y[i / width * ldy], sizeof scale);
        std::memcpy(&zero, &y[i / width * ldy + 4], sizeof zero);
        return std::abs(scale * float(y[i / width * ldy + 64 + i % width] - zero) - x[i]) <= 0.51 * scale;
      });
      run.time(correct, {0, (1 + sizeof(float)) * double(rows * width)});
    });
}

void bench_pool_f32() {
  for (const std::string mode : {"mean", "max", "cls"})
    for (bool masked : {false, true})
      for (RowShape shape : rowModelShapes)
        add("pool_f32", "{" + std::string(masked ? "masked = true, " : "") + "mode = \"" + mode + "\"}",
            shapeText(shape), [=](Run &run, const Kernel &kernel) {
              // All rows as one sequence, which is what a text of that many tokens is.
              auto [rows, width] = shape;
              Gaussian random(5);
              Array<float> x(random.vector(rows * width)), y(width);
              Array<int32_t> cuSeqlens(std::vector<int32_t>{0, static_cast<int32_t>(rows)});
              Array<uint8_t> mask(std::vector<uint8_t>(rows, 1));
              run.warmUp(kernel, std::vector<Arg>{x, width, cuSeqlens, y, width, 1, width, mask, rows, 0, 0});
              bool correct = holdsAt(width, [&](int64_t column) {
                double sum = 0, largest = -INFINITY;
                for (int64_t row = 0; row < rows; ++row) {
                  sum += x[row * width + column];
                  largest = std::max(largest, double(x[row * width + column]));
                }
                return isNear(y[column], mode == "mean" ? sum / rows : mode == "max" ? largest : x[column]);
              });
              run.time(correct, {0, floats(mode == "cls" ? 2.0 * width : (rows + 1.0) * width)});
            });
}

void bench_head_norm_f32() {
  add("head_norm_f32", "{}", "1024x2048", [=](Run &run, const Kernel &kernel) {
    constexpr int64_t rows = 1024, width = 2048, headDim = 128;
    Gaussian random(6);
    Array<float> x(random.vector(rows * width)), gamma(std::vector<float>(headDim, 1)), y(rows * width);
    run.warmUp(kernel, std::vector<Arg>{x, width, gamma, y, width, rows, width / headDim, headDim, 1e-12f});
    bool correct = holdsAt(rows, [&](int64_t row) {
      double square = 0;
      for (int64_t i = 0; i < headDim; ++i)
        square += double(y[row * width + i]) * y[row * width + i];
      return std::abs(square / headDim - 1) < 1e-5;
    });
    run.time(correct, {0, floats(2.0 * rows * width)});
  });
}

/// Logits of GPT-2's vocabulary.
void bench_argmax_f32() {
  for (int64_t rows : {1, 16})
    add("argmax_f32", "{}", shapeText({rows, 50257}), [=](Run &run, const Kernel &kernel) {
      const int64_t width = 50257;
      Gaussian random(7);
      Array<float> x(random.vector(rows * width)), y(2 * rows);
      run.warmUp(kernel, std::vector<Arg>{x, width, y, 2, rows, width});
      bool correct = holdsAt(rows, [&](int64_t row) {
        const float *numbers = &x[row * width], *greatest = std::max_element(numbers, numbers + width);
        return y[2 * row] == *greatest && y[2 * row + 1] == float(greatest - numbers);
      });
      run.time(correct, {0, floats(1.0 * rows * width)});
    });
}

void bench_normalize_f32() {
  for (RowShape shape : rowModelShapes)
    add("normalize_f32", "{}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      Gaussian random(6);
      Array<float> x(random.vector(rows * width)), y(rows * width);
      run.warmUp(kernel, std::vector<Arg>{x, width, y, width, rows, width, 1e-12f});
      bool correct = holdsAt(rows, [&](int64_t row) {
        double square = 0;
        for (int64_t i = 0; i < width; ++i)
          square += double(y[row * width + i]) * y[row * width + i];
        return std::abs(square - 1) < 1e-5;
      });
      run.time(correct, {0, floats(2.0 * rows * width)});
    });
}

} // namespace lathe::bench
