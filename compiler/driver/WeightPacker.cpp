//===- WeightPacker.cpp - from the checkpoint into the weights file -----------===//
#include "compiler/driver/WeightPacker.h"

#include "backends/cpu/layouts/WeightLayout.h"
#include "compiler/driver/FileWriter.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "ir/xf/XfDialect.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/BLAKE3.h"

#include <fcntl.h>
#include <unistd.h>

using namespace mlir;

namespace lathe {
namespace {

/// The stored bytes that an xf.weight refers to, as the checkpoint's reader describes them.
TensorView viewOf(xf::WeightOp weight) {
  auto attribute = cast<DenseResourceElementsAttr>(weight.getValue());
  auto type = cast<RankedTensorType>(attribute.getType());
  TensorView view;
  view.name = weight.getSymName().str();
  Type element = type.getElementType();
  view.dtype = element.isF16()    ? DType::F16
               : element.isBF16() ? DType::BF16
               : element.isF64()  ? DType::F64
                                  : DType::F32;
  view.shape.assign(type.getShape().begin(), type.getShape().end());
  ArrayRef<char> bytes = attribute.getRawHandle().getBlob()->getData();
  view.bytes = ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  return view;
}

/// The file behind its header, hashed as it is written.
class SectionWriter {
public:
  SectionWriter(FileWriter &file) : file(file) {}

  void write(ArrayRef<char> bytes) {
    file.write(bytes);
    hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  }
  void zeros(uint64_t count) {
    static const char block[4096] = {};
    for (; count; count -= std::min<uint64_t>(count, sizeof block))
      write(ArrayRef(block, std::min<uint64_t>(count, sizeof block)));
  }
  void padTo(uint64_t position) { zeros(position - file.position()); }
  std::array<uint8_t, 32> finish() { return hash.final<32>(); }

private:
  FileWriter &file;
  llvm::BLAKE3 hash;
};

/// Stores tensors, joined along their first axis, in a layout.
llvm::Error writeJoined(ArrayRef<TensorView> tensors, const WeightLayout &layout, SectionWriter &out) {
  const TensorView &first = tensors.front();
  WeightRows rows;
  rows.width = first.numElements() / first.shape.front();
  for (const TensorView &tensor : tensors)
    rows.count += tensor.shape.front();
  auto read = [&](int64_t row, MutableArrayRef<float> values) {
    const TensorView *tensor = tensors.begin();
    for (; row >= tensor->shape.front(); ++tensor)
      row -= tensor->shape.front();
    widenToF32(*tensor, row * rows.width, values);
  };
  rows.read = read;
  if (llvm::Error error = layout.write(rows, [&](ArrayRef<char> bytes) { out.write(bytes); }))
    return llvm::createStringError("tensor '" + first.name + "': " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

} // namespace

llvm::Expected<PackedWeights> packWeights(ModuleOp module, const Checkpoint &checkpoint,
                                          ArrayRef<uint8_t> tokenizerTables, StringRef path) {
  FileWriter file(path);
  PackedWeights result;
  lathe_weights_header &header = result.header;
  header.tensors_offset = llvm::alignTo(sizeof(lathe_weights_header), 64);
  file.zeros(header.tensors_offset); // completed by stampBuildId
  SectionWriter out(file);
  for (auto packed : module.getOps<xf::PackedWeightOp>()) {
    out.padTo(header.tensors_offset + packed.getOffset());
    SmallVector<TensorView> tensors;
    for (auto source : packed.getSources().getAsRange<FlatSymbolRefAttr>())
      tensors.push_back(viewOf(module.lookupSymbol<xf::WeightOp>(source.getAttr())));
    if (llvm::Error error = writeJoined(tensors, *lookupLayout(packed.getLayout()), out))
      return error;
    assert(file.position() == header.tensors_offset + packed.getOffset() + packed.getBytes() && "bytes as declared");
    for (const TensorView &tensor : tensors)
      checkpoint.releasePages(tensor);
    ++result.tensorCount;
  }
  header.tensors_bytes = file.position() - header.tensors_offset;
  out.padTo(llvm::alignTo(file.position(), 64));
  header.tokenizer_offset = tokenizerTables.empty() ? 0 : file.position();
  header.tokenizer_bytes = tokenizerTables.size();
  out.write(ArrayRef(reinterpret_cast<const char *>(tokenizerTables.data()), tokenizerTables.size()));
  out.padTo(llvm::alignTo(file.position(), 64));
  header.file_bytes = file.position();
  llvm::copy(out.finish(), header.content_hash);
  if (llvm::Error error = file.close())
    return error;
  return result;
}

llvm::Error stampBuildId(StringRef path, PackedWeights &weights, StringRef buildId) {
  memcpy(weights.header.magic, LATHE_WEIGHTS_MAGIC, sizeof weights.header.magic);
  assert(buildId.size() == sizeof weights.header.build_id);
  memcpy(weights.header.build_id, buildId.data(), sizeof weights.header.build_id);
  int file = open(path.str().c_str(), O_WRONLY | O_CLOEXEC);
  bool written = file >= 0 && pwrite(file, &weights.header, sizeof weights.header, 0) == ssize_t(sizeof weights.header);
  int failure = errno;
  if (file >= 0)
    close(file);
  if (!written)
    return llvm::createStringError("cannot write '" + path + "': " + std::generic_category().message(failure));
  return llvm::Error::success();
}

} // namespace lathe
