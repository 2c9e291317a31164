// Stands in for runtime/tokenizer (its objects are left out of the link because everything they would give is here):
// words are cut at spaces, a word's id is 3 + its length, [CLS] is 1 and [SEP] is 2.
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <cstdlib>
#include <cstring>
#include <vector>

namespace lathe {

lathe_status openTokenizer(const void *tables, size_t bytes, Tokenizer &tokenizer, lathe_error *error) {
  if (bytes < 8 || std::memcmp(tables, "FAKETOK", 8))
    return fail(error, LATHE_BAD_WEIGHTS, "the tokenizer's tables are damaged");
  tokenizer.header = static_cast<const TokenizerHeader *>(tables);
  return LATHE_OK;
}

lathe_status tokenize(const Tokenizer &, const lathe_allocator &allocator, const char *text, const char *,
                      int64_t maxLength, lathe_truncation, lathe_encoding *encoding, lathe_error *error) {
  if (std::strchr(text, '\xff'))
    return fail(error, LATHE_INVALID_ARGUMENT, "byte 0xff is not UTF-8");
  std::vector<int32_t> ids = {1};
  for (const char *c = text; *c;) {
    size_t length = std::strcspn(c, " ");
    if (length)
      ids.push_back(3 + int32_t(length));
    c += length + (c[length] != 0);
  }
  if (maxLength && int64_t(ids.size()) > maxLength - 1)
    ids.resize(size_t(maxLength - 1));
  ids.push_back(2);
  // One block: a size, the ids, the types (which alternate, so that a mix-up shows).
  size_t bytes = sizeof(size_t) + ids.size() * 2 * sizeof(int32_t);
  auto *memory = static_cast<char *>(allocator.allocate(allocator.user, bytes));
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for an encoding");
  std::memcpy(memory, &bytes, sizeof bytes);
  encoding->memory = memory;
  encoding->length = ids.size();
  encoding->ids = reinterpret_cast<int32_t *>(memory + sizeof bytes);
  encoding->type_ids = encoding->ids + ids.size();
  for (size_t i = 0; i < ids.size(); ++i) {
    encoding->ids[i] = ids[i];
    encoding->type_ids[i] = int32_t(i % 2);
  }
  return LATHE_OK;
}

lathe_status chooseLanguage(Tokenizer &, const char *code, lathe_error *error) {
  return fail(error, LATHE_INVALID_ARGUMENT, "no language %s", code);
}

size_t listLanguages(const Tokenizer &, lathe_language *, size_t) { return 0; }

lathe_status tokenizeWindows(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text,
                             const char *pair, int64_t maxLength, lathe_truncation truncation, int64_t,
                             lathe_encoding *windows, size_t capacity, size_t *count, lathe_error *error) {
  *count = 1;
  return capacity ? tokenize(tokenizer, allocator, text, pair, maxLength, truncation, windows, error) : LATHE_OK;
}

void freeEncoding(const lathe_allocator &allocator, lathe_encoding *encoding) {
  if (encoding->memory)
    allocator.release(allocator.user, encoding->memory, *static_cast<size_t *>(encoding->memory));
  *encoding = {};
}

lathe_status detokenize(const Tokenizer &, const int32_t *, size_t n, bool, char *text, size_t capacity, size_t *length,
                        lathe_error *) {
  *length = n;
  if (capacity)
    *text = 0;
  return LATHE_OK;
}

size_t tokenBytes(const Tokenizer &, int32_t, char *, size_t) { return 0; }

bool endsOpen(const Tokenizer &, const int32_t *, size_t) { return false; }

const char *tokenText(const Tokenizer &, int32_t id) { return id == 1 ? "[CLS]" : nullptr; }

} // namespace lathe
