#include "backends/cpu/emit/TargetDescription.h"

#include "llvm/ADT/STLExtras.h"

namespace lathe {

static constexpr TargetDescription table[] = {
    {IsaLevel::Avx512, "avx512",
     "+sse4.2,+popcnt,+cx16,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,"
     "+avx512f,+avx512dq,+avx512bw,+avx512vl,+avx512cd"},
};
static_assert(std::size(table) == LATHE_ISA_LEVELS, "one row per level of the contract with the runtime");

llvm::ArrayRef<TargetDescription> targetDescriptions() { return table; }

const TargetDescription &describe(IsaLevel level) { return table[static_cast<unsigned>(level)]; }

const TargetDescription *findTarget(llvm::StringRef name) {
  const TargetDescription *found = llvm::find_if(table, [&](const TargetDescription &row) { return row.name == name; });
  return found == std::end(table) ? nullptr : found;
}

} // namespace lathe
