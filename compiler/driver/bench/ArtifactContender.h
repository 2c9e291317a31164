//===- ArtifactContender.h - an artifact, as lathe bench times it -------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_ARTIFACTCONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_ARTIFACTCONTENDER_H

#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// An artifact's entry, which computes in `precision`, in this process. Creating it checks that results are finite and
/// the same in every run. Its memory is counted from `residentBefore`, the process's before the library was loaded.
llvm::Expected<std::unique_ptr<Contender>> makeArtifactContender(llvm::StringRef name, Precision precision,
                                                                 const LoadedModel &model,
                                                                 const lathe_entry_info &entry, int64_t threads,
                                                                 const Workload &workload, double residentBefore);

} // namespace lathe

#endif
