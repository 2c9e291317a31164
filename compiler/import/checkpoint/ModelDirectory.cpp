#include "compiler/import/checkpoint/ModelDirectory.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using llvm::createStringError;
using llvm::Error;
using llvm::formatv;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

std::string lathe::joinPath(StringRef directory, StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

bool lathe::hasEntry(StringRef directory, StringRef name) {
  fs::file_status status;
  std::error_code error = fs::status(joinPath(directory, name), status, /*follow=*/false);
  return error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory;
}

bool lathe::staysInside(StringRef relative) {
  if (relative.contains('\0') || llvm::sys::path::is_absolute(relative))
    return false;
  return std::none_of(llvm::sys::path::begin(relative), llvm::sys::path::end(relative),
                      [](StringRef part) { return part == ".."; });
}

Error lathe::checkModelDirectory(StringRef path) {
  constexpr StringRef accepted = "accepted: a Hugging Face model directory with config.json and model.safetensors";
  fs::file_status status;
  if (std::error_code error = fs::status(path, status))
    return createStringError(error, formatv("cannot open the model '{0}': {1}", path, error.message()));
  if (status.type() != fs::file_type::directory_file) {
    if (llvm::sys::path::extension(path).equals_insensitive(".onnx"))
      return createStringError(formatv("'{0}': ONNX files are not supported yet; {1}", path, accepted));
    return createStringError(formatv("'{0}' is not a directory; {1}", path, accepted));
  }
  if (hasEntry(path, "config.json"))
    return Error::success();
  std::error_code error;
  bool isEmpty = fs::directory_iterator(path, error) == fs::directory_iterator() && !error;
  return createStringError(
      formatv("the directory '{0}' {1}; {2}", path, isEmpty ? "is empty" : "has no config.json", accepted));
}
