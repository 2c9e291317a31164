// A safetensors file, mapped and validated.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSFILE_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSFILE_H

#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/SafetensorsHeader.h"

namespace lathe {

/// Keeps the file mapped and hands out its tensors without copying a byte. Views stay valid while the object, or the
/// one it is moved into, lives.
class SafetensorsFile {
public:
  static llvm::Expected<SafetensorsFile> open(llvm::StringRef path);

  llvm::StringRef path() const { return file.path(); }
  /// Sorted by name.
  llvm::ArrayRef<TensorView> tensors() const { return contents.tensors; }
  const std::map<std::string, std::string> &metadata() const { return contents.metadata; }
  /// The tensor of that name, or null.
  const TensorView *find(llvm::StringRef name) const;

  /// Gives back the memory of a tensor's pages; a later access reads them from the file again.
  void releasePages(const TensorView &tensor) const { file.releasePages(tensor.bytes); }

private:
  SafetensorsFile(MappedFile file, SafetensorsContents contents)
      : file(std::move(file)), contents(std::move(contents)) {}

  MappedFile file;
  SafetensorsContents contents;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSFILE_H
