// What an encoder gave for one text: keys and values of its tokens for all of the decoder's layers, in pages that the
// sequences which go on from it share.
#ifndef LATHE_RUNTIME_CORE_SOURCE_H
#define LATHE_RUNTIME_CORE_SOURCE_H

#include "lathe/abi.h"

namespace lathe {

struct Source {
  lathe_context *context;
  void **table; // [pages]
  int64_t pages, tokens;
  int64_t owners;
};

/// With one owner, and pages of zeros for so many tokens.
lathe_status createSource(lathe_context &context, int64_t tokens, Source *&source, lathe_error *error);
/// One owner less; null is allowed.
void releaseSource(Source *source);

} // namespace lathe

#endif
