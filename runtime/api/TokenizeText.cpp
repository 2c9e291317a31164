#include "runtime/api/TokenizeText.h"

#include "runtime/api/Run.h"
#include "runtime/api/TokenizeBatch.h"
#include "runtime/core/Options.h"
#include "runtime/core/RawValue.h"

namespace lathe {
namespace {

/// What to tokenize with, and how, with nothing left to be chosen.
struct Settings {
  Tokenizer tokenizer; // the model's, in the language asked for
  lathe_tokenize_options options;

  lathe_status read(const lathe_model &model, const lathe_tokenize_options *given, lathe_error *error) {
    if (lathe_status status = readOptions("lathe_tokenize_options", given, options, error))
      return status;
    if (!given || options.max_length == -1)
      options.max_length = model.program->max_length;
    if (options.max_length < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "max_length is %lld; accepted: -1 (the model's own), 0 (none) or more",
                  static_cast<long long>(options.max_length));
    if (rawValue(options.truncation) > LATHE_TRUNCATE_ONLY_SECOND)
      return fail(error, LATHE_INVALID_ARGUMENT, "truncation is %u; accepted: 0 to %d", rawValue(options.truncation),
                  int(LATHE_TRUNCATE_ONLY_SECOND));
    tokenizer = model.tokenizer;
    return options.language ? chooseLanguage(tokenizer, options.language, error) : LATHE_OK;
  }
};

} // namespace

lathe_status checkTokenizer(const lathe_model *model, const char *function, lathe_error *error) {
  if (!model)
    return nullArgument(error, function, "model");
  if (!model->hasTokenizer())
    return fail(error, LATHE_UNAVAILABLE, "%s was compiled without a tokenizer", model->program->name);
  return LATHE_OK;
}

lathe_status tokenizeText(const lathe_model *model, const char *text, const char *pair,
                          const lathe_tokenize_options *given, lathe_encoding *encoding, lathe_error *error) {
  if (!text || !encoding)
    return nullArgument(error, "tokenize", text ? "encoding" : "text");
  *encoding = {};
  Settings settings;
  lathe_status status = checkTokenizer(model, "tokenize", error);
  if (status || (status = settings.read(*model, given, error)))
    return status;
  return tokenize(settings.tokenizer, model->allocator, text, pair, settings.options.max_length,
                  settings.options.truncation, encoding, error);
}

lathe_status tokenizeTexts(lathe_context *context, const char *const *texts, const char *const *pairs, size_t count,
                           const lathe_tokenize_options *given, lathe_encoding *encodings, lathe_error *error) {
  if (!context || (count && (!texts || !encodings)))
    return nullArgument(error, "tokenize_batch", !context ? "context" : texts ? "encodings" : "texts");
  if (lathe_status status = checkTokenizer(context->model, "tokenize_batch", error))
    return status;
  for (size_t i = 0; i < count; ++i)
    if (!texts[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "tokenize_batch: text %zu is NULL", i);
  Settings settings;
  if (lathe_status status = settings.read(*context->model, given, error))
    return status;
  Exclusive exclusive(*context);
  if (lathe_status status = exclusive.check(error))
    return status;
  size_t failed = 0;
  lathe_error cause{};
  const lathe_status status =
      tokenizeBatch(*context, settings.tokenizer, texts, pairs, count, settings.options.max_length,
                    settings.options.truncation, encodings, failed, &cause);
  if (!status || failed == count)
    return status ? fail(error, status, "%.480s", cause.message) : status;
  return fail(error, status, "text %zu: %.480s", failed, cause.message);
}

lathe_status tokenizeInWindows(const lathe_model *model, const char *text, const char *pair,
                               const lathe_tokenize_options *given, int64_t stride, lathe_encoding *windows,
                               size_t capacity, size_t *count, lathe_error *error) {
  if (!text || !count || (capacity && !windows))
    return nullArgument(error, "tokenize_windows", !text ? "text" : count ? "windows" : "n_windows");
  Settings settings;
  lathe_status status = checkTokenizer(model, "tokenize_windows", error);
  if (status || (status = settings.read(*model, given, error)))
    return status;
  return tokenizeWindows(settings.tokenizer, model->allocator, text, pair, settings.options.max_length,
                         settings.options.truncation, stride, windows, capacity, count, error);
}

} // namespace lathe
