// Texts to an encoding: tokens of each text, truncation, and the template of special tokens.
#include "runtime/core/Status.h"
#include "runtime/tokenizer/TextEncoder.h"
#include "runtime/tokenizer/TrimOffsets.h"
#include "runtime/tokenizer/Utf8.h"

#include <string.h>

using namespace lathe;

static lathe_status encodeText(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text,
                               const char *role, Buffer<Token> &tokens, lathe_error *error) {
  size_t size = strlen(text);
  if (size > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s has %zu bytes; a text may have %d", role, size, INT32_MAX);
  uint32_t codePoint;
  for (size_t at = 0; at < size;) {
    unsigned length = decodeUtf8(text + at, text + size, codePoint);
    if (!length)
      return fail(error, LATHE_INVALID_ARGUMENT, "%s is not UTF-8 at byte %zu (0x%02X)", role, at, uint8_t(text[at]));
    at += length;
  }
  TextEncoder encoder(tokenizer, allocator);
  if (!encoder.encode(text, size, tokens))
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for the tokens of %s (%zu bytes)", role, size);
  return LATHE_OK;
}

/// How many tokens of each text stay when `limit` may stay in all: as `tokenizers` computes it. `hasPair` tells an
/// empty second text from none.
static lathe_status truncate(size_t limit, lathe_truncation truncation, bool hasPair, size_t &first, size_t &second,
                             lathe_error *error) {
  size_t total = first + second;
  if (total <= limit)
    return LATHE_OK;
  if (limit == 0) { // special tokens alone fill the length
    first = second = 0;
    return LATHE_OK;
  }
  size_t excess = total - limit;
  if (truncation == LATHE_TRUNCATE_LONGEST_FIRST) {
    if (!hasPair) {
      first = limit;
      return LATHE_OK;
    }
    size_t &shorter = first > second ? second : first, &longer = first > second ? first : second;
    if (shorter > limit)
      longer = shorter;
    else
      longer = shorter > limit - shorter ? shorter : limit - shorter;
    if (shorter + longer > limit) { // both are too long: halves, the odd token to the longer one
      shorter = limit / 2;
      longer = shorter + limit % 2;
    }
    return LATHE_OK;
  }
  bool onlyFirst = truncation == LATHE_TRUNCATE_ONLY_FIRST;
  if (!onlyFirst && !hasPair)
    return fail(error, LATHE_INVALID_ARGUMENT, "truncation only_second needs a second text; %zu tokens are too many",
                excess);
  size_t &target = onlyFirst ? first : second;
  if (target <= excess)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "truncation %s cannot remove %zu tokens from a text of %zu: at least one must stay; use longest_first",
                onlyFirst ? "only_first" : "only_second", excess, target);
  target -= excess;
  return LATHE_OK;
}

/// Lays the arrays of an encoding out in one block, behind its size.
static bool allocateEncoding(const lathe_allocator &allocator, size_t length, lathe_encoding &encoding) {
  constexpr size_t head = 64;
  size_t bytes = head + length * (4 * sizeof(int32_t) + 1);
  char *block = static_cast<char *>(allocator.allocate(allocator.user, bytes));
  if (!block)
    return false;
  memcpy(block, &bytes, sizeof bytes);
  encoding.length = length;
  encoding.ids = reinterpret_cast<int32_t *>(block + head);
  encoding.type_ids = encoding.ids + length;
  encoding.offsets = encoding.type_ids + length;
  encoding.special_tokens_mask = reinterpret_cast<uint8_t *>(encoding.offsets + 2 * length);
  encoding.memory = block;
  return true;
}

void lathe::freeEncoding(const lathe_allocator &allocator, lathe_encoding *encoding) {
  if (!encoding || !encoding->memory)
    return;
  size_t bytes;
  memcpy(&bytes, encoding->memory, sizeof bytes);
  allocator.release(allocator.user, encoding->memory, bytes);
  *encoding = {};
}

namespace {
/// The tokens of one text that an encoding takes.
struct Part {
  const Buffer<Token> *tokens;
  size_t begin, end;
};

/// A text or a pair as tokens, and how many of each stay.
struct Tokens {
  Tokens(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), allocator(allocator), first(allocator), second(allocator) {}

