// A caller may put any number into a C enumeration; in C++, reading one that no enumerator can have is undefined.
#ifndef LATHE_RUNTIME_CORE_RAWVALUE_H
#define LATHE_RUNTIME_CORE_RAWVALUE_H

#include <string.h>

namespace lathe {

template <typename Enum> unsigned rawValue(const Enum &given) {
  unsigned value;
  static_assert(sizeof given == sizeof value, "C enumerations are ints");
  memcpy(&value, &given, sizeof value);
  return value;
}

} // namespace lathe

#endif
