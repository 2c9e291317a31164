//===- BartBlocks.h - what BART and its relatives share -----------------------===//
//
// The Transformer of Vaswani et al. 2017 as fairseq writes it: learned or sinusoidal positions, norms behind the parts
// of a layer or before them.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_BARTBLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_BARTBLOCKS_H

#include "compiler/import/families/EncoderDecoder.h"

namespace lathe {

enum class BartPositions {
  Learned,   ///< of the column, behind two unused rows
  Sinusoids, ///< of the column
  Counted    ///< sinusoids of the number of ids that are no padding, behind the padding's id
};

/// A config's sizes, or what its class has where the file is silent.
struct BartConfig {
  int64_t vocab = 50265, targetVocab = 0 /* as vocab */, hidden = 1024, positions = 1024;
  int64_t encoderLayers = 12, encoderHeads = 16, encoderInner = 4096;
  int64_t decoderLayers = 12, decoderHeads = 16, decoderInner = 4096;
  llvm::StringRef activationName = "gelu";
  const ActivationFunction *activation = nullptr; ///< of that name
  bool scalesWords = false;                       ///< by the root of their width
  BartPositions positionsBy = BartPositions::Learned;
  bool normsWords = true;  ///< with their positions
  bool normsFirst = false; ///< layers' norms stand before their parts
  bool normsLast = false;  ///< and one behind all layers
  bool sharesWords = true; ///< encoder and decoder
  bool tied = true;        ///< the language model's head is the decoder's words
  int64_t paddingId = 1, endId = 2;
  std::optional<int64_t> startId = 2; ///< of targets that are left out; absent: they wrap around

  /// Reads the fields that all relatives have, `defaults` standing for absent ones. Errors are noted in `fields`.
  static BartConfig read(JsonFields &fields, const BartConfig &defaults);
};

/// The whole model with its head.
llvm::Error buildBartModel(ModelBuilder &model, llvm::StringRef name, const BartConfig &config,
                           const HeadOptions &options);

constexpr Task bartTasks[] = {Task::Base, Task::Seq2SeqLm, Task::SequenceClassification, Task::QuestionAnswering};

} // namespace lathe

#endif
