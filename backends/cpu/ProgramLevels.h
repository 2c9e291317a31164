//===- ProgramLevels.h - the ISA levels that a program has code for -----------===//
#ifndef LATHE_BACKENDS_CPU_PROGRAMLEVELS_H
#define LATHE_BACKENDS_CPU_PROGRAMLEVELS_H

#include "backends/cpu/IsaLevel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// The levels at which any kernel of a program at stage `schedule` has code of its own, ascending: avx512, and no level
/// at which the program would be the same as at the one below.
llvm::SmallVector<IsaLevel> programLevels(mlir::ModuleOp scheduled);

/// The levels that "avx512,amx" names, ascending, each once; none for "all", whatever a program has code for. An error
/// lists the names there are.
llvm::Expected<llvm::SmallVector<IsaLevel>> parseLevels(llvm::StringRef text);

} // namespace lathe

#endif
