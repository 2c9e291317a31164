// The public table. Each function checks the arguments that must not be null and leaves the work to its folder.
#include "runtime/api/EmbedText.h"
#include "runtime/api/Request.h"
#include "runtime/api/Run.h"
#include "runtime/api/Similarity.h"
#include "runtime/api/TokenizeText.h"
#include "runtime/core/Options.h"
#include "runtime/generate/Decode.h"
#include "runtime/generate/Encode.h"
#include "runtime/generate/Generate.h"

using namespace lathe;

namespace {

const char *name() { return lathe_program_v1.name; }

const char *buildId() { return lathe_program_v1.build_id; }

size_t entries(const lathe_entry_info **infos) {
  if (infos)
    *infos = lathe_program_v1.entry_infos;
  return size_t(lathe_program_v1.n_entries) + (lathe_program_v1.similarity != nullptr);
}

lathe_status openPath(const char *path, const lathe_open_options *options, lathe_model **model, lathe_error *error) {
  if (!model)
    return nullArgument(error, "open", "model");
  *model = nullptr;
  return openFile(lathe_program_v1, thisHost(), path, options, *model, error);
}

lathe_status openBytes(const void *weights, size_t bytes, const lathe_open_options *options, lathe_model **model,
                       lathe_error *error) {
  if (!model)
    return nullArgument(error, "open_memory", "model");
  *model = nullptr;
  return openMemory(lathe_program_v1, thisHost(), weights, bytes, options, *model, error);
}

lathe_status contextCreate(lathe_model *model, const lathe_context_options *options, lathe_context **context,
                           lathe_error *error) {
  if (context)
    *context = nullptr;
  if (!model || !context)
    return nullArgument(error, "context_create", model ? "context" : "model");
  return createContext(model, options, *context, error);
}

void cancel(lathe_context *context) {
  if (context)
    context->cancelled.store(true);
}

lathe_status infer(lathe_context *context, const char *entryName, const lathe_tensor *inputs, size_t inputCount,
                   lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  if (!context)
    return nullArgument(error, "infer", "context");
  if (findSimilarity(*context->model->program, entryName))
    return inferSimilarity(*context->model->program, inputs, inputCount, outputs, outputCount, error);
  const lathe_entry *entry = findEntry(*context->model->program, entryName, error);
  if (!entry)
    return LATHE_UNAVAILABLE;
  Request request;
  if (lathe_status status = readRequest(*entry, inputs, inputCount, request, error))
    return status;
  return shapeOutputs(request, outputs, outputCount, error);
}

lathe_status run(lathe_context *context, const char *entryName, const lathe_tensor *inputs, size_t inputCount,
                 const lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  if (!context)
    return nullArgument(error, "run", "context");
  Exclusive exclusive(*context);
  if (lathe_status status = exclusive.check(error))
    return status;
  if (findSimilarity(*context->model->program, entryName))
    return runSimilarity(*context, inputs, inputCount, outputs, outputCount, error);
  const lathe_entry *entry = findEntry(*context->model->program, entryName, error);
  if (!entry)
    return LATHE_UNAVAILABLE;
  return runEntry(*context, *entry, inputs, inputCount, outputs, outputCount, error);
}

size_t prompts(const lathe_prompt **all) {
  if (all)
    *all = lathe_program_v1.prompts;
  return size_t(lathe_program_v1.n_prompts);
}

lathe_status embedWith(lathe_context *context, const char *const *texts, size_t count, const lathe_embed_options *given,
                       float *embeddings, lathe_error *error) {
  if (!context)
    return nullArgument(error, "embed_text", "context");
  Exclusive exclusive(*context);
  lathe_status status = exclusive.check(error);
  lathe_embed_options options;
  if (!status)
    status = readOptions("lathe_embed_options", given, options, error);
  const char *prompt = nullptr;
  if (!status)
    status = choosePrompt(*context->model->program, options, prompt, error);
  return status ? status : embedText(*context, prompt, texts, count, embeddings, error);
}

lathe_status embed(lathe_context *context, const char *const *texts, size_t count, float *embeddings,
                   lathe_error *error) {
  return embedWith(context, texts, count, nullptr, embeddings, error);
}

size_t languages(const lathe_model *model, lathe_language *all, size_t capacity) {
  return model && model->hasTokenizer() ? listLanguages(model->tokenizer, all, capacity) : 0;
}

void releaseEncoding(const lathe_model *model, lathe_encoding *encoding) {
  if (model && encoding)
    freeEncoding(model->allocator, encoding);
}

lathe_status detokenizeIds(const lathe_model *model, const int32_t *ids, size_t count, int32_t skipSpecialTokens,
                           char *text, size_t capacity, size_t *length, lathe_error *error) {
  if (lathe_status status = checkTokenizer(model, "detokenize", error))
    return status;
  if ((count && !ids) || !length || (capacity && !text))
    return nullArgument(error, "detokenize", count && !ids ? "ids" : !length ? "length" : "text");
  return detokenize(model->tokenizer, ids, count, skipSpecialTokens != 0, text, capacity, length, error);
}

const char *textOfToken(const lathe_model *model, int32_t id) {
  return model && model->hasTokenizer() ? tokenText(model->tokenizer, id) : nullptr;
}

size_t memory(const lathe_context *context, const char *entryName, int64_t tokens, int64_t batch, int64_t longest) {
  if (context && findSimilarity(*context->model->program, entryName))
    return similarityMemory(*context, tokens, batch, longest);
  const lathe_entry *entry = context ? findEntry(*context->model->program, entryName, nullptr) : nullptr;
  return entry ? runMemory(*context, *entry, tokens, batch, longest) : 0;
}

size_t profile(const lathe_context *context, lathe_profile_step *steps, size_t capacity) {
  return context ? readProfile(*context, steps, steps ? capacity : 0) : 0;
}

const char *isa(const lathe_model *model) { return model ? levelName(model->level) : nullptr; }

lathe_status sequenceCreate(lathe_context *context, const lathe_sequence *from, int64_t length,
                            lathe_sequence **sequence, lathe_error *error) {
  if (sequence)
    *sequence = nullptr;
  if (!context || !sequence)
    return nullArgument(error, "sequence_create", context ? "sequence" : "context");
  Exclusive exclusive(*context);
  if (lathe_status status = exclusive.check(error))
    return status;
  return createSequence(*context, from, length, *sequence, error);
}

int64_t sequenceLength(const lathe_sequence *sequence) { return sequence ? sequence->length : 0; }

lathe_status sequenceTruncate(lathe_sequence *sequence, int64_t length, lathe_error *error) {
  if (!sequence)
    return nullArgument(error, "sequence_truncate", "sequence");
  if (length < 0 || length > sequence->length)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence_truncate: length is %lld; accepted: 0 to %lld, what it has",
                static_cast<long long>(length), static_cast<long long>(sequence->length));
  Exclusive exclusive(*sequence->context);
  if (lathe_status status = exclusive.check(error))
    return status;
  if (lathe_status status = checkWholePrefix(*sequence, length, error))
    return status;
  truncateSequence(*sequence, length);
  return LATHE_OK;
}

