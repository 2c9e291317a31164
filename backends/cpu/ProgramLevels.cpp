//===- ProgramLevels.cpp - the ISA levels that a program has code for ---------===//
#include "backends/cpu/ProgramLevels.h"

#include "backends/cpu/emit/TargetDescription.h"
#include "backends/cpu/kernels/Kernels.h"
#include "ir/xf/XfDialect.h"

using namespace mlir;

namespace lathe {

llvm::SmallVector<IsaLevel> programLevels(ModuleOp scheduled) {
  // Row programs are no family of the list: Halide's code is that of the lowest level (linkHalideFunctions).
  llvm::SmallVector<IsaLevel> levels = {IsaLevel::Avx512};
  for (auto kernel : scheduled.getOps<xf::KernelOp>())
    if (const KernelFamily *family = lookupKernel(kernel.getFamily()))
      llvm::append_range(levels, family->levels(kernel.getParameters()));
  llvm::sort(levels);
  levels.erase(llvm::unique(levels), levels.end());
  return levels;
}

llvm::Expected<llvm::SmallVector<IsaLevel>> parseLevels(llvm::StringRef text) {
  llvm::SmallVector<IsaLevel> levels;
  if (text == "all")
    return levels;
  for (llvm::StringRef name : llvm::split(text, ',')) {
    const TargetDescription *target = findTarget(name);
    if (!target) {
      auto levelOf = [](const TargetDescription &known) { return known.level; };
      return llvm::createStringError("unknown ISA level '" + name + "'; accepted are all, native, or a list of " +
                                     levelNames(llvm::map_to_vector(targetDescriptions(), levelOf)));
    }
    levels.push_back(target->level);
  }
  llvm::sort(levels);
  levels.erase(llvm::unique(levels), levels.end());
  return levels;
}

} // namespace lathe
