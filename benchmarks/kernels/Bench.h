// What the benchmarks of all families share. A family's file has a function of its kernel's name, bench_gemm_f32, which
// adds its benchmarks; main calls one for every line of Kernels.def, so a kernel without benchmarks does not link.
#ifndef LATHE_BENCHMARKS_KERNELS_BENCH_H
#define LATHE_BENCHMARKS_KERNELS_BENCH_H

#include "tests/backends/kernels/Harness.h"
#include "tests/backends/kernels/Reference.h"
#include "tests/backends/kernels/Shapes.h"
#include <cstdlib>
#include <functional>
#include <memory>
#include <type_traits>

namespace lathe::bench {

using namespace lathe::test;

/// Memory as the runtime's is: 64-byte aligned.
template <typename T> class Array {
public:
  explicit Array(size_t count) : count(count), data(static_cast<T *>(std::aligned_alloc(64, bytesFor(count)))) {
    std::memset(data.get(), 0, bytesFor(count));
  }
  explicit Array(const std::vector<T> &values) : Array(values.size()) {
    std::copy(values.begin(), values.end(), data.get());
  }
  operator Arg() const { return Arg(data.get()); }
  T &operator[](int64_t index) const { return data.get()[index]; }
  size_t bytes() const { return count * sizeof(T); }

private:
  struct Free {
    void operator()(T *memory) const { std::free(memory); }
  };
  static size_t bytesFor(size_t count) { return (count * sizeof(T) + 64) / 64 * 64; }

  size_t count;
  std::unique_ptr<T, Free> data;
};

/// Numbers as a kernel stores them: as float, or as uint16_t, which is bf16.
template <typename Stored> std::vector<Stored> as(const std::vector<float> &values) {
  std::vector<Stored> stored(values.size());
  std::transform(values.begin(), values.end(), stored.begin(), [](float value) {
    if constexpr (std::is_same_v<Stored, float>)
      return value;
    else
      return toBf16(value);
  });
  return stored;
}
/// The numbers that they then are.
template <typename Stored> std::vector<float> rounded(std::vector<float> values) {
  if constexpr (!std::is_same_v<Stored, float>)
    for (float &value : values)
      value = fromBf16(toBf16(value));
  return values;
}
/// Weights, [n][k], as products want them.
template <typename Stored> std::vector<Stored> packed(const std::vector<float> &w, int64_t n, int64_t k) {
  if constexpr (std::is_same_v<Stored, float>)
    return packWeights(w, n, k);
  else
    return packPairs(w, n, k);
}

/// What a call does, at least.
struct Amount {
  double flops; ///< of products; 0: nothing but bytes bounds the kernel
  double bytes; ///< read and written; 0: they come from caches, behind arithmetic that takes much longer
  bool fromMemory = false;
};

/// One benchmark while it runs. A family's body sets up arguments, checks the result of `warmUp`, and has it timed.
class Run {
public:
  /// Several calls are timed in turns: so many that what one reads is in no cache when its turn comes again.
  virtual void warmUp(const Kernel &kernel, const std::vector<std::vector<Arg>> &turns) = 0;
  void warmUp(const Kernel &kernel, const std::vector<Arg> &args) {
    warmUp(kernel, std::vector<std::vector<Arg>>{args});
  }
  /// Times the calls if `correct`; else reports an error.
  virtual void time(bool correct, Amount amount) = 0;

protected:
  ~Run() = default;
};

/// Adds "family[params]/shape", at each level at which the CPU can run code of the variant's own; beyond avx512 the
/// name says which: "family@avx512_bf16[params]/shape".
void add(const std::string &family, const std::string &params, const std::string &shape,
         std::function<void(Run &run, const Kernel &kernel)> body);

/// Whether `isRight` holds at 64 of `count` places, the last among them, or at all if there are fewer.
bool holdsAt(int64_t count, const std::function<bool(int64_t)> &isRight);
/// Whether a float is the double within a few roundings of sums of `terms` products.
bool isNear(float got, double expected, int64_t terms = 1);

/// Of attention's: with a cache (CacheBench.cpp). Of float or uint16_t.
template <typename T> void addPagedAttention(const std::string &family);

#define LATHE_KERNEL(NAME) void bench_##NAME();
#include "backends/cpu/kernels/Kernels.def"

} // namespace lathe::bench
#endif // LATHE_BENCHMARKS_KERNELS_BENCH_H
