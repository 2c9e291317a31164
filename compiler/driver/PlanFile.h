//===- PlanFile.h - precision plans, in files and for people ------------------===//
#ifndef LATHE_COMPILER_DRIVER_PLANFILE_H
#define LATHE_COMPILER_DRIVER_PLANFILE_H

#include "passes/precision/PrecisionPlan.h"

#include "llvm/Support/Error.h"

namespace lathe {

/// Reads a plan: {"default": "int8", "overrides": {"bert_layer 3": "bf16", "head": "f32"}}; or the one that an
/// artifact's manifest.json has. Which units a model has only its compile knows; precisions are checked here.
llvm::Expected<PrecisionPlan> readPlan(const std::string &path);

/// "bf16: head; f32: bert_layer 3 to 5".
std::string overridesText(const PrecisionPlan &plan);
/// "int8 products and tables, f32 between them; but bf16: head, bert_layer 3 to 5".
std::string planText(const PrecisionPlan &plan);

} // namespace lathe

#endif
