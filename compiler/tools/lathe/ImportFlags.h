//===- ImportFlags.h - options that say how a model directory is read ---------===//
#ifndef LATHE_COMPILER_TOOLS_LATHE_IMPORTFLAGS_H
#define LATHE_COMPILER_TOOLS_LATHE_IMPORTFLAGS_H

#include "compiler/import/Import.h"

#include <CLI/CLI.hpp>

namespace lathe {

/// --task, --pooling, --emit and --features, shared by the verbs that import a model. Must outlive the parsing.
struct ImportFlags {
  std::string task, features;
  std::vector<std::string> pooling, emit;

  void declare(CLI::App &verb);
  bool given() const { return !task.empty() || !pooling.empty() || !emit.empty() || !features.empty(); }
  llvm::Expected<ImportOptions> resolve() const;
};

} // namespace lathe

#endif
