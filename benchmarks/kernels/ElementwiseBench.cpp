#include "Bench.h"

namespace lathe::bench {

static std::string shapeText(RowShape shape) { return std::to_string(shape.rows) + "x" + std::to_string(shape.width); }

void bench_unary_f32() {
  for (const std::string op : {"scale", "gelu", "gelu_tanh", "relu", "silu", "tanh"})
    for (RowShape shape : rowModelShapes)
      add("unary_f32", "{op = \"" + op + "\"}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
        int64_t count = shape.rows * shape.width;
        constexpr float factor = 3;
        Gaussian random(1);
        Array<float> x(random.vector(count)), y(count);
        run.warmUp(kernel, std::vector<Arg>{x, y, count, factor});
        auto isRight = [&](int64_t i) { return isNear(y[i], op == "scale" ? factor * x[i] : activate(op, x[i])); };
        run.time(holdsAt(count, isRight), {0, 2.0 * sizeof(float) * count});
      });
}

void bench_add_f32() {
  for (RowShape shape : rowModelShapes)
    add("add_f32", "{}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      Gaussian random(2);
      Array<float> a(random.vector(rows * width)), b(random.vector(rows * width)), y(rows * width);
      run.warmUp(kernel, std::vector<Arg>{a, width, b, width, y, width, rows, width});
      run.time(holdsAt(rows * width, [&](int64_t i) { return y[i] == a[i] + b[i]; }),
               {0, 3.0 * sizeof(float) * rows * width});
    });
}

void bench_copy_f32() {
  for (RowShape shape : rowModelShapes)
    add("copy_f32", "{}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      Gaussian random(3);
      Array<float> x(random.vector(rows * width)), y(rows * width);
      run.warmUp(kernel, std::vector<Arg>{x, width, y, width, rows, width});
      run.time(holdsAt(rows * width, [&](int64_t i) { return y[i] == x[i]; }), {0, 2.0 * sizeof(float) * rows * width});
    });
}

void bench_round_bf16() {
  for (RowShape shape : rowModelShapes)
    add("round_bf16", "{}", shapeText(shape), [=](Run &run, const Kernel &kernel) {
      auto [rows, width] = shape;
      Gaussian random(4);
      Array<float> x(random.vector(rows * width));
      Array<uint16_t> y(rows * width);
      run.warmUp(kernel, std::vector<Arg>{x, width, y, width, rows, width});
      run.time(holdsAt(rows * width, [&](int64_t i) { return y[i] == toBf16(x[i]); }),
               {0, double(x.bytes() + y.bytes())});
    });
}

} // namespace lathe::bench