lathe_status sequenceSetPrefix(lathe_sequence *sequence, int64_t length, lathe_error *error) {
  if (!sequence)
    return nullArgument(error, "sequence_set_prefix", "sequence");
  if (length < 0 || length > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence_set_prefix: length is %lld; accepted: 0 to %d",
                static_cast<long long>(length), INT32_MAX);
  Exclusive exclusive(*sequence->context);
  if (lathe_status status = exclusive.check(error))
    return status;
  if (sequence->length)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "sequence_set_prefix: the sequence has %lld tokens; a prefix is set while it has none",
                static_cast<long long>(sequence->length));
  sequence->prefix = length;
  return LATHE_OK;
}

lathe_status decode(lathe_context *context, lathe_sequence *const *sequences, size_t count, const int32_t *ids,
                    const int32_t *offsets, const int32_t *logitRows, size_t logitRowCount, float *logits,
                    lathe_error *error) {
  if (!context || !offsets || (count && !sequences))
    return nullArgument(error, "decode", !context ? "context" : offsets ? "sequences" : "cu_seqlens");
  if (offsets[count] > 0 && !ids)
    return nullArgument(error, "decode", "ids");
  if (logitRowCount && (!logitRows || !logits))
    return nullArgument(error, "decode", logitRows ? "logits" : "logit_rows");
  Exclusive exclusive(*context);
  if (lathe_status status = exclusive.check(error))
    return status;
  return decodeStep(*context, {sequences, count, ids, offsets, logitRows, logitRowCount, logits}, error);
}

