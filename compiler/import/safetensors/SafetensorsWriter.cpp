#include "compiler/import/safetensors/SafetensorsWriter.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::formatv;
using llvm::StringRef;

using Metadata = std::map<std::string, std::string>;

/// In the file's order.
static std::vector<const TensorView *> sortedForFile(ArrayRef<TensorView> tensors) {
  std::vector<const TensorView *> sorted;
  for (const TensorView &tensor : tensors)
    sorted.push_back(&tensor);
  llvm::sort(sorted, [](const TensorView *a, const TensorView *b) {
    unsigned aBits = dtypeBits(a->dtype), bBits = dtypeBits(b->dtype);
    return aBits != bBits ? aBits > bBits : a->name < b->name;
  });
  return sorted;
}

static Error check(ArrayRef<TensorView> tensors, const Metadata &metadata) {
  std::vector<StringRef> names;
  for (const TensorView &tensor : tensors) {
    std::optional<uint64_t> expected = tensorBytes(tensor.dtype, tensor.shape);
    if (!expected || *expected != tensor.bytes.size())
      return createStringError(formatv("tensor {0} of type {1} and shape {2} has {3} bytes of data", quote(tensor.name),
                                       dtypeName(tensor.dtype), shapeText(tensor.shape), tensor.bytes.size()));
    if (tensor.name == "__metadata__" || !llvm::json::isUTF8(tensor.name))
      return createStringError(formatv("a tensor cannot be named {0}", quote(tensor.name)));
    names.push_back(tensor.name);
  }
  llvm::sort(names);
  auto twin = llvm::adjacent_find(names);
  if (twin != names.end())
    return createStringError(formatv("two tensors are named {0}", quote(*twin)));
  for (const auto &[key, value] : metadata)
    if (!llvm::json::isUTF8(key) || !llvm::json::isUTF8(value))
      return createStringError(formatv("the metadata {0} is not UTF-8", quote(key)));
  return Error::success();
}

/// The header's JSON, padded so that the data behind it is aligned to the widest element.
static std::string headerText(ArrayRef<const TensorView *> tensors, const Metadata &metadata) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    if (!metadata.empty())
      json.attributeObject("__metadata__", [&] {
        for (const auto &[key, value] : metadata)
          json.attribute(key, value);
      });
    uint64_t offset = 0;
    for (const TensorView *tensor : tensors)
      json.attributeObject(tensor->name, [&] {
        json.attribute("dtype", dtypeName(tensor->dtype));
        json.attributeArray("shape", [&] {
          for (int64_t dim : tensor->shape)
            json.value(dim);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(offset);
          offset += tensor->bytes.size();
          json.value(offset);
        });
      });
  });
  text.resize(llvm::alignTo(text.size(), 8), ' ');
  return text;
}

static std::error_code write(StringRef path, ArrayRef<const TensorView *> tensors, const Metadata &metadata) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (error)
    return error;
  std::string header = headerText(tensors, metadata);
  uint8_t length[8];
  llvm::support::endian::write64le(length, header.size());
  stream.write(reinterpret_cast<const char *>(length), sizeof length) << header;
  for (const TensorView *tensor : tensors)
    stream.write(reinterpret_cast<const char *>(tensor->bytes.data()), tensor->bytes.size());
  stream.close();
  error = stream.error();
  stream.clear_error(); // the stream would abort in its destructor on an error that nobody took
  return error;
}

static std::error_code writeAside(StringRef path, ArrayRef<const TensorView *> tensors, const Metadata &metadata) {
  // Renaming replaces whatever is there: a device such as /dev/null must not become a file.
  llvm::sys::fs::file_status status;
  if (!llvm::sys::fs::status(path, status) && status.type() != llvm::sys::fs::file_type::regular_file)
    return std::make_error_code(status.type() == llvm::sys::fs::file_type::directory_file ? std::errc::is_a_directory
                                                                                          : std::errc::file_exists);
  std::string aside = formatv("{0}.{1}.tmp", path, llvm::sys::Process::getProcessId());
  llvm::FileRemover remover(aside);
  if (std::error_code error = write(aside, tensors, metadata))
    return error;
  if (std::error_code error = llvm::sys::fs::rename(aside, path))
    return error;
  remover.releaseFile();
  return {};
}

Error lathe::writeSafetensors(StringRef path, ArrayRef<TensorView> tensors, const Metadata &metadata) {
  Error error = check(tensors, metadata);
  if (!error)
    error = llvm::errorCodeToError(writeAside(path, sortedForFile(tensors), metadata));
  if (error)
    return createStringError(formatv("cannot write '{0}': {1}", path, llvm::toString(std::move(error))));
  return error;
}
