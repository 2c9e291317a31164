// The modules of a sentence-transformers directory that stand behind its pooling.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCEMODULES_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCEMODULES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace lathe {

/// A step from one sentence embedding to the next. What the library has besides and does nothing when a model is used,
/// Dropout, is none.
struct SentenceModule {
  enum class Kind { Dense, LayerNorm, Normalize } kind;
  std::string directory; ///< of its files
  /// Its folder, which the names of its weights begin with: "2_Dense.linear.weight". Empty: it has none.
  std::string prefix;
  int64_t inputs = 0, outputs = 0; ///< widths
  bool biased = true;              ///< Dense
  std::string activation;          ///< Dense: as Transformers names it (Activations.h)

  /// "Dense": the class's last name.
  llvm::StringRef name() const;
};

/// Whether the library has a module of that name that may stand behind a pooling, and Lathe knows it.
bool isSentenceModule(llvm::StringRef name);
/// The names there are, for messages.
llvm::StringRef sentenceModuleNames();

/// Reads the files of a module called `name` (isSentenceModule) whose `folder`, inside `root`, modules.json states. It
/// is given vectors of `width` columns; an error names its file where it takes others.
llvm::Expected<SentenceModule> readSentenceModule(llvm::StringRef name, llvm::StringRef root, llvm::StringRef folder,
                                                  int64_t width);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_SENTENCEMODULES_H
