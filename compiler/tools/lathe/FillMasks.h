//===- FillMasks.h - lathe generate of a masked language model ----------------===//
#ifndef LATHE_COMPILER_TOOLS_LATHE_FILLMASKS_H
#define LATHE_COMPILER_TOOLS_LATHE_FILLMASKS_H

#include "compiler/tools/lathe/Verbs.h"

namespace lathe {

/// Fills in the masks of texts, the surest first, and prints them; with `topK`, so many candidates of each.
llvm::Error fillMasksOf(const LoadedArtifact &loaded, const std::vector<TextArgument> &texts,
                        std::optional<int64_t> topK, bool json);

} // namespace lathe

#endif
