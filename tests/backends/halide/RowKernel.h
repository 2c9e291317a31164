// Compiles row programs as `lathe compile` does and runs them as the runtime does. Benchmarks use it too.
#ifndef LATHE_TESTS_BACKENDS_HALIDE_ROWKERNEL_H
#define LATHE_TESTS_BACKENDS_HALIDE_ROWKERNEL_H

#include "tests/backends/kernels/Harness.h"

#include <memory>

namespace lathe::test {

/// A compiled row program.
class RowKernel {
public:
  /// Compiles the text (backends/halide/RowProgram.h). What goes wrong is in `error`; the kernel cannot be run then.
  explicit RowKernel(const std::string &program);
  RowKernel(RowKernel &&) noexcept;
  ~RowKernel();

  std::string error;
  std::vector<char> object;
  std::string ir; ///< LLVM's, optimised
  size_t scratchBytes = 0;
  int64_t slots = 0;

  int64_t panels(int64_t rows) const;
  /// Runs all panels in ranges of at most `panelsPerCall` (0: one call), the last first, with scratch of exactly the
  /// promised size; false if something was written before it. The last slot is the number of rows.
  bool run(const std::vector<Arg> &args, int64_t panelsPerCall = 0) const;
  /// One call without checks, for timing.
  void call(const std::vector<Arg> &args, uint8_t *scratch) const;

private:
  struct Loaded;
  std::unique_ptr<Loaded> loaded;
};

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_HALIDE_ROWKERNEL_H
