#include "compiler/import/safetensors/SafetensorsFile.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using llvm::Expected;
using llvm::StringRef;

Expected<SafetensorsFile> SafetensorsFile::open(StringRef path) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Expected<SafetensorsContents> contents = parseSafetensors(file->bytes(), path);
  if (!contents)
    return contents.takeError();
  return SafetensorsFile(std::move(*file), std::move(*contents));
}

const TensorView *SafetensorsFile::find(StringRef name) const {
  auto found = llvm::partition_point(contents.tensors, [&](const TensorView &tensor) { return tensor.name < name; });
  return found != contents.tensors.end() && found->name == name ? &*found : nullptr;
}
