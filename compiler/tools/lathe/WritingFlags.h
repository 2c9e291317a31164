//===- WritingFlags.h - how lathe generate is told to write -------------------===//
#ifndef LATHE_COMPILER_TOOLS_LATHE_WRITINGFLAGS_H
#define LATHE_COMPILER_TOOLS_LATHE_WRITINGFLAGS_H

#include "compiler/driver/Writing.h"

#include <CLI/CLI.hpp>
#include <optional>

namespace lathe {

/// What a model's own options are replaced by.
struct WritingFlags {
  std::optional<int64_t> topK, maxNewTokens, minNewTokens, numBeams, noRepeatNgramSize, forcedBosId, forcedEosId,
      numReturnSequences, numBeamGroups, encoderNoRepeatNgramSize, minLength, maxLength;
  std::optional<double> lengthPenalty, repetitionPenalty, presencePenalty, frequencyPenalty, temperature, topP, minP,
      typicalP, diversityPenalty, encoderRepetitionPenalty, epsilonCutoff, etaCutoff;
  std::optional<std::string> earlyStopping, badWords, sequenceBias, suppressTokens, beginSuppressTokens, decay;
  std::optional<uint64_t> seed;
  std::optional<int64_t> numAssistantTokens;
  std::optional<double> assistantConfidenceThreshold;
  std::optional<std::string> numAssistantTokensSchedule;
  std::optional<bool> doSample, renormalizeLogits;

  /// Declares all but --top-k, which has another meaning beside masks; the options declared.
  std::vector<CLI::Option *> declare(CLI::App &verb);
  /// `stop`: strings that end a text, or "" alone for none. Of the model's own, those that cannot be looked for are
  /// left out with a note.
  llvm::Error apply(WritingOptions &options, llvm::ArrayRef<std::string> stop, bool hasTokenizer) const;

  /// What goes with an assistant: what its own file says unless it is told otherwise.
  llvm::Error applyToAssisted(WritingOptions &options, const WritingOptions &ofAssistant) const;
  bool givesAssistance() const {
    return numAssistantTokens || assistantConfidenceThreshold || numAssistantTokensSchedule;
  }

private:
  llvm::Error applyLists(WritingOptions &options) const;
};

} // namespace lathe

#endif
