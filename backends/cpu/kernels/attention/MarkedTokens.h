// Tokens that lie anywhere in their sequence, marked by a number that is not 0: keys that are seen from everywhere, or
// the only queries that there are. Their places are listed, and their rows copied one behind the other, where attention
// works on them as on any other rows. Who is listed depends on nothing but the sequence.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_MARKEDTOKENS_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_MARKEDTOKENS_H

#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/Sequences.h"

namespace lathe {

class MarkedTokens {
public:
  /// Words of a list of at most so many: what a vector of tokens has on either side of them is stored, too.
  static constexpr int64_t listWords(int64_t most) { return most + 2 * KernelBuilder::lanes; }
  /// Words from a copied row to the next.
  static int64_t rowWords(int64_t width, Words words) {
    return llvm::alignTo(llvm::divideCeil(width, elementsPerWord(words)), KernelBuilder::lanes);
  }

  /// `marks` are i32 [T]; the list is to lie at `list`.
  MarkedTokens(KernelBuilder &b, Words words, mlir::Value marks, mlir::Value list)
      : b(b), words(words), marks(marks), list(b.at(list, KernelBuilder::lanes)) {}

  /// How many a sequence has.
  mlir::Value count(Sequence sequence);
  /// Lists up to `most` of them, from number `first` on.
  void emitList(Sequence sequence, mlir::Value first, int64_t most);
  /// Where in its sequence one is that is listed.
  mlir::Value place(mlir::Value listed) { return b.loadIndex(b.at(list, listed)); }
  /// The numbers that mark sixteen that are listed; those outside the mask are 0.
  mlir::Value numbers(Sequence sequence, mlir::Value listed, mlir::Value mask);
  /// Copies rows of so many elements of those that are listed, of which `from` has the sequence's first.
  void emitRows(Rows from, int64_t width, mlir::Value listed, Rows to);
  /// Which of sixteen rows of the sequence are marked; those outside the mask are not.
  mlir::Value lanesOf(Sequence sequence, mlir::Value row, mlir::Value mask);

private:
  KernelBuilder &b;
  const Words words;
  mlir::Value marks, list;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_MARKEDTOKENS_H
