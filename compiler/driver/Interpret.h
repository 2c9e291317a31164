//===- Interpret.h - the reference, on any model directory --------------------===//
#ifndef LATHE_COMPILER_DRIVER_INTERPRET_H
#define LATHE_COMPILER_DRIVER_INTERPRET_H

#include "compiler/driver/TensorArrays.h"
#include "compiler/import/Import.h"
#include "compiler/pipelines/Stages.h"
#include "passes/precision/PrecisionPlan.h"

namespace lathe {

struct InterpretOptions {
  std::string model; ///< a model directory
  ImportOptions import;
  Stage stage = Stage::Import; ///< the form to run: Import, Graph or Precision
  PrecisionPlan plan;          ///< that stage Precision brings it to
  int64_t group = 64;          ///< weights in a group of int4
  std::string entry;           ///< empty: the first
};

/// Imports a model, brings it to the form asked for, and runs that through the interpreter: in double precision, op by
/// op, from the checkpoint's own weights. Slow, and the definition of what compiled code should give.
llvm::Expected<std::vector<FloatTensor>> interpretModel(const InterpretOptions &options, const InputTensors &inputs);

} // namespace lathe

#endif
