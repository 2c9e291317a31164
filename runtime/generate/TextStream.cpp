#include "runtime/generate/TextStream.h"

#include "runtime/core/Status.h"

namespace lathe {
namespace {

/// Tokens that a decoder may look back at when it gives the next one's text.
constexpr size_t contextTokens = 4;
/// Tokens whose text has been given are forgotten from time to time.
constexpr size_t mostTokens = 16;
constexpr size_t characterBytes = 4;

constexpr char replacement[] = "\xEF\xBF\xBD"; // U+FFFD

/// Whether the text ends in U+FFFD, which stands for bytes that are no whole character yet.
bool endsInside(const Buffer<char> &text) {
  return text.size >= 3 && !memcmp(text.data + text.size - 3, replacement, 3);
}
bool beginsInside(const Buffer<char> &text) { return text.size >= 3 && !memcmp(text.data, replacement, 3); }

lathe_status noMemory(lathe_error *error) { return fail(error, LATHE_OUT_OF_MEMORY, "no memory for a text's pieces"); }

} // namespace

lathe_status TextStream::decode(size_t begin, size_t end, Buffer<char> &into, lathe_error *error) {
  size_t length = 0;
  if (lathe_status status = detokenize(tokenizer, tokens.data + begin, end - begin, /*skipSpecialTokens=*/true,
                                       into.data, into.capacity, &length, error))
    return status;
  if (length + 1 > into.capacity) {
    into.size = 0;
    if (!into.reserve(length + 1))
      return noMemory(error);
    if (lathe_status status =
            detokenize(tokenizer, tokens.data + begin, end - begin, true, into.data, into.capacity, &length, error))
      return status;
  }
  into.size = length;
  return LATHE_OK;
}

lathe_status TextStream::advance(bool complete, lathe_error *error) {
  pieceSize = 0;
  lathe_status status = decode(0, given, before, error);
  if (!status)
    status = decode(0, tokens.size, text, error);
  if (status || text.size <= before.size)
    return status;
  if (!complete && (endsInside(text) || endsOpen(tokenizer, tokens.data, tokens.size)))
    return status;
  pieceBegin = before.size;
  if (memcmp(text.data, before.data, before.size)) {
    // What has been given reads otherwise now: where characters are spelled byte by byte, one byte too many spoils
    // those before it. What is new is then read by itself.
    pieceBegin = 0;
    if ((status = decode(given, tokens.size, text, error)))
      return status;
  }
  pieceSize = text.size - pieceBegin;
  given = tokens.size;
  return LATHE_OK;
}

lathe_status TextStream::begin(const int32_t *prompt, size_t length, lathe_error *error) {
  const size_t looked = length < mostTokens ? length : mostTokens;
  for (size_t i = length - looked; i < length; ++i)
    tokens.push(prompt[i]);
  given = tokens.size;
  return tokens.failed ? noMemory(error) : LATHE_OK;
}

/// Of all tokens those stay that somebody may look back at. Where each byte is a token they begin with a whole
/// character: bytes of half a one would spoil those behind them.
lathe_status TextStream::forget(lathe_error *error) {
  size_t kept = contextTokens;
  for (; kept + 1 < contextTokens + characterBytes; ++kept) {
    if (lathe_status status = decode(tokens.size - kept, tokens.size, before, error))
      return status;
    if (!beginsInside(before))
      break;
  }
  memmove(tokens.data, tokens.data + tokens.size - kept, kept * sizeof(int32_t));
  tokens.size = given = kept;
  return LATHE_OK;
}

lathe_status TextStream::add(int32_t id, lathe_error *error) {
  if (given == tokens.size && given >= mostTokens)
    if (lathe_status status = forget(error))
      return status;
  tokens.push(id);
  return tokens.failed ? noMemory(error) : advance(/*complete=*/false, error);
}

lathe_status TextStream::end(lathe_error *error) { return advance(/*complete=*/true, error); }

} // namespace lathe
