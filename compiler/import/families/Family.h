//===- Family.h - what a model family tells the importer ----------------------===//
//
// Adding a family: one file here that defines a `const Family`, one line in Families.def, one in CMakeLists.txt, and
// goldens under tests. Heads.h has what stands behind most encoders, BertBlocks.h what BERT's descendants share.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_FAMILY_H
#define LATHE_COMPILER_IMPORT_FAMILIES_FAMILY_H

#include "compiler/import/Activations.h"
#include "compiler/import/Features.h"
#include "compiler/import/ModelBuilder.h"
#include "compiler/import/Task.h"
#include "compiler/import/checkpoint/GenerationConfig.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"

#include <optional>

namespace lathe {

/// What a person, or the checkpoint in words that all families share, says of the head.
struct HeadOptions {
  Task task;
  bool hiddenStates = false;                            ///< --emit hidden_states
  std::optional<Features> features;                     ///< --features
  std::optional<SentenceTransformer> sentenceEmbedding; ///< for Task::Embedding
  int64_t labels = 2;                                   ///< classes of a classification
};

/// What a config says of the longest sequence: max_position_embeddings, or 512.
int64_t positionsByColumn(JsonFields &fields);
/// 0: sequences of any length.
int64_t unlimitedPositions(JsonFields &fields);

/// What a class of Hugging Face's has behind the family's prefix, and what it stands for.
struct ClassEnding {
  llvm::StringLiteral name;
  Task task;
};

struct Family {
  llvm::StringLiteral modelType;  ///< config.json's model_type
  llvm::StringLiteral title;      ///< what people call it, and the paper
  llvm::StringLiteral basePrefix; ///< of the base model's weights inside a head's checkpoint: "bert."
  /// What the names of its classes begin with: "Bert". Behind it stands what says the task (see classesOf).
  llvm::StringLiteral classPrefix;
  /// The tasks that `build` can build.
  llvm::ArrayRef<Task> tasks;
  /// Reads the config and builds the entry. An error names the config's field; errors of weights are the builder's.
  llvm::Error (*build)(ModelBuilder &model, const JsonDocument &config, const HeadOptions &options);
  /// The longest sequence that a config has positions for: what `build` finds, without the weights.
  int64_t (*longestSequence)(JsonFields &fields) = positionsByColumn;
  /// Classes whose names end unlike other families' of the same task.
  llvm::ArrayRef<ClassEnding> ownClasses = {};
  /// The name that `build` knows a weight by; null: the file's, behind the base prefix.
  std::string (*renameWeight)(llvm::StringRef name) = nullptr;
  /// Tensors of files that are no weights, by the end of their name.
  llvm::ArrayRef<llvm::StringRef> buffers = {};
  /// Of a family with task causal-lm or seq2seq-lm.
  std::optional<WritingIds> writingIds = std::nullopt;
  /// Parts share weights, which files may hold under the names of both.
  bool mayRepeatWeights = false;
  /// Texts are as long as they may be, filled up with padding that counts as any token.
  bool fillsTexts = false;
};

/// Every family, sorted by model type.
llvm::ArrayRef<const Family *> allFamilies();
/// The family of a model_type; an error lists those there are.
llvm::Expected<const Family *> findFamily(llvm::StringRef modelType);
struct ClassOfTask {
  std::string name; ///< "BertForMaskedLM"
  Task task;
};
/// Hugging Face's classes whose checkpoints the family reads.
std::vector<ClassOfTask> classesOf(const Family &family);
/// The task that such a class stands for; an error lists those of the family.
llvm::Expected<Task> taskOfClass(const Family &family, llvm::StringRef architecture);

/// Notes an error if the config asks for positions other than learned ones, counted by column.
void requireAbsolutePositions(JsonFields &fields);
/// Notes an error unless there are positions behind those up to `paddingId`, where tokens' positions begin.
void requirePositionsBehind(JsonFields &fields, int64_t paddingId, int64_t positions);
/// Notes an error unless `heads` divides `hidden`.
void requireWholeHeads(JsonFields &fields, int64_t hidden, int64_t heads);
/// Reads layer_types, if there are any, into which of the layers look no further than a window.
void readLayerTypes(JsonFields &fields, std::vector<bool> &isLocal);

} // namespace lathe

#endif
