// The ISA levels we generate code for: one table, in the order of the LATHE_ISA_ constants in lathe/program.h.
#ifndef LATHE_BACKENDS_CPU_EMIT_TARGETDESCRIPTION_H
#define LATHE_BACKENDS_CPU_EMIT_TARGETDESCRIPTION_H

#include "backends/cpu/IsaLevel.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe {

struct TargetDescription {
  IsaLevel level;
  llvm::StringRef name; // as in --isa and LATHE_ISA
  /// Every feature the code may use, as LLVM spells them. Nothing is taken from the compiling machine's CPU, whose
  /// model name may promise what its hypervisor masks; so compiling works, and gives the same bytes, anywhere.
  llvm::StringRef features;
};

/// The triple of every object.
constexpr llvm::StringLiteral targetTriple = "x86_64-unknown-linux-gnu";

llvm::ArrayRef<TargetDescription> targetDescriptions();
const TargetDescription &describe(IsaLevel level);
/// The level of that name, or null.
const TargetDescription *findTarget(llvm::StringRef name);

/// "avx512, avx512_bf16".
std::string levelNames(llvm::ArrayRef<IsaLevel> levels);
/// The name in a level's object of a function that the module calls `function`: a library holds one for each level.
std::string symbolAt(llvm::StringRef function, IsaLevel level);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_EMIT_TARGETDESCRIPTION_H
