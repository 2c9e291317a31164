// Option structs carry their own size, so that an app built against another version of abi.h is understood or refused,
// never misread.
#ifndef LATHE_RUNTIME_CORE_OPTIONS_H
#define LATHE_RUNTIME_CORE_OPTIONS_H

#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {

/// Copies a caller's struct, or zeros for null. A larger one is of a newer abi.h; it is accepted if all it adds is
/// zero.
template <typename Options>
lathe_status readOptions(const char *type, const Options *given, Options &options, lathe_error *error) {
  constexpr size_t plausible = 4096;
  memset(&options, 0, sizeof options);
  if (!given)
    return LATHE_OK;
  if (given->size < sizeof(Options) || given->size > plausible)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s: size is %zu; set it to sizeof(%s), %zu", type, given->size, type,
                sizeof(Options));
  const unsigned char *bytes = reinterpret_cast<const unsigned char *>(given);
  for (size_t i = sizeof(Options); i < given->size; ++i)
    if (bytes[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: sets an option (at byte %zu) that is newer than this library",
                  type, i);
  memcpy(&options, given, sizeof(Options));
  return LATHE_OK;
}

} // namespace lathe

#endif
