// The error of a tokenizer of a kind that is not covered, as against files that are wrong: a model can do without the
// one, since it takes ids too, but nobody should have to guess what the other was meant to be.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_UNSUPPORTEDTOKENIZER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_UNSUPPORTEDTOKENIZER_H

#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

class UnsupportedTokenizer : public llvm::ErrorInfo<UnsupportedTokenizer> {
public:
  static char ID;

  /// Of the file at `path`; `reason` says what was found and what is accepted.
  UnsupportedTokenizer(llvm::StringRef path, const llvm::Twine &reason) : path(path), why(reason.str()) {}

  /// Without the path.
  llvm::StringRef reason() const { return why; }
  void log(llvm::raw_ostream &os) const override { os << "'" << path << "': " << why; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string path, why;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_UNSUPPORTEDTOKENIZER_H
