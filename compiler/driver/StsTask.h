//===- StsTask.h - how well embeddings agree with people ----------------------===//
#ifndef LATHE_COMPILER_DRIVER_STSTASK_H
#define LATHE_COMPILER_DRIVER_STSTASK_H

#include "compiler/driver/Artifact.h"
#include "compiler/driver/SentencePairs.h"
#include "compiler/driver/Texts.h"

namespace lathe {

/// Semantic textual similarity: pairs of sentences that people have scored.
class StsTask {
public:
  /// Reads a CSV file with the columns sentence, sentence, score.
  static llvm::Expected<StsTask> read(const std::string &file);

  /// Spearman's correlation of the scores with the cosines of a model's sentence embeddings. An error where the model
  /// gives none.
  llvm::Expected<double> spearman(const LoadedArtifact &model, const RunOptions &options,
                                  const PromptChoice &prompt = {}) const;

  size_t pairs() const { return scored.size(); }
  /// BLAKE3 of the file, hexadecimal.
  llvm::StringRef hash() const { return fileHash; }

private:
  std::string file, fileHash;
  std::vector<SentencePair> scored;
};

} // namespace lathe

#endif
