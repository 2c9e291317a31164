//===- Precision.h - what products are computed from --------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PRECISION_H
#define LATHE_COMPILER_DRIVER_BENCH_PRECISION_H

#include <optional>
#include <string_view>

namespace lathe {

/// What a contender multiplies, or a kernel. Sums, norms and what else lies between products may be wider.
enum class Precision { F32, BF16, Int8, Int4 }; // from fine to coarse
inline constexpr Precision allPrecisions[] = {Precision::F32, Precision::BF16, Precision::Int8, Precision::Int4};

/// "f32", as --precision takes it and the manifest says it.
const char *nameOf(Precision precision);
std::optional<Precision> precisionNamed(std::string_view name);

/// Of a kernel's products, by its symbol: the first type in it is its family's ("lathe_gemm_bf16_bias",
/// "lathe_gemm_s8"). f32 where there is none.
Precision precisionOfKernel(std::string_view symbol);
/// What precedes that type: "lathe_gemm"; all of a symbol without one.
std::string_view kernelStem(std::string_view symbol);

/// Bytes in which one of many weights is stored, with its part of their scales.
double bytesPerWeight(Precision precision);

} // namespace lathe

#endif
