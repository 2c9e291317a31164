// Times every CPU kernel on the shapes that tests/backends/kernels checks (run kernels-test first: nothing here is
// worth reading while that fails). Each benchmark checks its own result against another computation before it times.
//
//   kernels-bench [--threads N] [Google Benchmark's options]
//
// The machine is seldom quiet, so look at `best_us`, the fastest of many short runs, and at `peak` or `bandwidth`: its
// share of what as many threads were measured to do at most just before.
#include "Bench.h"
#include "compiler/driver/bench/MachineProbe.h"
#include "runtime/core/Cpu.h"
#include "runtime/core/Memory.h"
#include "runtime/core/Pool.h"
#include <benchmark/benchmark.h>
#include <chrono>

namespace lathe::bench {

static int32_t threads = 1;
static int failures = 0;

namespace {

class TimedRun final : public Run {
public:
  /// Products are compared with the peak of `unit`.
  TimedRun(benchmark::State &state, Unit unit) : state(state), unit(unit) {}

  void warmUp(const Kernel &newKernel, const std::vector<std::vector<Arg>> &newTurns) override {
    kernel = &newKernel;
    turns = newTurns;
    scratch = std::make_unique<Array<uint8_t>>(scratchBytes() * threads);
    call(turns.front());
  }

  void time(bool correct, Amount amount) override {
    if (!correct) {
      ++failures;
      return state.SkipWithError("wrong result");
    }
    double best = INFINITY;
    size_t turn = 0;
    double peak = amount.flops > 0 ? probeUnit(threads, unit, probeSeconds).value_or(NAN) : NAN;
    double bandwidth = amount.bytes > 0 ? readingRate(amount) : NAN;
    call(turns.back()); // the probes have emptied the caches
    for (auto _ : state) {
      auto start = std::chrono::steady_clock::now();
      call(turns[turn]);
      double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      turn = (turn + 1) % turns.size();
      best = std::min(best, seconds);
      state.SetIterationTime(seconds);
    }
    state.counters["best_us"] = best * 1e6;
    if (amount.flops > 0) {
      state.counters["GFLOP/s"] = amount.flops / best * 1e-9;
      state.counters["peak"] = amount.flops / best / peak;
    }
    if (amount.bytes > 0) {
      state.counters["GB/s"] = amount.bytes / best * 1e-9;
      state.counters["bandwidth"] = amount.bytes / best / bandwidth;
    }
  }

private:
  static constexpr double probeSeconds = 0.02;

  /// At which as many bytes can be read from where they lie.
  static double readingRate(const Amount &amount) {
    size_t each = amount.fromMemory ? chooseBuffers(readCacheSizes(), threads).memory
                                    : static_cast<size_t>(amount.bytes / threads);
    return probeRead(threads, each, probeSeconds).value_or(NAN);
  }

  size_t scratchBytes() const { return (kernel->scratchBytes() + 63) / 64 * 64; }

  /// All panels: on this thread, or as the runtime hands them out.
  void call(const std::vector<Arg> &args) {
    int64_t panels = kernel->panels(args);
    if (threads == 1)
      return kernel->call(args, 0, panels, &(*scratch)[0]);
    static Pool pool(heapAllocator);
    std::atomic<bool> cancelled{false};
    Job job(kernel->entry(), reinterpret_cast<const uint64_t *>(args.data()), panels,
            static_cast<int32_t>(std::min<int64_t>(panels, threads)), &(*scratch)[0],
            static_cast<int64_t>(scratchBytes()), &cancelled);
    pool.run(job, threads);
  }

  benchmark::State &state;
  const Unit unit;
  const Kernel *kernel = nullptr;
  std::vector<std::vector<Arg>> turns;
  std::unique_ptr<Array<uint8_t>> scratch;
};

/// What a family's products are computed with at a level.
Unit unitOf(const std::string &family, IsaLevel level) {
  if (family.ends_with("_s8") && level >= IsaLevel::Avx512Vnni)
    return level == IsaLevel::Amx ? Unit::AmxInt8 : Unit::DotInt8;
  if (family.ends_with("_bf16") && level >= IsaLevel::Avx512Bf16)
    return level == IsaLevel::Amx ? Unit::AmxBf16 : Unit::DotBf16;
  return Unit::FmaF32;
}

} // namespace

void add(const std::string &family, const std::string &params, const std::string &shape,
         std::function<void(Run &, const Kernel &)> body) {
  std::string variant = params == "{}" ? "" : "[" + params.substr(1, params.size() - 2) + "]";
  std::erase_if(variant, [](char c) { return c == ' ' || c == '"'; });
  for (IsaLevel level : Kernel::levelsHere(family, params)) {
    auto run = [=](benchmark::State &state) {
      TimedRun run(state, unitOf(family, level));
      body(run, Kernel::get(family, params, level));
    };
    std::string at = level == IsaLevel::Avx512 ? "" : std::string("@") + levelName(static_cast<int>(level));
    benchmark::RegisterBenchmark((family + at + variant + "/" + shape).c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

bool holdsAt(int64_t count, const std::function<bool(int64_t)> &isRight) {
  constexpr int64_t places = 64;
  if (count <= places) {
    for (int64_t place = 0; place < count; ++place)
      if (!isRight(place))
        return false;
    return true;
  }
  Gaussian random(7);
  for (int64_t place = 1; place < places; ++place)
    if (!isRight(random.below(count)))
      return false;
  return isRight(count - 1);
}

bool isNear(float got, double expected, int64_t terms) {
  return errorOf(got, expected) <= 5e-6 + 1e-6 * std::sqrt(double(terms));
}

} // namespace lathe::bench

int main(int argc, char **argv) {
  if (std::string why = lathe::test::whyUnsupported(); !why.empty()) {
    fprintf(stderr, "skipped: %s\n", why.c_str());
    return 0;
  }
  if (argc > 2 && std::string(argv[1]) == "--threads") {
    lathe::bench::threads = std::atoi(argv[2]);
    if (lathe::bench::threads < 1 || lathe::bench::threads > 1024) {
      fprintf(stderr, "kernels-bench: --threads %s; accepted are 1 to 1024\n", argv[2]);
      return 2;
    }
    argv[2] = argv[0];
    argc -= 2;
    argv += 2;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 2;
  lathe::MachineRoofs roofs = lathe::probeMachine(lathe::bench::threads, 0.3);
  benchmark::AddCustomContext("threads", std::to_string(lathe::bench::threads));
  benchmark::AddCustomContext("fma_peak_gflops", std::to_string(roofs.peak(lathe::Precision::F32).value_or(0) * 1e-9));
  benchmark::AddCustomContext("memory_read_gb_per_s", std::to_string(roofs.readMemory.value_or(0) * 1e-9));
  benchmark::AddCustomContext("compile_seconds_all_variants", std::to_string(lathe::test::secondsToCompile()));
#define LATHE_KERNEL(NAME) lathe::bench::bench_##NAME();
#include "backends/cpu/kernels/Kernels.def"
  benchmark::RunSpecifiedBenchmarks();
  return lathe::bench::failures ? 1 : 0;
}
