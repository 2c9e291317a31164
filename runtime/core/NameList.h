// "a, b, c" for messages that list what is accepted; what does not fit is "...".
#ifndef LATHE_RUNTIME_CORE_NAMELIST_H
#define LATHE_RUNTIME_CORE_NAMELIST_H

#include <string.h>

namespace lathe {

struct NameList {
  char text[240] = "none";
  size_t length = 0;
  bool full = false;

  void add(const char *name) {
    constexpr char rest[] = ", ...";
    size_t size = strlen(name);
    if (full)
      return;
    full = length + 2 + size + sizeof rest > sizeof text;
    if (full) {
      memcpy(text + length, rest, sizeof rest);
      return;
    }
    if (length) {
      memcpy(text + length, ", ", 2);
      length += 2;
    }
    memcpy(text + length, name, size + 1);
    length += size;
  }
};

} // namespace lathe

#endif
