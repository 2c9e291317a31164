// Times row groups that Halide compiled, on one core, beside the builders' kernels where there is one for the same
// work. Each benchmark compares its result with another computation before it times: the builder's kernel, or the
// interpreter.
//
// `best_ns` is the fastest of many short runs, for a row. `of_builder` is its time over that of the builder's kernel,
// measured in turns with it. `compile_ms` is what `lathe compile` spends on the group: Halide, then LLVM.
#include "tests/backends/halide/Formula.h"
#include "tests/backends/halide/Formulas.h"
#include "tests/backends/halide/RowKernel.h"
#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>

using namespace lathe;
using namespace lathe::test;

namespace {

using Clock = std::chrono::steady_clock;

double secondsOf(const std::function<void()> &run) {
  auto start = Clock::now();
  run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Rows as the runtime places them: from a 64-byte boundary on.
class Memory {
public:
  explicit Memory(size_t count) : bytes(count * sizeof(float), /*alignment=*/64), count(count) {}
  template <typename T> explicit Memory(const std::vector<T> &values) : Memory(values.size()) {
    std::copy(values.begin(), values.end(), data());
  }
  float *data() const { return reinterpret_cast<float *>(bytes.data()); }
  size_t size() const { return count; }
  float operator[](size_t at) const { return data()[at]; }

private:
  GuardedBytes bytes;
  size_t count;
};
using Memories = std::vector<std::unique_ptr<Memory>>;

double worstDifference(const Memory &a, const Memory &b) {
  double worst = 0;
  for (size_t at = 0; at < a.size(); ++at)
    worst = std::max(worst, std::abs(double(a[at]) - b[at]) / std::max(1.0, std::abs(double(b[at]))));
  return worst;
}

/// Times `halide`, and in turns with it `builder` unless that is empty.
void measure(benchmark::State &state, int64_t rows, const std::function<void()> &halide,
             const std::function<void()> &builder) {
  double best = INFINITY, builderBest = INFINITY;
  for (auto _ : state) {
    double seconds = secondsOf(halide);
    best = std::min(best, seconds);
    if (builder)
      builderBest = std::min(builderBest, secondsOf(builder));
    state.SetIterationTime(seconds);
  }
  state.counters["best_ns"] = best * 1e9 / double(rows);
  if (builder) {
    state.counters["builder_ns"] = builderBest * 1e9 / double(rows);
    state.counters["of_builder"] = best / builderBest;
  }
}

/// A program beside a builder's kernel that does the same.
struct Pair {
  const char *name;
  const char *program; ///< of rows and vectors W wide
  const char *family, *params;
  /// The builder's slots; operands in the program's order, then the result.
  std::vector<Arg> (*slots)(const std::vector<float *> &values, int64_t rows, int64_t width);
};

std::vector<Arg> unarySlots(const std::vector<float *> &values, int64_t rows, int64_t width) {
  return {values[0], values[1], rows * width, 0.0f};
}

const std::vector<Pair> pairs = {
    {"residual_layer_norm",
     "rows W; rows W; shared W; shared W; constant 1e-05; add 0 1; row_mean 5; sub 5 6; mul 7 7; row_mean 8; add 9 4; "
     "rsqrt 10; mul 7 11; mul 12 2; add 13 3; result 14",
     "layer_norm_f32", "{residual = true}",
     [](const std::vector<float *> &v, int64_t rows, int64_t width) -> std::vector<Arg> {
       return {v[0], width, v[1], width, v[2], v[3], v[4], width, rows, width, 1e-5f, nullptr, 0, nullptr};
     }},
    {"normalize", "rows W; mul 0 0; row_sum 1; sqrt 2; constant 1e-12; max 3 4; div 0 5; result 6", "normalize_f32",
     "{}",
     [](const std::vector<float *> &v, int64_t rows, int64_t width) -> std::vector<Arg> {
       return {v[0], width, v[1], width, rows, width, 1e-12f};
     }},
    {"add", "rows W; rows W; add 0 1; result 2", "add_f32", "{}",
     [](const std::vector<float *> &v, int64_t rows, int64_t width) -> std::vector<Arg> {
       return {v[0], width, v[1], width, v[2], width, rows, width};
     }},
    {"gelu", "rows W; gelu 0; result 1", "unary_f32", R"({op = "gelu"})", unarySlots},
    {"silu", "rows W; sigmoid 0; mul 0 1; result 2", "unary_f32", R"({op = "silu"})", unarySlots},
    {"tanh", "rows W; tanh 0; result 1", "unary_f32", R"({op = "tanh"})", unarySlots},
};

void besideABuilder(benchmark::State &state, const Pair &pair, int64_t rows, int64_t width) {
  std::string text = pair.program;
  for (size_t at; (at = text.find('W')) != std::string::npos;)
    text.replace(at, 1, std::to_string(width));
  std::optional<RowKernel> kernel;
  double compileSeconds = secondsOf([&] { kernel.emplace(text); });
  if (!kernel->error.empty())
    return state.SkipWithError(kernel->error.c_str());

  size_t operands = size_t(kernel->slots - 1) / 2 - 1;
  Random random(1);
  Memories values;
  std::vector<float *> addresses;
  std::vector<Arg> args;
  for (size_t operand = 0; operand < operands + 1; ++operand) {
    values.push_back(std::make_unique<Memory>(randomNormal(random, rows * width)));
    addresses.push_back(values.back()->data());
    args.push_back(values.back()->data());
    args.push_back(width);
  }
  args.push_back(rows);
  Memory expected(rows * width);
  std::vector<float *> builderAddresses = addresses;
  builderAddresses.back() = expected.data();
  const Kernel &builder = Kernel::get(pair.family, pair.params);
  std::vector<Arg> builderArgs = pair.slots(builderAddresses, rows, width);
  GuardedBytes scratch(std::max(kernel->scratchBytes, builder.scratchBytes()) + 64, /*alignment=*/64);

  auto runHalide = [&] { kernel->call(args, scratch.data()); };
  auto runBuilder = [&] { builder.call(builderArgs, 0, builder.panels(builderArgs), scratch.data()); };
  runHalide();
  runBuilder();
  if (worstDifference(*values.back(), expected) > 5e-6)
    return state.SkipWithError("the two differ");
  measure(state, rows, runHalide, runBuilder);
  state.counters["compile_ms"] = compileSeconds * 1e3;
  state.counters["bytes"] = double(kernel->object.size());
}

/// A formula that no builder has.
void alone(benchmark::State &state, const FormulaText &text, int64_t rows, int64_t width) {
  Formula formula(text.arguments, text.body, text.results, width);
  Random random(2);
  std::vector<Tensor> inputs = randomInputs(random, formula, rows);
  std::vector<Tensor> actual = runCompiled(formula, inputs), expected = formula.interpret(inputs);
  for (size_t index = 0; index < actual.size(); ++index)
    for (size_t at = 0; at < actual[index].values.size(); ++at)
      if (!(std::abs(actual[index].values[at] - expected[index].values[at]) < 1e-4))
        return state.SkipWithError("wrong result");

  const RowKernel &kernel = formula.kernel();
  Memories values;
  std::vector<Arg> args;
  auto add = [&](const std::vector<double> &numbers, int64_t stride) {
    values.push_back(std::make_unique<Memory>(numbers));
    args.push_back(values.back()->data());
    args.push_back(stride);
  };
  for (size_t index : formula.kernelOrder())
    add(inputs[index].values, inputs[index].width());
  for (const Tensor &result : expected)
    add(result.values, result.width());
  args.push_back(rows);
  GuardedBytes scratch(kernel.scratchBytes + 64, /*alignment=*/64);
  measure(state, rows, [&] { kernel.call(args, scratch.data()); }, nullptr);
  state.counters["bytes"] = double(kernel.object.size());
}

} // namespace

int main(int argc, char **argv) {
  if (std::string why = whyUnsupported(); !why.empty()) {
    fprintf(stderr, "skipped: %s\n", why.c_str());
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  // The model's rows: hidden of MiniLM and BERT-base, and BERT-base's inner layer.
  for (const Pair &pair : pairs)
    for (int64_t width : {384, 768, 3072})
      benchmark::RegisterBenchmark((std::string(pair.name) + "/" + std::to_string(width)).c_str(), besideABuilder, pair,
                                   /*rows=*/64, width)
          ->UseManualTime();
  for (const FormulaText &text : formulas)
    for (int64_t width : {768, 3072})
      benchmark::RegisterBenchmark((std::string(text.name) + "/" + std::to_string(width)).c_str(), alone, text,
                                   /*rows=*/64, width)
          ->UseManualTime();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
