// Writing tensors to a safetensors file.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSWRITER_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSWRITER_H

#include "compiler/import/safetensors/SafetensorsHeader.h"

namespace lathe {

/// Writes the tensors to `path`, in any order given: the file holds the widest elements first, so that all are aligned,
/// and then goes by name, so that equal tensors give equal bytes. The file is written aside and renamed: `path` holds
/// either what it held before or all of the new contents, and a failure, such as a full disk, leaves nothing else
/// behind.
///
/// Names must be UTF-8 and unique, and each tensor's bytes as many as its type and shape say.
llvm::Error writeSafetensors(llvm::StringRef path, llvm::ArrayRef<TensorView> tensors,
                             const std::map<std::string, std::string> &metadata = {});

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSWRITER_H
