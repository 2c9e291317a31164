//===- GenerationContender.h - an artifact that writes ------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_GENERATIONCONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_GENERATIONCONTENDER_H

#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// An artifact that writes behind the prompts of a workload, as makeArtifactContender makes one that runs. Creating it
/// checks that logits are finite, and that texts are the same in every run and as long as asked for.
llvm::Expected<std::unique_ptr<Contender>> makeGenerationContender(llvm::StringRef name, Precision precision,
                                                                   const LoadedModel &model, int64_t threads,
                                                                   const Workload &workload, double residentBefore);

/// Checks what contenders wrote behind prompts, the first one being the artifact: each so many tokens; and greedily, in
/// f32, first the likeliest by the artifact's logits, unless the next is as likely up to 1e-3.
llvm::Error compareWritten(llvm::ArrayRef<Contender *> contenders, const Workload &workload);

} // namespace lathe

#endif