lathe_status generateDefaultsOf(const lathe_model *model, lathe_generate_options *options, lathe_error *error) {
  if (!model || !options)
    return nullArgument(error, "generate_defaults", model ? "options" : "model");
  const lathe_decoder *decoder = findDecoder(*model, error);
  if (!decoder)
    return LATHE_UNAVAILABLE;
  *options = *decoder->defaults;
  return LATHE_OK;
}

lathe_status checkOffsets(const int32_t *offsets, size_t count, lathe_error *error) {
  if (offsets[0])
    return fail(error, LATHE_INVALID_ARGUMENT, "cu_seqlens begins with %d; it must begin with 0", offsets[0]);
  for (size_t i = 0; i < count; ++i)
    if (offsets[i + 1] < offsets[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "cu_seqlens falls from %d to %d at index %zu; it must not fall",
                  offsets[i], offsets[i + 1], i + 1);
  return LATHE_OK;
}

lathe_status generate(lathe_context *context, const int32_t *ids, const int32_t *offsets, const uint8_t *mask,
                      size_t count, const lathe_generate_options *given, lathe_generated *results, lathe_error *error) {
  if (!context || (count && (!offsets || !results)))
    return nullArgument(error, "generate", !context ? "context" : offsets ? "results" : "cu_seqlens");
  if (count && offsets[count] > 0 && !ids)
    return nullArgument(error, "generate", "ids");
  lathe_generate_options options;
  lathe_status status = given ? readOptions("lathe_generate_options", given, options, error)
                              : generateDefaultsOf(context->model, &options, error);
  if (status || !count)
    return status;
  if ((status = checkOffsets(offsets, count, error)))
    return status;
  if (options.decoder_ids && !options.decoder_cu_seqlens)
    return nullArgument(error, "generate", "decoder_cu_seqlens");
  if (options.decoder_ids && (status = checkOffsets(options.decoder_cu_seqlens, count, error)))
    return status;
  Exclusive exclusive(*context);
  if ((status = exclusive.check(error)))
    return status;
  return generateTexts(*context, {ids, offsets, mask, count}, options, results, error);
}

void releaseGenerated(const lathe_model *model, lathe_generated *text) {
  if (model && text)
    freeGenerated(model->allocator, text);
}

int64_t vocabulary(const lathe_model *model) {
  const lathe_decoder *decoder = model ? model->program->decoder : nullptr;
  return decoder ? vocabularyOf(*decoder) : 0;
}

size_t cacheMemory(const lathe_context *context) {
  return context ? size_t(context->pages.bytesInUse() + context->sourcePages.bytesInUse()) : 0;
}

lathe_status encode(lathe_context *context, const int32_t *ids, const int32_t *offsets, const uint8_t *mask,
                    size_t count, lathe_sequence **sequences, lathe_error *error) {
  if (!context || (count && (!offsets || !sequences)))
    return nullArgument(error, "encode", !context ? "context" : offsets ? "sequences" : "cu_seqlens");
  if (!count)
    return LATHE_OK;
  if (lathe_status status = checkOffsets(offsets, count, error))
    return status;
  if (offsets[count] > 0 && !ids)
    return nullArgument(error, "encode", "ids");
  Exclusive exclusive(*context);
  if (lathe_status status = exclusive.check(error))
    return status;
  return encodeSources(*context, {ids, offsets, mask, count}, sequences, error);
}

lathe_model *modelOf(const lathe_context *context) { return context ? context->model : nullptr; }

constexpr lathe_api table = {
    LATHE_ABI_VERSION,
    sizeof(lathe_api),
    name,
    buildId,
    entries,
    openPath,
    openBytes,
    closeModel,
    contextCreate,
    destroyContext,
    cancel,
    infer,
    run,
    embed,
    tokenizeText,
    releaseEncoding,
    detokenizeIds,
    textOfToken,
    memory,
    profile,
    isa,
    prompts,
    embedWith,
    tokenizeTexts,
    tokenizeInWindows,
    sequenceCreate,
    destroySequence,
    sequenceLength,
    sequenceTruncate,
    decode,
    generateDefaultsOf,
    generate,
    releaseGenerated,
    vocabulary,
    cacheMemory,
    sequenceSetPrefix,
    encode,
    languages,
    modelOf,
};

} // namespace

const lathe_api *lathe_runtime_api() { return &table; }
