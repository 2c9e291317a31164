//===- Stages.h - the forms a model goes through ------------------------------===//
//
// One list, in order; it drives --compile-to, --dump-stages and the summary.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_PIPELINES_STAGES_H
#define LATHE_COMPILER_PIPELINES_STAGES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace lathe {

enum class Stage { Import, Graph, Precision, Schedule, Kernels, Object, Artifact };

struct StageInfo {
  Stage stage;
  llvm::StringLiteral name;
  llvm::StringLiteral description; ///< what holds at its end
};

llvm::ArrayRef<StageInfo> allStages();
llvm::StringRef stageName(Stage stage);
/// The stage of that name; an error lists the names there are.
llvm::Expected<Stage> parseStage(llvm::StringRef name);

} // namespace lathe

#endif
