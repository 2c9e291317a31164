//===- Labels.h - the classes that a classifier tells apart -------------------===//
#ifndef LATHE_COMPILER_IMPORT_LABELS_H
#define LATHE_COMPILER_IMPORT_LABELS_H

#include "compiler/import/checkpoint/Json.h"

namespace lathe {

/// What config.json says of classes. How many there are is how wide a classifier's output is.
struct Labels {
  std::vector<std::string> names; ///< by index; "LABEL_0" and so on where the file gives none
  std::string problem;            ///< problem_type, or empty
};

/// Reads `id2label`, or else `num_labels`; without either there are two. Numbers of classes that are not 0, 1, 2, ...
/// are an error.
llvm::Expected<Labels> readLabels(const JsonDocument &config);

} // namespace lathe

#endif
