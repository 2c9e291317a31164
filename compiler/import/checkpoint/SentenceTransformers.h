// What a sentence-transformers directory adds to a Hugging Face model: pooling, modules behind it, prompts, text
// lengths.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCETRANSFORMERS_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCETRANSFORMERS_H

#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/checkpoint/SentenceModules.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

enum class PoolingMode { Cls, Max, Mean, MeanSqrtLen, WeightedMean, LastToken };

/// The name that files and --pooling have for a mode; and the mode of a name, if there is one.
llvm::StringRef poolingName(PoolingMode mode);
std::optional<PoolingMode> findPooling(llvm::StringRef name);
/// "cls, max, ...", for messages.
std::string poolingNames();

/// A text that stands before every text of a kind: "query: ".
struct Prompt {
  std::string name, text;
  bool isDefault = false; ///< at most one is
};

struct SentenceTransformer {
  /// The directory of the model itself: the one given, or a module's folder inside it.
  std::string transformerPath;
  /// Concatenated in this order; empty where the directory is a cross-encoder's.
  llvm::SmallVector<PoolingMode, 1> poolings;
  /// Width of what is pooled, which must be the model's hidden size: see checkWidth.
  int64_t tokenWidth = 0;
  /// Whether tokens of a prompt, those before it included, are pooled with the others.
  bool poolsPrompts = true;
  /// What stands behind the pooling, in order.
  std::vector<SentenceModule> modules;
  std::vector<Prompt> prompts;
  /// Tokens of one text, special tokens included; absent: the directory sets no limit.
  std::optional<int64_t> maxSeqLength;
  /// Texts are lower-cased before the tokenizer sees them.
  bool doLowerCase = false;
  /// The file that states tokenWidth.
  std::string poolingFile;

  int64_t embeddingWidth() const {
    return modules.empty() ? tokenWidth * static_cast<int64_t>(poolings.size()) : modules.back().outputs;
  }
  /// An error unless the model's hidden size is the width to be pooled.
  llvm::Error checkWidth(int64_t hiddenSize) const;
};

/// What a cross-encoder makes of its one logit when it is asked for the score of a pair.
enum class ScoreActivation { Identity, Sigmoid, Tanh };
llvm::StringRef scoreActivationName(ScoreActivation activation);

/// Whether the model of a directory is a cross-encoder, and of which activation: the library's own file says so, or
/// config.json in a field of the library's, of version 4 or before. Other activations are an error that names the
/// field.
llvm::Expected<std::optional<ScoreActivation>> readCrossEncoder(llvm::StringRef directory, const JsonDocument &config);

/// Reads modules.json and the files it leads to; nothing where the directory has none. A module or a pooling that is
/// not supported is an error that names it and its file, as is a path that leaves the directory.
llvm::Expected<std::optional<SentenceTransformer>> readSentenceTransformer(llvm::StringRef directory);

/// model_max_length of a directory's tokenizer_config.json. Absent too where the number is beyond any model, as
/// Transformers writes 1e30 to say that nobody set it.
llvm::Expected<std::optional<int64_t>> readModelMaxLength(llvm::StringRef directory);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCETRANSFORMERS_H
