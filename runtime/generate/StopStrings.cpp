#include "runtime/generate/StopStrings.h"

namespace lathe {

bool StopStrings::read(int32_t id, Buffer<char> &text) const {
  text.size = 0;
  size_t size = tokenBytes(tokenizer, id, text.data, text.capacity);
  if (size > text.capacity) {
    if (!text.reserve(size))
      return false;
    size = tokenBytes(tokenizer, id, text.data, text.capacity);
  }
  text.size = size;
  return true;
}

/// Whether these tokens end with the first `size` bytes of a string.
bool StopStrings::beginsIn(const int32_t *ids, int64_t length, const char *string, size_t size) {
  while (size && length) {
    if (!read(ids[--length], earlierText))
      return false;
    const size_t common = size < earlierText.size ? size : earlierText.size;
    size -= common;
    if (common && memcmp(earlierText.data + earlierText.size - common, string + size, common))
      return false;
  }
  return !size;
}

bool StopStrings::endIn(const int32_t *ids, int64_t length, int32_t last) {
  if (!read(last, lastText))
    return false;
  for (size_t i = 0; i < count; ++i) {
    const char *string = strings[i];
    const size_t size = strlen(string);
    for (size_t end = 1; end <= lastText.size; ++end) {
      const size_t common = size < end ? size : end, before = size - common;
      if (!memcmp(lastText.data + end - common, string + before, common) && beginsIn(ids, length, string, before))
        return true;
    }
  }
  return false;
}

} // namespace lathe
