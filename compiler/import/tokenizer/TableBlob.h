// The bytes that tables are put together from.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_TABLEBLOB_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_TABLEBLOB_H

#include "compiler/import/tokenizer/CharMapBuilder.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"
#include <bit>
#include <cstring>

namespace lathe {

static_assert(std::endian::native == std::endian::little, "tables are written as they lie in memory");

/// The bytes of tables: a header, then sections.
class TableBlob {
public:
  TableBlob() : bytes(sizeof(TokenizerHeader)) {}

  template <typename T> TableSection append(const std::vector<T> &elements) {
    bytes.resize(llvm::alignTo(bytes.size(), tokenizerAlignment));
    TableSection section = {uint32_t(bytes.size()), uint32_t(elements.size())};
    const auto *data = reinterpret_cast<const uint8_t *>(elements.data());
    bytes.insert(bytes.end(), data, data + elements.size() * sizeof(T));
    return section;
  }
  CharMapSections append(const CharMapTable &map) {
    return {append(map.index), append(map.entries), append(map.elements)};
  }
  std::vector<uint8_t> finish(TokenizerHeader header) {
    header.bytes = uint32_t(bytes.size());
    memcpy(bytes.data(), &header, sizeof header);
    return std::move(bytes);
  }

private:
  std::vector<uint8_t> bytes;
};

/// NUL-terminated strings; a string that ends another shares its bytes.
class StringPool {
public:
  std::vector<char> chars;

  TokenRecord add(const std::string &text, const std::string &atEdge, const std::string &later) {
    // The longest goes first: "playing" and " playing" then take the room of one.
    const std::string &longest = later.size() > text.size() ? later : text;
    uint32_t offset = intern(longest);
    auto place = [&](const std::string &string) {
      bool isSuffix = llvm::StringRef(longest).ends_with(string);
      return isSuffix ? offset + uint32_t(longest.size() - string.size()) : intern(string);
    };
    return {place(text), place(atEdge), place(later)};
  }

  uint32_t intern(const std::string &string) {
    auto [place, isNew] = offsets.try_emplace(string, uint32_t(chars.size()));
    if (isNew)
      chars.insert(chars.end(), string.c_str(), string.c_str() + string.size() + 1);
    return place->second;
  }

private:
  llvm::StringMap<uint32_t> offsets;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_TABLEBLOB_H
