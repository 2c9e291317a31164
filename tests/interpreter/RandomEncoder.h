// Encoders as importers write them, their sizes and weights drawn at random.
#ifndef LATHE_TESTS_INTERPRETER_RANDOMENCODER_H
#define LATHE_TESTS_INTERPRETER_RANDOMENCODER_H

#include "tests/support/Tensors.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace lathe::test {

/// The text of a post-norm encoder. Where column 0 is masked its outputs are 0: the dense and the packed form differ in
/// what they take for the first token then, which is why no caller sees it. Half of them have an activation and norms
/// that are formulas, which no op has a name for.
class RandomEncoder {
public:
  explicit RandomEncoder(Random &random);
  std::string text();

  static constexpr int64_t positions = 7;
  int64_t heads, headDim, hidden, inner, layers, vocab;
  bool hiddenStates, formulas, distances; ///< distances: scores get a bias and a window
  std::string activation;

private:
  void weight(std::string &m, llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  std::string activate() const;
  std::string norm(llvm::StringRef to, llvm::StringRef from, llvm::StringRef index) const;
  std::string layerFunction() const;
  std::string entry() const;

  Random &random;
};

} // namespace lathe::test

#endif // LATHE_TESTS_INTERPRETER_RANDOMENCODER_H
