#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

static void appendEscaped(std::string &out, StringRef text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += "\\x" + llvm::toHex(StringRef(&c, 1), /*LowerCase=*/true);
    else
      out += c;
  }
}

/// A code point's first byte: cutting there keeps UTF-8 whole.
static bool startsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::string lathe::quote(StringRef text) {
  constexpr size_t longest = 160, kept = 64;
  std::string out = "'";
  if (text.size() <= longest) {
    appendEscaped(out, text);
  } else {
    size_t head = kept, tail = text.size() - kept;
    while (head > 0 && !startsCodePoint(text[head]))
      --head;
    while (tail < text.size() && !startsCodePoint(text[tail]))
      ++tail;
    appendEscaped(out, text.take_front(head));
    out += "...";
    appendEscaped(out, text.drop_front(tail));
  }
  return out + "'";
}
