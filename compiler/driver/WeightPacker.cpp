//===- WeightPacker.cpp - from the checkpoint into the weights file -----------===//
#include "compiler/driver/WeightPacker.h"

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
  void write(ArrayRef<float> values) {
    write(ArrayRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)));
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

/// Elements of several tensors, one behind the other.
class JoinedRows {
public:
  JoinedRows(SmallVector<TensorView> tensors) : tensors(std::move(tensors)) {
    for (const TensorView &tensor : this->tensors)
      rows += tensor.shape.front();
    width = this->tensors.front().numElements() / this->tensors.front().shape.front();
  }
  /// Widens row `row` into `out`; zeros beyond the last.
  void read(int64_t row, MutableArrayRef<float> out) const {
    for (const TensorView &tensor : tensors) {
      if (row < tensor.shape.front())
        return widenToF32(tensor, row * width, out);
      row -= tensor.shape.front();
    }
    std::fill(out.begin(), out.end(), 0.0f);
  }

  int64_t rows = 0, width = 1;

private:
  SmallVector<TensorView> tensors;
};

constexpr int64_t panelWidth = 16;

/// [N][K] -> [ceil(N/16)][K][16]
void writePanels(const JoinedRows &source, SectionWriter &out) {
  std::vector<float> rows(panelWidth * source.width), panel(panelWidth * source.width);
  for (int64_t first = 0; first < source.rows; first += panelWidth) {
    for (int64_t n = 0; n < panelWidth; ++n)
      source.read(first + n, MutableArrayRef(rows).slice(n * source.width, source.width));
    for (int64_t k = 0; k < source.width; ++k)
      for (int64_t n = 0; n < panelWidth; ++n)
        panel[k * panelWidth + n] = rows[n * source.width + k];
    out.write(ArrayRef<float>(panel));
  }
}

void writeRows(const JoinedRows &source, int64_t paddedRows, SectionWriter &out) {
  constexpr int64_t blockElements = 1 << 16;
  const int64_t rowsPerBlock = std::max<int64_t>(1, blockElements / source.width);
  std::vector<float> block;
  for (int64_t row = 0; row < paddedRows; row += rowsPerBlock) {
    int64_t count = std::min(rowsPerBlock, paddedRows - row);
    block.resize(count * source.width);
    for (int64_t r = 0; r < count; ++r)
      source.read(row + r, MutableArrayRef(block).slice(r * source.width, source.width));
    out.write(ArrayRef<float>(block));
  }
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
    JoinedRows source(tensors);
    if (packed.getLayout() == "panels")
      writePanels(source, out);
    else
      writeRows(source, packed.getLayout() == "vector" ? llvm::alignTo(source.rows, panelWidth) : source.rows, out);
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
