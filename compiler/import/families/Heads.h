//===- Heads.h - what stands behind an encoder, by task -----------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_HEADS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_HEADS_H

#include "compiler/import/families/Family.h"

namespace lathe {

/// What the heads of a family are made of where families differ. A vector is [batch, H], one for each sequence.
struct HeadParts {
  /// The linear layer whose tanh is `pooler_output`; empty where the family has none.
  llvm::StringRef pooler;
  /// What the classification of a whole text reads, and the linear layer behind it.
  llvm::function_ref<mlir::Value()> summary;
  llvm::StringRef classifier = "classifier";
  bool classifierIsBiased = true;
  /// What multiple choice reads in its stead, before `classifier`.
  llvm::function_ref<mlir::Value()> choice;
  /// The linear layers of token classification and question answering.
  llvm::StringRef tokenClassifier = "classifier";
  llvm::StringRef answers = "qa_outputs";
  /// What summary and choice do with the first column.
  FirstColumn summaryReads = FirstColumn::Error;
};

/// Declares the outputs of a task, under Hugging Face's names; every family has these:
///
///   base                      last_hidden_state, and pooler_output where the checkpoint has the pooler
///   embedding                 sentence_embedding
///   sequence-classification   logits [batch, labels]
///   token-classification      logits [batch, seq, labels]
///   question-answering        start_logits, end_logits [batch, seq]
///   multiple-choice           logits [batch, choices]
llvm::Error emitHead(ModelBuilder &model, mlir::Value hidden, const HeadOptions &options, const HeadParts &parts);

/// What encoders are made for that fill in masks and have no head of their own.
inline constexpr Task encoderTasks[] = {Task::Base,
                                        Task::MaskedLm,
                                        Task::Embedding,
                                        Task::SequenceClassification,
                                        Task::TokenClassification,
                                        Task::QuestionAnswering,
                                        Task::MultipleChoice};

/// [batch, H]: an activation of the linear layer `dense` on the first token's vector, as wide as that.
mlir::Value pooled(ModelBuilder &model, mlir::Value hidden, llvm::StringRef dense,
                   xf::Activation activation = xf::Activation::Tanh);

/// What the heads of a decoder are made of where families differ.
struct DecoderParts {
  llvm::StringRef embedding; ///< the word embedding's weight, which is the language model's where they are tied
  int64_t vocab;
  bool tied;
  llvm::StringRef head = "lm_head.weight";         ///< the language model's own
  llvm::StringRef bias = "";                       ///< of that; empty: none
  llvm::StringRef classifier = "score";            ///< the linear layer behind the last token, without a bias
  llvm::StringRef tokenClassifier = "classifier";  ///< that behind every token, with one
  std::optional<int64_t> paddingId = std::nullopt; ///< the last token is the last whose id is another
  std::optional<double> logitCap = std::nullopt;   ///< of the language model's, see BlockBuilder::softCap
};
/// The same of a decoder: causal-lm, logits [batch, seq, vocab], and sequence-classification as `parts` say, or else as
/// emitHead has it.
llvm::Error emitDecoderHead(ModelBuilder &model, mlir::Value hidden, const HeadOptions &options,
                            const DecoderParts &parts);

/// A decoder's two heads: logits [batch, choices, seq, vocab] of the language model, and mc_logits [batch, choices],
/// which `multiple_choice_head.summary` makes of the token that mc_token_ids names, as the config's summary_* fields
/// say.
llvm::Error emitDoubleHeads(ModelBuilder &model, mlir::Value hidden, const JsonDocument &config,
                            const DecoderParts &parts);

/// Where the decoder of a head over the vocabulary lies.
struct DecoderNames {
  std::string embedding; ///< the word embedding's weight, which is the decoder's where they are tied
  std::string weight;    ///< the decoder's own
  std::string bias;    ///< the head's; files hold the bias under one name or both, and tied models read this one first
  std::string ownBias; ///< the decoder's, which others read first
};
/// `<head>.decoder`, with `<head>.bias`.
DecoderNames decoderOf(llvm::StringRef head);
/// [batch, seq, vocab]: the decoder of `x`, which is as wide as the word embedding.
mlir::Value vocabularyLogits(ModelBuilder &model, mlir::Value x, const DecoderNames &names, int64_t vocab, bool tied);
/// Declares it as an output.
void emitVocabularyLogits(ModelBuilder &model, llvm::StringRef output, mlir::Value x, const DecoderNames &names,
                          int64_t vocab, bool tied);

/// The end of every encoder. Declares hidden_states.N when asked for: `embeddings`, then every layer's result; likewise
/// features of these, an error where there are not as many layers as they are of, and attentions.N, each attention's
/// probabilities; all of these behind `prefix`. Weights of other heads, which a checkpoint may have unused, are told by
/// how their names begin.
llvm::Error finishEncoder(ModelBuilder &model, mlir::Value embeddings, llvm::ArrayRef<mlir::Value> layers,
                          const HeadOptions &options, llvm::ArrayRef<llvm::StringRef> otherHeads,
                          llvm::StringRef prefix = "");

} // namespace lathe

#endif
