//===- EdgeImage.h - images as rows of tokens ---------------------------------===//
//
// The reference for what the runtime does where a model takes `pixel_values` (#xf.image).
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_INTERPRETER_EDGEIMAGE_H
#define LATHE_IR_INTERPRETER_EDGEIMAGE_H

#include "ir/interpreter/Edge.h"
#include "ir/xf/XfDialect.h"

namespace lathe {

/// What an entry may read of images of one size.
struct ImageTokens {
  int64_t batch, seq;
  NamedTensors ids;  ///< each [batch, seq]
  NamedTensors rows; ///< each [batch, seq, width]
};
llvm::Expected<ImageTokens> imageTokens(const NamedTensors &inputs, xf::ImageAttr image);

/// How much of each of `from` places along an axis place `at` of `to` is made of.
std::vector<double> interpolationWeights(xf::Resize resize, int64_t from, int64_t to, int64_t at);

} // namespace lathe

#endif
