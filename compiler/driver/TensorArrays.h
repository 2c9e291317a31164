//===- TensorArrays.h - tensors of files, as a model takes and gives them -----===//
#ifndef LATHE_COMPILER_DRIVER_TENSORARRAYS_H
#define LATHE_COMPILER_DRIVER_TENSORARRAYS_H

#include "compiler/driver/Artifact.h"
#include "compiler/import/safetensors/SafetensorsFile.h"

namespace lathe {

/// The inputs of one run. What names and shapes a model takes, it knows itself.
class InputTensors {
public:
  struct Array {
    std::string name;
    lathe_dtype dtype; ///< LATHE_I32, LATHE_I64 or LATHE_F32
    llvm::SmallVector<int64_t, 3> shape;
    std::vector<uint8_t> bytes;

    int64_t count() const { return static_cast<int64_t>(bytes.size()) / (dtype == LATHE_I64 ? 8 : 4); }
    /// A number of an array of integers.
    int64_t at(int64_t index) const;
    /// A number of any array.
    double valueAt(int64_t index) const;
  };

  /// Copies them out of a safetensors file, whose data need not be aligned. Types other than I32 and I64, F32 of
  /// input_modal and pixel_values, or U8 of images, are errors.
  static llvm::Expected<InputTensors> read(llvm::StringRef path);
  llvm::Error write(llvm::StringRef path) const;

  void add(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int32_t> values);
  void add(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values);
  void add(Array array) { tensors.push_back(std::move(array)); }

  llvm::ArrayRef<Array> arrays() const { return tensors; }
  /// The array of that name, or null.
  const Array *find(llvm::StringRef name) const;
  /// Elements of input_ids, decoder_input_ids, pixel_values and images, the most tokens that are given; 0 without any.
  int64_t tokens() const;
  /// For the library; valid until the next `add`.
  std::vector<lathe_tensor> views() const;

private:
  std::vector<Array> tensors;
};

/// Runs an entry on inputs of any size, with a budget to match, and gives all of its outputs. Without a name it is the
/// first one or, of a model that compares texts with images, that of what is given.
llvm::Expected<std::vector<FloatTensor>> runModel(const LoadedModel &model, llvm::StringRef entry, RunOptions options,
                                                  const InputTensors &inputs);

/// Writes outputs to a safetensors file in one step: afterwards there are all of them, or what was there before.
llvm::Error writeOutputs(llvm::StringRef path, llvm::ArrayRef<FloatTensor> outputs);

} // namespace lathe

#endif
