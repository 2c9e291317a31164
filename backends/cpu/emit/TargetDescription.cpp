#include "backends/cpu/emit/TargetDescription.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace lathe {

// A level's features contain those of the level below.
#define LATHE_AVX512                                                                                                   \
  "+sse4.2,+popcnt,+cx16,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,"                                              \
  "+avx512f,+avx512dq,+avx512bw,+avx512vl,+avx512cd"
#define LATHE_AVX512_VNNI LATHE_AVX512 ",+avx512vnni"
#define LATHE_AVX512_BF16 LATHE_AVX512_VNNI ",+avx512bf16"
#define LATHE_AMX LATHE_AVX512_BF16 ",+amx-tile,+amx-int8,+amx-bf16"

static constexpr TargetDescription table[] = {
    {IsaLevel::Avx512, "avx512", LATHE_AVX512},
    {IsaLevel::Avx512Vnni, "avx512_vnni", LATHE_AVX512_VNNI},
    {IsaLevel::Avx512Bf16, "avx512_bf16", LATHE_AVX512_BF16},
    {IsaLevel::Amx, "amx", LATHE_AMX},
};
static_assert(std::size(table) == LATHE_ISA_LEVELS, "one row per level of the contract with the runtime");

llvm::ArrayRef<TargetDescription> targetDescriptions() { return table; }

const TargetDescription &describe(IsaLevel level) { return table[static_cast<unsigned>(level)]; }

const TargetDescription *findTarget(llvm::StringRef name) {
  const TargetDescription *found = llvm::find_if(table, [&](const TargetDescription &row) { return row.name == name; });
  return found == std::end(table) ? nullptr : found;
}

std::string levelNames(llvm::ArrayRef<IsaLevel> levels) {
  return llvm::join(llvm::map_range(levels, [](IsaLevel level) { return describe(level).name; }), ", ");
}

std::string symbolAt(llvm::StringRef function, IsaLevel level) { return (function + "." + describe(level).name).str(); }

} // namespace lathe
