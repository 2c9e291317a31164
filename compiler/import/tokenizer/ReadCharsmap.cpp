#include "compiler/import/tokenizer/ReadCharsmap.h"

#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"

using namespace lathe;

namespace {
/// One unit of Darts' double array.
struct Unit {
  uint32_t bits;
  bool hasLeaf() const { return bits >> 8 & 1; }
  uint32_t value() const { return bits & 0x7FFFFFFF; }
  uint32_t label() const { return bits & 0x800000FF; }
  uint32_t offset() const { return (bits >> 10) << ((bits & (1u << 9)) >> 6); }
};

class Reader {
public:
  Reader(llvm::StringRef units, llvm::StringRef strings, bool allKeys)
      : units(units), strings(strings), allKeys(allKeys) {}

  llvm::Expected<CharsmapStep> read() {
    if (units.size() >= 4)
      descend(unit(0).offset(), "");
    if (!problem.empty())
      return llvm::createStringError(problem);
    return std::move(step);
  }

private:
  static constexpr size_t longestKey = 64, mostKeys = 1 << 20;

  Unit unit(size_t i) const { return {llvm::support::endian::read32le(units.data() + 4 * i)}; }
  void fail(const llvm::Twine &what) {
    if (problem.empty())
      problem = ("the precompiled charsmap is damaged: " + what).str();
  }

  /// Collects the keys below the node whose children begin at `base`.
  void descend(size_t base, const std::string &key) {
    if (key.size() >= longestKey)
      return fail("a key has more than " + llvm::Twine(longestKey) + " bytes");
    for (unsigned byte = 1; byte < 256 && problem.empty(); ++byte) {
      size_t child = base ^ byte;
      if (child >= units.size() / 4 || unit(child).label() != byte)
        continue;
      size_t next = child ^ unit(child).offset();
      std::string longer = key + char(byte);
      bool endsKey = unit(child).hasLeaf();
      if (endsKey && next >= units.size() / 4)
        return fail("a key's value lies beyond its " + llvm::Twine(units.size() / 4) + " units");
      if (endsKey)
        add(longer, unit(next).value());
      if (!endsKey || allKeys)
        descend(next, longer);
    }
  }

  void add(const std::string &key, size_t place) {
    llvm::StringRef text = strings.substr(place, strings.substr(place).find('\0'));
    const auto *byte = reinterpret_cast<const llvm::UTF8 *>(text.begin());
    if (place > strings.size() || !llvm::isLegalUTF8String(&byte, byte + text.size()))
      return fail("the replacement at byte " + llvm::Twine(place) + " is no text");
    if (step.replacements.size() >= mostKeys)
      return fail("it has more than " + llvm::Twine(mostKeys) + " keys");
    step.replacements.emplace(key, text.str());
  }

  llvm::StringRef units, strings;
  bool allKeys;
  CharsmapStep step;
  std::string problem;
};
} // namespace

llvm::Expected<CharsmapStep> lathe::readCharsmap(llvm::StringRef bytes, bool allKeys) {
  if (bytes.empty())
    return CharsmapStep();
  uint32_t size = bytes.size() < 4 ? UINT32_MAX : llvm::support::endian::read32le(bytes.data());
  if (size % 4 || size > bytes.size() - 4)
    return llvm::createStringError("the precompiled charsmap is damaged: its " + llvm::Twine(bytes.size()) +
                                   " bytes do not hold the trie that they announce");
  return Reader(bytes.substr(4, size), bytes.substr(4 + size), allKeys).read();
}
