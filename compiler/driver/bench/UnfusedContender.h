//===- UnfusedContender.h - the same model with the graph passes off ----------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_UNFUSEDCONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_UNFUSEDCONTENDER_H

#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// Compiles `model`, the directory that `artifact` was compiled from, for the same task, pooling and outputs but
/// without the graph passes, in the same precision, into a temporary directory, and loads it into this process. Nothing
/// of it is left on disk.
llvm::Expected<std::unique_ptr<Contender>> makeUnfusedContender(const Artifact &artifact, const lathe_entry_info &entry,
                                                                llvm::StringRef model, int64_t threads,
                                                                const Workload &workload);

} // namespace lathe

#endif
