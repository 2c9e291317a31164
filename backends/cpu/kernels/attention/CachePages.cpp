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

Value CachePages::values(KernelBuilder &b, Value head, int64_t panel) const {
  return b.atByte(head, b.integer(keyBytes() + panel * valueLines() * lineBytes()));
}

Value CachePages::keySteps(KernelBuilder &b, Value head) const {
  assert(inBytes);
  return b.atByte(head, b.integer(keyBytes() + valueBytes()));
}
Value CachePages::valueSteps(KernelBuilder &b, Value head) const { return b.at(keySteps(b, head), tokens); }

Value CachePages::address(KernelBuilder &b, Value lines, Value line) const {
  return b.atByte(lines, b.mul(line, lineBytes()));
}

Value CachePages::load(KernelBuilder &b, Value lines, Value line) const {
  Value from = address(b, lines, line);
  return inBytes ? b.loadS8(from) : b.load(from);
}

} // namespace lathe
