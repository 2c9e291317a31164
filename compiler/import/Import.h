//===- Import.h - from a model directory to the `import` form -----------------===//
#ifndef LATHE_COMPILER_IMPORT_IMPORT_H
#define LATHE_COMPILER_IMPORT_IMPORT_H

#include "compiler/import/Features.h"
#include "compiler/import/Labels.h"
#include "compiler/import/Task.h"
#include "compiler/import/checkpoint/Checkpoint.h"
#include "compiler/import/checkpoint/GenerationConfig.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>

namespace lathe {

struct ImportOptions {
  std::optional<Task> task;                  ///< absent: what the directory says it is
  llvm::SmallVector<PoolingMode, 1> pooling; ///< --pooling: a sentence embedding from a plain model
  bool hiddenStates = false;                 ///< --emit hidden_states
  bool attentions = false;                   ///< --emit attentions
  std::optional<Features> features;

  /// Asks for what an output of that name is of.
  void emitAlso(llvm::StringRef output) {
    hiddenStates |= output.starts_with("hidden_states.");
    attentions |= output.starts_with("attentions.");
  }
};

/// A model in its dense, unfused form. Not a weight byte is copied: the module refers to the checkpoint's mapping.
struct ImportedModel {
  std::unique_ptr<Checkpoint> checkpoint; // outlives the module
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Task task;
  std::string architecture;                    ///< "BertModel"
  std::optional<SentenceTransformer> sentence; ///< of task embedding
  std::optional<ScoreActivation> score;        ///< of a cross-encoder with one logit: what makes its score of that
  Labels labels;                               ///< of classifications
  std::string tokenizerDirectory;
  bool tellsTypes = false;                  ///< where texts come without token types, it has others than 0 for them
  bool lowerCaseText = false;               ///< sentence-transformers' do_lower_case
  std::optional<int64_t> sentenceMaxLength; ///< sentence_bert_config.json's max_seq_length
  int64_t positionLimit = 0;
  bool fillsTexts = false;                    ///< Family's, of entries that read texts
  std::optional<GenerationConfig> generation; ///< of task causal-lm
  std::vector<std::string> unknownWeights;    ///< in the file, known to nobody
  std::vector<std::string> unusedWeights;     ///< another head's
};

/// Reads a Hugging Face or sentence-transformers directory. Everything that can be wrong with one is an error that
/// names the file and what in it: see compiler/import/checkpoint for the files, families/ for configs, ModelBuilder for
/// weights.
llvm::Expected<ImportedModel> importModel(mlir::MLIRContext *context, llvm::StringRef path,
                                          const ImportOptions &options);

/// The pooling of that name (--pooling).
llvm::Expected<PoolingMode> parsePooling(llvm::StringRef name);

} // namespace lathe

#endif
