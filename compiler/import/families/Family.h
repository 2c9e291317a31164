//===- Family.h - what a model family tells the importer ----------------------===//
//
// Adding a family: one file here that defines a `const Family`, one line in Families.cpp, one in CMakeLists.txt, and
// goldens under tests.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_FAMILY_H
#define LATHE_COMPILER_IMPORT_FAMILIES_FAMILY_H

#include "compiler/import/Activations.h"
#include "compiler/import/ModelBuilder.h"
#include "compiler/import/Task.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"

#include <optional>

namespace lathe {

/// What a person asked for beyond the checkpoint.
struct HeadOptions {
  Task task;
  bool hiddenStates = false;                            ///< --emit hidden_states
  std::optional<SentenceTransformer> sentenceEmbedding; ///< for Task::Embedding
};

struct Family {
  llvm::StringLiteral modelType;  ///< config.json's model_type
  llvm::StringLiteral basePrefix; ///< of the base model's weights inside a head's checkpoint: "bert."
  /// The classes whose checkpoints the family reads, and the task each stands for.
  llvm::ArrayRef<std::pair<llvm::StringLiteral, Task>> architectures;
  /// The tasks that `build` can build.
  llvm::ArrayRef<Task> tasks;
  /// Reads the config and builds the entry. An error names the config's field; errors of weights are the builder's.
  llvm::Error (*build)(ModelBuilder &model, const JsonDocument &config, const HeadOptions &options);
};

/// Every family, sorted by model type.
llvm::ArrayRef<const Family *> allFamilies();
/// The family of a model_type; an error lists those there are.
llvm::Expected<const Family *> findFamily(llvm::StringRef modelType);

/// Notes an error if the config asks for positions other than learned ones, counted by column.
void requireAbsolutePositions(JsonFields &fields);
/// Notes an error unless `heads` divides `hidden`.
void requireWholeHeads(JsonFields &fields, int64_t hidden, int64_t heads);

struct BertEmbeddingSizes {
  int64_t vocab, tokenTypes, positions, width;
  double eps;
};
/// [batch, seq, width]: the sum of a word's, a token type's and a position's row in `embeddings.*`, normalised.
mlir::Value bertEmbeddings(ModelBuilder &model, const BertEmbeddingSizes &sizes);

/// Declares `logits` [batch, seq, vocab]: `<head>.decoder` applied to `x`, which is as wide as the word embedding;
/// where they are `tied` that is the decoder's weight.
void emitMaskedLmLogits(ModelBuilder &model, mlir::Value x, llvm::StringRef head, int64_t vocab, bool tied);
/// Declares hidden_states.N when asked for: `embeddings`, then every layer's result.
void emitHiddenStates(ModelBuilder &model, mlir::Value embeddings, llvm::ArrayRef<mlir::Value> layers,
                      const HeadOptions &options);

/// Declares what an encoder gives without a head of its own: for task embedding `sentence_embedding`, pooled, and
/// normalised where the directory says so; else `last_hidden_state`, and `pooler_output` [batch, hidden] where the
/// checkpoint has the linear layer `pooler`, without which it may be saved. An error if the directory pools another
/// width than the model has.
llvm::Error emitEncoderOutputs(ModelBuilder &model, mlir::Value hidden, llvm::StringRef pooler,
                               const HeadOptions &options);

} // namespace lathe

#endif
