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

std::string lathe::printable(StringRef text) {
  constexpr size_t longest = 160, kept = 72;
  std::string out;
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
  return out;
}

std::string lathe::quote(StringRef text) { return "'" + printable(text) + "'"; }

std::string lathe::listOf(llvm::ArrayRef<StringRef> names) {
  constexpr size_t most = 8;
  std::string list;
  for (StringRef name : names.take_front(most))
    list += (list.empty() ? "" : ", ") + printable(name);
  if (names.size() > most)
    list += " and " + std::to_string(names.size() - most) + " more";
  return list;
}

std::string lathe::jsonErrorText(StringRef what) {
  if (what.starts_with("["))
    what = what.drop_front(std::min(what.find("] "), what.size() - 2) + 2);
  return printable(what);
}
