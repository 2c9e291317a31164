// Compiles every kernel variant that tests and benchmarks use, once per program and ISA level, and runs it the way the
// runtime does.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_HARNESS_H
#define LATHE_TESTS_BACKENDS_KERNELS_HARNESS_H

#include "backends/cpu/IsaLevel.h"
#include "lathe/program.h"
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lathe::test {

/// What kernels are compiled for: an ISA level, the highest perhaps without its instructions (EmulateAmx.h).
struct Target {
  Target(IsaLevel level = IsaLevel::Avx512) : level(level) {}
  static Target emulatedAmx() {
    Target target(IsaLevel::Amx);
    target.emulated = true;
    return target;
  }
  std::string name() const;
  auto operator<=>(const Target &) const = default;

  IsaLevel level;
  bool emulated = false;
};
/// Why kernels of a target cannot run here, or empty.
std::string whyUnsupported(Target target = {});

/// An 8-byte slot from an address, a size or a float.
struct Arg {
  uint64_t bits;
  Arg(const void *address) : bits(reinterpret_cast<uintptr_t>(address)) {}
  Arg(int64_t value) : bits(static_cast<uint64_t>(value)) {}
  Arg(int value) : Arg(static_cast<int64_t>(value)) {}
  Arg(size_t value) : Arg(static_cast<int64_t>(value)) {}
  Arg(float value) : bits(std::bit_cast<uint32_t>(value)) {}
};

/// Memory whose last byte is followed by a page that may not be touched and whose first is preceded by bytes that are
/// checked: reading or writing beyond the end faults, writing before the start is found by `intact`.
class GuardedBytes {
public:
  explicit GuardedBytes(size_t bytes, size_t alignment = 4);
  GuardedBytes(const GuardedBytes &) = delete;
  GuardedBytes &operator=(const GuardedBytes &) = delete;
  ~GuardedBytes();
  uint8_t *data() const { return start; }
  bool intact() const;

private:
  uint8_t *mapping, *start;
  size_t mapped;
};

/// An array in guarded memory; filled with NaN, so that what a kernel forgot to write shows.
template <typename T> class Guarded : public GuardedBytes {
public:
  explicit Guarded(size_t count) : GuardedBytes(count * sizeof(T)), count(count) {}
  explicit Guarded(const std::vector<T> &values) : Guarded(values.size()) {
    std::copy(values.begin(), values.end(), begin());
  }
  T *begin() const { return reinterpret_cast<T *>(data()); }
  T *end() const { return begin() + count; }
  T &operator[](size_t index) const { return begin()[index]; }
  size_t size() const { return count; }
  std::vector<T> copy() const { return {begin(), end()}; }

private:
  size_t count;
};

/// A compiled variant.
class Kernel {
public:
  /// `params` is an attribute dictionary as MLIR prints it, e.g. R"({activation = "gelu", bias = true})"; the variant
  /// must be listed in Variants.def and, beyond avx512, have code of its own at the level. Aborts the program with a
  /// message otherwise: tests name variants literally. The target must be one for this CPU: see whyUnsupported.
  static const Kernel &get(const std::string &family, const std::string &params = "{}", Target target = {});

  /// The levels at which a variant has code of its own and that this CPU has, lowest first.
  static std::vector<IsaLevel> levelsHere(const std::string &family, const std::string &params);

  int64_t panels(std::span<const Arg> args) const;
  /// Runs all panels in ranges of at most `panelsPerCall` (0: one call) with scratch of exactly the promised size.
  void run(std::vector<Arg> args, int64_t panelsPerCall = 0) const;
  /// One call without checks, for timing.
  void call(std::span<const Arg> args, int64_t begin, int64_t end, uint8_t *scratch) const;
  /// For the runtime's own threads.
  lathe_kernel entry() const { return function; }
  size_t scratchBytes() const { return scratch; }

private:
  friend class KernelLibrary;
  lathe_kernel function = nullptr;
  int64_t (*countPanels)(const uint64_t *) = nullptr;
  size_t scratch = 0;
  size_t slots = 0;
  std::string symbol;
};

/// The object that holds all variants for avx512, for looking at code sizes and symbols.
std::span<const char> kernelObject();
/// Seconds spent making it, from builders to object.
double secondsToCompile();

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_HARNESS_H
