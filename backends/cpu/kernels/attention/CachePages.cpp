#include "backends/cpu/kernels/attention/CachePages.h"

#include "backends/cpu/kernels/AmxTile.h"

using namespace mlir;

namespace lathe {

int64_t CachePages::depth() const {
  const int64_t depth = llvm::divideCeil(headDim, elementsPerWord(words));
  return words == Words::Bf16Pairs ? llvm::alignTo(depth, amxDepth) : depth;
}

int64_t CachePages::headBytes() const {
  const int64_t steps = inBytes ? 2 * tokens * int64_t(sizeof(float)) : 0;
  return llvm::alignTo(keyBytes() + valueBytes() + steps, 64);
}

Value CachePages::head(KernelBuilder &b, Value table, Value page, Value layer, Value head) const {
  Value address = b.loadPointer(b.atByte(table, b.mul(page, sizeof(void *))));
  return b.atByte(address, b.add(layer, b.mul(head, headBytes())));
}

CachePages::Lines CachePages::keys(KernelBuilder &b, Value head) const {
  return {head, inBytes ? b.atByte(head, b.integer(keyBytes() + valueBytes())) : Value(), /*ofKeys=*/true};
}
CachePages::Lines CachePages::values(KernelBuilder &b, Value head, int64_t panel) const {
  return {b.atByte(head, b.integer(keyBytes() + panel * valueLines() * lineBytes())),
          inBytes ? b.at(keys(b, head).steps, tokens) : Value(), /*ofKeys=*/false};
}
CachePages::Lines CachePages::from(KernelBuilder &b, const Lines &keys, Value first) const {
  return {address(b, keys, first), keys.steps, keys.ofKeys};
}

Value CachePages::address(KernelBuilder &b, const Lines &lines, Value line) const {
  return b.atByte(lines.base, b.mul(line, lineBytes()));
}

Value CachePages::load(KernelBuilder &b, const Lines &lines, Value line) const {
  Value from = address(b, lines, line);
  if (!inBytes)
    return b.load(from);
  Value step = lines.ofKeys ? b.load(lines.steps) : b.broadcast(b.loadScalar(b.at(lines.steps, line)));
  return b.mul(b.loadS8(from), step);
}

} // namespace lathe
