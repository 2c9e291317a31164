#include "runtime/core/Status.h"

#include <stdarg.h>
#include <stdio.h>

lathe_status lathe::fail(lathe_error *error, lathe_status status, const char *format, ...) {
  if (error) {
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}
