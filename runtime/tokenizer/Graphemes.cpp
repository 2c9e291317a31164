#include "runtime/tokenizer/Graphemes.h"

#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

namespace {
/// What of the cluster so far decides whether it goes on.
struct Cluster {
  GraphemeClass last;
  bool hasPictograph = false; // a pictograph, then only Extend
  bool hasConsonant = false, hasLinker = false;
  bool hasOddRegional = false;

  void add(GraphemeClass next) {
    hasOddRegional = next == GraphemeClass::Regional && !hasOddRegional;
    bool extends = next == GraphemeClass::Extend || next == GraphemeClass::Linker || next == GraphemeClass::Joiner;
    if (next == GraphemeClass::Pictograph)
      hasPictograph = true;
    else if (!extends || last == GraphemeClass::Joiner)
      hasPictograph = false;
    if (next == GraphemeClass::Consonant) {
      hasConsonant = true;
      hasLinker = false;
    } else if (next == GraphemeClass::Linker) {
      hasLinker = hasConsonant;
    } else if (!extends) {
      hasConsonant = hasLinker = false;
    }
    last = next;
  }

  /// The rules GB3 to GB13, in order.
  bool continues(GraphemeClass next) const {
    using enum GraphemeClass;
    auto isControl = [](GraphemeClass c) { return c == Control || c == Return || c == LineFeed; };
    if (last == Return && next == LineFeed)
      return true;
    if (isControl(last) || isControl(next))
      return false;
    if (last == HangulL && (next == HangulL || next == HangulV || next == HangulLV || next == HangulLVT))
      return true;
    if ((last == HangulLV || last == HangulV) && (next == HangulV || next == HangulT))
      return true;
    if ((last == HangulLVT || last == HangulT) && next == HangulT)
      return true;
    if (next == Extend || next == Linker || next == Joiner || next == SpacingMark || last == Prepend)
      return true;
    if (next == Consonant && hasConsonant && hasLinker)
      return true;
    if (last == Joiner && hasPictograph && next == Pictograph)
      return true;
    return next == Regional && last == Regional && hasOddRegional;
  }
};
} // namespace

const char *lathe::endOfGrapheme(const ClassMap &classes, const char *begin, const char *end) {
  // Two ASCII characters are never one cluster, but for a line's end.
  if (uint8_t(*begin) < 0x80 && *begin != '\r' && (begin + 1 == end || uint8_t(begin[1]) < 0x80))
    return begin + 1;
  Cluster cluster = {GraphemeClass::Other};
  for (const char *at = begin; at < end;) {
    uint32_t codePoint;
    unsigned length = decodeUtf8(at, end, codePoint);
    if (!length)
      return at == begin ? end : at;
    auto next = GraphemeClass(classes[codePoint]);
    if (at != begin && !cluster.continues(next))
      return at;
    cluster.add(next);
    at += length;
  }
  return end;
}
