//===- Int4.h - what a row of weights becomes in int4 --------------------------===//
//
// Int4 is int8 told shorter. A row has a scale, here a bf16, by which each weight is a signed byte; of the bytes of a
// group of neighbouring weights those are kept that lie `step` apart: 16 of them, of which number `zero` is 0. So a
// group costs four bits a weight and one byte more, and a product takes it apart into the bytes that int8 multiplies,
// exactly.
//
// The interpreter rounds with this, and the layout of the weights file stores it: there is one way to round a row.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_XF_INT4_H
#define LATHE_IR_XF_INT4_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace lathe::xf {

/// How many weights may be a group, the usual number first.
inline constexpr int64_t int4Groups[] = {64, 32, 128};
bool isInt4Group(int64_t group);

/// A row of weights, of which number k is scale * (codes[k] - zero) * step, with the zero and the step of its group.
struct Int4Row {
  struct Group {
    uint8_t step; ///< 1 to 16
    uint8_t zero; ///< 0 to 15
  };
  float scale;                     ///< that bf16 has
  llvm::SmallVector<Group> groups; ///< the last one perhaps of fewer weights
  std::vector<uint8_t> codes;      ///< 0 to 15
  int64_t groupSize;

  /// (codes[k] - zero) * step, from -128 to 127.
  int byteAt(int64_t k) const {
    const Group &group = groups[k / groupSize];
    return (codes[k] - group.zero) * group.step;
  }
};

/// Rounds a row of finite weights. Of all steps and zeros those are taken that make the sum of squared errors of a
/// group least, each times the importance of its column; with no `importance`, all count alike.
Int4Row roundToInt4(llvm::ArrayRef<float> weights, int64_t group, llvm::ArrayRef<float> importance = {});

} // namespace lathe::xf

#endif // LATHE_IR_XF_INT4_H
