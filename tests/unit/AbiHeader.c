/* abi.h is all that an app includes: compiled alone, as strict C99 and as C++, it must raise no warning. */
#include "lathe/abi.h"

int main(void) { return sizeof(lathe_error) == 512 && offsetof(lathe_api, abi_version) == 0 ? 0 : 1; }
