// The ISA levels that code is generated for, each containing the lower ones. What a level allows is written down in
// emit/TargetDescription.h.
#ifndef LATHE_BACKENDS_CPU_ISALEVEL_H
#define LATHE_BACKENDS_CPU_ISALEVEL_H

#include "lathe/program.h"

namespace lathe {

enum class IsaLevel {
  Avx512 = LATHE_ISA_AVX512,
  Avx512Vnni = LATHE_ISA_AVX512_VNNI, ///< u8 x s8 dot products
  Avx512Bf16 = LATHE_ISA_AVX512_BF16, ///< bf16 dot products
  Amx = LATHE_ISA_AMX,                ///< tiles of bf16 and int8
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_ISALEVEL_H
