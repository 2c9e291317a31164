// Builds the tables of small numbers by code point of runtime/tokenizer/Tables.h.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_CLASSMAPBUILDER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_CLASSMAPBUILDER_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstdint>
#include <vector>

namespace lathe {

/// The contents of ClassMapSections.
struct ClassMapTable {
  std::vector<uint16_t> index;
  std::vector<uint8_t> entries;
};

/// `classOf` is asked for each code point, in order.
ClassMapTable buildClassMap(llvm::function_ref<uint8_t(uint32_t)> classOf);

/// GraphemeClass of each code point.
ClassMapTable buildGraphemeMap();

} // namespace lathe

#endif
