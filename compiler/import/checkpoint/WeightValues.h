// The numbers inside stored weights: are they finite, and what are they in f32.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTVALUES_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTVALUES_H

#include "compiler/import/safetensors/SafetensorsHeader.h"

namespace lathe {

/// Whether weights may be stored in this type: F32, F16, BF16 and F64.
bool isWeightType(DType dtype);

enum class FiniteRule { AllFinite, InfinityAllowed };

/// An error that names the tensor and the index of its first NaN or infinity (known mask buffers may hold infinities),
/// or of its first F64 beyond the range of f32. Tensors of other types hold nothing to check. `origin` is the file or
/// directory to name. Runs at the speed of memory.
llvm::Error checkFinite(const TensorView &tensor, llvm::StringRef origin, FiniteRule rule = FiniteRule::AllFinite);

/// Writes elements [first, first + out.size()), counted in row-major order, of a tensor of a weight type as f32; F64 is
/// rounded to nearest. A caller widens what it needs when it needs it: no tensor has to be copied whole.
void widenToF32(const TensorView &tensor, int64_t first, llvm::MutableArrayRef<float> out);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_WEIGHTVALUES_H
