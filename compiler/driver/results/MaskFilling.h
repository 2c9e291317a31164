//===- MaskFilling.h - masks filled in one after the other --------------------===//
//
// A masked language model gives each [MASK] of a text its own distribution, as if the others stayed masked: what is
// likeliest for each need not go together. Here the mask of which the model is most certain is filled in first, and the
// others are looked at anew.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_RESULTS_MASKFILLING_H
#define LATHE_COMPILER_DRIVER_RESULTS_MASKFILLING_H

#include "compiler/driver/Texts.h"

namespace lathe {

struct FilledMask {
  size_t position;
  std::string spelling; ///< of the masked token
  /// Ids and their probabilities when this mask was filled in, best first; the first is what stands there now.
  std::vector<std::pair<int32_t, double>> candidates;
};

struct FilledText {
  std::vector<int32_t> ids;
  std::vector<FilledMask> masks; ///< in the order in which they were filled in
  double score = 1;              ///< the product of their probabilities
};

/// Where the tokens are that are to be filled in, as the families of tokenizers spell them: [MASK], <mask>.
std::vector<size_t> maskPositions(const TokenizedText &text);

/// Fills in all masks of the texts by the entry's `logits`, a run for the k-th mask of all texts at once. `candidates`
/// is how many are wanted of each mask. A text without a mask is an error.
llvm::Expected<std::vector<FilledText>> fillMasks(const RunContext &context, const lathe_entry_info &entry,
                                                  llvm::ArrayRef<TokenizedText> texts, int64_t candidates);

} // namespace lathe

#endif
