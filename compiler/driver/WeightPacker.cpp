//===- WeightPacker.cpp - from the checkpoint into the weights file -----------===//
#include "compiler/driver/WeightPacker.h"

#include "backends/cpu/layouts/WeightLayout.h"
#include "compiler/driver/FileWriter.h"
#include "compiler/driver/JoinedRows.h"

#include "llvm/Support/BLAKE3.h"

#include <fcntl.h>
#include <unistd.h>

using namespace mlir;

namespace lathe {
namespace {

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

/// Stores tensors, joined along their first axis, in a layout; each column divided by its number in `smoothing`, and as
/// important as said, where such are given.
llvm::Error writeJoined(const JoinedRows &joined, ArrayRef<float> smoothing, ArrayRef<float> importance,
                        const WeightLayout &layout, SectionWriter &out) {
  auto read = [&](int64_t row, MutableArrayRef<float> values) {
    joined.read(row, values);
    for (auto [value, divisor] : llvm::zip(values, smoothing))
      value /= divisor;
  };
  const WeightRows rows = {joined.count(), joined.width(), read, importance};
  if (llvm::Error error = layout.write(rows, [&](ArrayRef<char> bytes) { out.write(bytes); }))
    return llvm::createStringError("tensor '" + joined.tensors().front().name +
                                   "': " + llvm::toString(std::move(error)));
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
    SmallVector<xf::WeightOp> sources;
    for (auto source : packed.getSources().getAsRange<FlatSymbolRefAttr>())
      sources.push_back(module.lookupSymbol<xf::WeightOp>(source.getAttr()));
    auto vectorOf = [&](std::optional<StringRef> name) {
      return name ? readVector(module.lookupSymbol<xf::WeightOp>(*name)) : std::vector<float>();
    };
    const JoinedRows joined(sources);
    if (llvm::Error error = writeJoined(joined, vectorOf(packed.getSmoothing()), vectorOf(packed.getImportance()),
                                        *lookupLayout(packed.getLayout()), out))
      return error;
    assert(file.position() == header.tensors_offset + packed.getOffset() + packed.getBytes() && "bytes as declared");
    for (const TensorView &tensor : joined.tensors())
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
