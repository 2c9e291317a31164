//===- PythonContender.h - PyTorch, as lathe bench times it -------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PYTHONCONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_PYTHONCONTENDER_H

#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

struct EagerOptions {
  std::string model;  ///< the model directory that the artifact was compiled from
  std::string python; ///< an interpreter that has torch, transformers and safetensors
  std::string task;   ///< the artifact's
  int64_t threads;
};

/// Starts a Python process that runs peers/Eager.py on the padded inputs. It ends with the object.
llvm::Expected<std::unique_ptr<Contender>> makeEagerContender(const EagerOptions &options, const Workload &workload);

} // namespace lathe

#endif
