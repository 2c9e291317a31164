//===- EdgeModal.h - vectors of an image in front of each text ----------------===//
//
// The reference for what the runtime does where a model takes `input_modal` (docs/formats/mmbt.md).
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_INTERPRETER_EDGEMODAL_H
#define LATHE_IR_INTERPRETER_EDGEMODAL_H

#include "ir/interpreter/Edge.h"

namespace lathe {

/// The inputs of such a model: names that its texts alone do not have.
llvm::ArrayRef<llvm::StringRef> modalInputs();

/// Texts and images as rows of one kind, with all inputs that a text may have, and in `modal_ids` for each token which
/// of the vectors stands there, counted through all images, or -1.
struct JoinedModal {
  NamedTensors inputs;
  int64_t lead; ///< tokens before each text
};
/// Vectors are `width` wide. Errors are of shapes; what ids may be is checked behind this.
llvm::Expected<JoinedModal> joinModal(const NamedTensors &inputs, int64_t width);

/// The vectors of `input_modal` by such ids, [..., width], zeros for -1.
Tensor vectorsOf(const Tensor &modalIds, const Tensor &inputModal);

} // namespace lathe

#endif
