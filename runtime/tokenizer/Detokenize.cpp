// Ids back to text. What each token decodes to was worked out at compile time (prefixes, spaces, clean-up).
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <string.h>

using namespace lathe;

lathe_status lathe::detokenize(const Tokenizer &tokenizer, const int32_t *ids, size_t n, bool skipSpecialTokens,
                               char *text, size_t capacity, size_t *length, lathe_error *error) {
  size_t needed = 0;
  bool isFirst = true;
  for (size_t i = 0; i < n; ++i) {
    if (ids[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "id %d at position %zu; ids are 0 to %u", ids[i], i,
                  tokenizer.tokens.count - 1);
    if (uint32_t(ids[i]) >= tokenizer.tokens.count)
      continue;
    const TokenRecord &token = tokenizer.tokens[uint32_t(ids[i])];
    if (skipSpecialTokens && token.text & tokenIsSpecial)
      continue;
    const char *piece = tokenizer.pool.data + (isFirst ? token.first : token.later);
    isFirst = false;
    size_t bytes = strlen(piece);
    if (needed < capacity)
      memcpy(text + needed, piece, bytes < capacity - needed ? bytes : capacity - needed);
    needed += bytes;
  }
  if (capacity)
    text[needed < capacity ? needed : capacity - 1] = 0;
  if (length)
    *length = needed;
  return LATHE_OK;
}

const char *lathe::tokenText(const Tokenizer &tokenizer, int32_t id) {
  if (id < 0 || uint32_t(id) >= tokenizer.tokens.count)
    return nullptr;
  return tokenizer.pool.data + (tokenizer.tokens[uint32_t(id)].text & ~tokenIsSpecial);
}
