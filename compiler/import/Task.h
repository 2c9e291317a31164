//===- Task.h - what a compiled model computes --------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_TASK_H
#define LATHE_COMPILER_IMPORT_TASK_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <utility>

namespace lathe {

enum class Task {
  Base, ///< the encoder's hidden states, and its pooler
  MaskedLm,
  NextSentence,
  Pretraining,
  SequenceClassification,
  TokenClassification,
  QuestionAnswering,
  MultipleChoice,
  CausalLm,
  Seq2SeqLm,
  ImageClassification,
  Embedding,  ///< one vector per sequence
  Encoder,    ///< the hidden states of an encoder-decoder's encoder alone
  Projection, ///< one of two encoders, with what takes its vectors to where those of the other one lie
};

/// The names that --task takes.
inline constexpr std::array<std::pair<llvm::StringLiteral, Task>, 14> taskNames = {{
    {"base", Task::Base},
    {"masked-lm", Task::MaskedLm},
    {"next-sentence", Task::NextSentence},
    {"pretraining", Task::Pretraining},
    {"sequence-classification", Task::SequenceClassification},
    {"token-classification", Task::TokenClassification},
    {"question-answering", Task::QuestionAnswering},
    {"multiple-choice", Task::MultipleChoice},
    {"causal-lm", Task::CausalLm},
    {"seq2seq-lm", Task::Seq2SeqLm},
    {"image-classification", Task::ImageClassification},
    {"embedding", Task::Embedding},
    {"encoder", Task::Encoder},
    {"projection", Task::Projection},
}};

llvm::StringRef taskName(Task task);
/// Whether its logits say which token comes next.
inline bool writes(Task task) { return task == Task::CausalLm || task == Task::Seq2SeqLm; }
/// Whether its output has a number for each class of the config.
inline bool isClassification(Task task) {
  return task == Task::SequenceClassification || task == Task::TokenClassification || task == Task::ImageClassification;
}
/// The task of that name; an error lists the names there are.
llvm::Expected<Task> parseTask(llvm::StringRef name);

} // namespace lathe

#endif