  lathe_status read(const char *text, const char *pair, int64_t maxLength, lathe_truncation truncation,
                    lathe_error *error);
  /// What stays of a text when the other end is cut off.
  Part kept(const Buffer<Token> &tokens, size_t count) const {
    size_t skipped = tokenizer.has(tokenizerTruncatesLeft) ? tokens.size - count : 0;
    return {&tokens, skipped, skipped + count};
  }
  /// The item's token; negative where it is none.
  int32_t specialToken(const TemplateItem &item) const {
    if (item.id != templateLanguage)
      return item.id;
    return tokenizer.language == noToken ? -1 : int32_t(tokenizer.languages[tokenizer.language].id);
  }
  size_t countSpecial() const {
    const TableView<TemplateItem> &items = hasPair ? tokenizer.pair : tokenizer.single;
    size_t count = 0;
    for (uint32_t i = 0; i < items.count; ++i)
      count += specialToken(items[i]) >= 0;
    return count;
  }
  lathe_status write(Part firstPart, Part secondPart, lathe_encoding &encoding, lathe_error *error) const;

  const Tokenizer &tokenizer;
  const lathe_allocator &allocator;
  Buffer<Token> first, second;
  size_t keptFirst = 0, keptSecond = 0;
  bool hasPair = false;
};
} // namespace

lathe_status Tokens::read(const char *text, const char *pair, int64_t maxLength, lathe_truncation truncation,
                          lathe_error *error) {
  hasPair = pair;
  if (maxLength < 0)
    return fail(error, LATHE_INVALID_ARGUMENT, "a maximum length of %lld tokens; it must be 0 (none) or more",
                (long long)maxLength);
  if (truncation != LATHE_TRUNCATE_LONGEST_FIRST && truncation != LATHE_TRUNCATE_ONLY_FIRST &&
      truncation != LATHE_TRUNCATE_ONLY_SECOND)
    return fail(error, LATHE_INVALID_ARGUMENT, "unknown truncation %d", int(truncation));
  if (lathe_status status = encodeText(tokenizer, allocator, text, pair ? "the first text" : "the text", first, error))
    return status;
  if (pair)
    if (lathe_status status = encodeText(tokenizer, allocator, pair, "the second text", second, error))
      return status;
  keptFirst = first.size;
  keptSecond = second.size;
  if (!maxLength)
    return LATHE_OK;
  const size_t special = countSpecial();
  if (size_t(maxLength) < special)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "a maximum length of %lld tokens has no room for the %zu special tokens that are added",
                (long long)maxLength, special);
  return truncate(size_t(maxLength) - special, truncation, hasPair, keptFirst, keptSecond, error);
}

lathe_status Tokens::write(Part firstPart, Part secondPart, lathe_encoding &encoding, lathe_error *error) const {
  const TableView<TemplateItem> &items = hasPair ? tokenizer.pair : tokenizer.single;
  size_t length = countSpecial() + (firstPart.end - firstPart.begin);
  length += hasPair ? secondPart.end - secondPart.begin : 0;
  if (!allocateEncoding(allocator, length, encoding))
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for an encoding of %zu tokens", length);
  size_t at = 0;
  auto put = [&](Token token, int32_t typeId, bool isSpecial) {
    encoding.ids[at] = token.id;
    encoding.type_ids[at] = typeId;
    encoding.offsets[2 * at] = token.begin;
    encoding.offsets[2 * at + 1] = token.end;
    encoding.special_tokens_mask[at++] = isSpecial;
  };
  for (uint32_t i = 0; i < items.count; ++i) {
    const TemplateItem &item = items[i];
    if (const int32_t id = specialToken(item); id >= 0)
      put({id, 0, 0, 0, 0}, item.typeId, true);
    if (item.id != templateFirst && item.id != templateSecond)
      continue;
    const Part &part = item.id == templateFirst ? firstPart : secondPart;
    for (size_t k = part.begin; k < part.end; ++k) {
      Token token = part.tokens->data[k];
      put(tokenizer.has(tokenizerTrimsOffsets) ? trimOffsets(tokenizer, token, k == part.begin) : token, item.typeId,
          false);
    }
  }
  return LATHE_OK;
}

