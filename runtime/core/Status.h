// How the runtime reports: a status and a message into the caller's lathe_error. Nothing here allocates or exits.
#ifndef LATHE_RUNTIME_CORE_STATUS_H
#define LATHE_RUNTIME_CORE_STATUS_H

#include "lathe/abi.h"

namespace lathe {

/// Writes a printf-style message into `error` (which may be null) and returns `status`.
/// Say what was found, what is accepted, and where.
lathe_status fail(lathe_error *error, lathe_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// That an argument of a function of lathe_api is null.
inline lathe_status nullArgument(lathe_error *error, const char *function, const char *argument) {
  return fail(error, LATHE_INVALID_ARGUMENT, "%s: `%s` must not be NULL", function, argument);
}

} // namespace lathe

#endif
