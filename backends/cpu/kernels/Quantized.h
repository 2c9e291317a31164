// Rows of activations in bytes: what quantize_u8 stores and gemm_s8 reads.
#ifndef LATHE_BACKENDS_CPU_KERNELS_QUANTIZED_H
#define LATHE_BACKENDS_CPU_KERNELS_QUANTIZED_H

#include <cstdint>

namespace lathe {

/// A row begins with its scale (f32) and its zero point (i32); its bytes q follow behind this many, and stand for
/// scale * (q - zero point).
constexpr int64_t quantizedRowHeader = 64;

/// Bytes from a row of `width` elements to the next: whole lines of the cache, so that rows stay aligned.
constexpr int64_t quantizedRowBytes(int64_t width) { return quantizedRowHeader + (width + 63) / 64 * 64; }

} // namespace lathe
#endif
