// AMX's tile instructions by other means, so that kernels of level amx run, and are checked, where there is no AMX.
//
//   mlir::DialectRegistry registry;
//   registerEmission(registry, registerEmulatedAmx);
//
// Ops of dialect amx become calls of functions of this process, which do in plain loops what Intel's manual says of the
// instruction; a tile is a value of its bytes. Everything else is lowered as it is for a program that ships.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_EMULATEAMX_H
#define LATHE_TESTS_BACKENDS_KERNELS_EMULATEAMX_H

#include <cstdint>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace lathe::test {

void registerEmulatedAmx(mlir::DialectRegistry &registry);

/// tdpbf16ps: sums [rows][16] f32, a [rows][16][2] and b [16][16][2] bf16. Products of the pairs' first elements are
/// added up from zero, then those of the second ones, each by FMAs, then both sums to each other and to what was there;
/// all rounded to nearest even, with denormals as zero.
void emulateTileProduct(float *sums, const uint16_t *a, const uint16_t *b, int64_t rows);
/// tdpbusd: sums [rows][16] i32, a [rows][16][4] unsigned and b [16][16][4] signed bytes. Exact, modulo 2^32.
void emulateTileProductOfBytes(int32_t *sums, const uint8_t *a, const int8_t *b, int64_t rows);

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_EMULATEAMX_H
