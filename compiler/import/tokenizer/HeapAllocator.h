// The C library's memory for functions of the runtime that are used while compiling.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_HEAPALLOCATOR_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_HEAPALLOCATOR_H

#include "lathe/abi.h"

#include "llvm/Support/MathExtras.h"
#include <cstdlib>

namespace lathe {

inline lathe_allocator heapAllocator() {
  auto allocate = [](void *, size_t bytes) -> void * { return aligned_alloc(64, llvm::alignTo(bytes, 64)); };
  auto release = [](void *, void *memory, size_t) { free(memory); };
  return {allocate, release, nullptr};
}

} // namespace lathe

#endif