lathe_status lathe::chooseLanguage(Tokenizer &tokenizer, const char *code, lathe_error *error) {
  const TableView<LanguageRecord> &languages = tokenizer.languages;
  for (uint32_t i = 0; i < languages.count; ++i)
    if (!strcmp(tokenizer.pool.data + languages[i].code, code)) {
      tokenizer.language = i;
      return LATHE_OK;
    }
  if (!languages.count)
    return fail(error, LATHE_INVALID_ARGUMENT, "language %.40s: the tokenizer knows no codes of languages", code);
  return fail(error, LATHE_INVALID_ARGUMENT, "language %.40s is not one of the tokenizer's %u, from %s to %s", code,
              languages.count, tokenizer.pool.data + languages[0].code,
              tokenizer.pool.data + languages[languages.count - 1].code);
}

size_t lathe::listLanguages(const Tokenizer &tokenizer, lathe_language *languages, size_t capacity) {
  for (uint32_t i = 0; i < tokenizer.languages.count && i < capacity; ++i) {
    const LanguageRecord &language = tokenizer.languages[i];
    languages[i] = {tokenizer.pool.data + language.code, int32_t(language.id), i == tokenizer.header->language,
                    i == tokenizer.header->targetLanguage};
  }
  return tokenizer.languages.count;
}

lathe_status lathe::tokenize(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text,
                             const char *pair, int64_t maxLength, lathe_truncation truncation, lathe_encoding *encoding,
                             lathe_error *error) {
  if (!text || !encoding)
    return fail(error, LATHE_INVALID_ARGUMENT, "tokenize needs a text and an encoding to fill, found NULL");
  *encoding = {};
  Tokens tokens(tokenizer, allocator);
  if (lathe_status status = tokens.read(text, pair, maxLength, truncation, error))
    return status;
  return tokens.write(tokens.kept(tokens.first, tokens.keptFirst), tokens.kept(tokens.second, tokens.keptSecond),
                      *encoding, error);
}

lathe_status lathe::tokenizeWindows(const Tokenizer &tokenizer, const lathe_allocator &allocator, const char *text,
                                    const char *pair, int64_t maxLength, lathe_truncation truncation, int64_t stride,
                                    lathe_encoding *windows, size_t capacity, size_t *count, lathe_error *error) {
  *count = 0;
  Tokens tokens(tokenizer, allocator);
  if (lathe_status status = tokens.read(text, pair, maxLength, truncation, error))
    return status;
  bool cutsFirst = tokens.keptFirst < tokens.first.size, cutsSecond = tokens.keptSecond < tokens.second.size;
  if (pair && truncation == LATHE_TRUNCATE_LONGEST_FIRST && (cutsFirst || cutsSecond))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "windows of a pair need truncation only_first or only_second: one text is whole in each of them");
  const Buffer<Token> &cut = cutsSecond ? tokens.second : tokens.first;
  size_t kept = cutsSecond ? tokens.keptSecond : tokens.keptFirst;
  if (stride < 0 || ((cutsFirst || cutsSecond) && uint64_t(stride) >= kept))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "a stride of %lld tokens; windows have room for %zu of the text, and the stride must be less",
                (long long)stride, kept);
  bool fromEnd = tokenizer.has(tokenizerTruncatesLeft);
  for (size_t done = 0;; done += kept - size_t(stride), ++*count) {
    size_t end = done + kept < cut.size ? done + kept : cut.size;
    Part window = fromEnd ? Part{&cut, cut.size - end, cut.size - done} : Part{&cut, done, end};
    Part firstPart = cutsSecond ? tokens.kept(tokens.first, tokens.first.size) : window;
    Part secondPart = cutsSecond ? window : tokens.kept(tokens.second, tokens.second.size);
    if (*count < capacity)
      if (lathe_status status = tokens.write(firstPart, secondPart, windows[*count], error)) {
        for (size_t i = 0; i < *count; ++i)
          freeEncoding(allocator, &windows[i]);
        *count = 0;
        return status;
      }
    if (end == cut.size) {
      ++*count;
      return LATHE_OK;
    }
  }
}
