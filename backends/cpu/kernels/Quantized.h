// Rows of activations in bytes: what quantize_u8 stores and gemm_s8 reads.
//
// The range of numbers, which has 0 in it, is cut into 255 steps, so that 0 is exact and numbers that are all positive
// lose no bit to a sign. It is that of the row, or one that is known before: then what lies beyond becomes its end.
#ifndef LATHE_BACKENDS_CPU_KERNELS_QUANTIZED_H
#define LATHE_BACKENDS_CPU_KERNELS_QUANTIZED_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// A row begins with its scale (f32) and its zero point (i32); its bytes q follow behind this many, and stand for
/// scale * (q - zero point).
constexpr int64_t quantizedRowHeader = 64;

/// Bytes from a row of `width` elements to the next: whole lines of the cache, so that rows stay aligned.
constexpr int64_t quantizedRowBytes(int64_t width) { return quantizedRowHeader + (width + 63) / 64 * 64; }

/// The steps of a range from -below to above, both scalars.
class QuantizedSteps {
public:
  QuantizedSteps(KernelBuilder &b, mlir::Value above, mlir::Value below);
  /// Those of a range in memory: its least number and its greatest.
  static QuantizedSteps ofRange(KernelBuilder &b, mlir::Value range);

  void storeHeader(KernelBuilder &b, mlir::Value row) const;
  /// Stores sixteen numbers as bytes.
  void store(KernelBuilder &b, mlir::Value vector, mlir::Value address) const;

private:
  mlir::Value scale, zeroPoint; ///< of a header
  mlir::Value factor, shift;    ///< in all lanes
};

} // namespace lathe
#endif
