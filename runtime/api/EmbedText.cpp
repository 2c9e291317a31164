#include "runtime/api/EmbedText.h"

#include "runtime/api/Request.h"
#include "runtime/api/Run.h"
#include "runtime/api/TokenizeBatch.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/NameList.h"
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Buffer.h"

#include <string.h>

namespace lathe {
namespace {

constexpr char embeddingName[] = "sentence_embedding";

const lathe_entry *findEmbeddingEntry(const lathe_program &program, lathe_error *error) {
  NameList known;
  for (int32_t e = 0; e < program.n_entries; ++e) {
    if (findOutput(program.entries[e], embeddingName) >= 0)
      return &program.entries[e];
    for (int32_t o = 0; o < program.entries[e].n_outputs; ++o)
      known.add(program.entries[e].outputs[o].name);
  }
  fail(error, LATHE_UNAVAILABLE, "%s has no %s; it gives: %s", program.name, embeddingName, known.text);
  return nullptr;
}

lathe_tensor tensorOf(const char *name, lathe_dtype dtype, void *data, int64_t rows, int64_t width = 0) {
  return {name, dtype, width ? 2 : 1, {rows, width}, data};
}

/// Tokenized texts, one behind the other, that will be one run.
class TextBatch {
public:
  TextBatch(lathe_context &context, const lathe_entry &entry)
      : context(context), entry(entry), width(entry.outputs[findOutput(entry, embeddingName)].width),
        ids(context.allocator), types(context.allocator), prompts(context.allocator), offsets(context.allocator) {
    clear();
  }

  int64_t size() const { return int64_t(offsets.size) - 1; }

  /// Whether a text of this many tokens would keep the batch in the budget. Entries that keep padding count it.
  bool hasRoomFor(int64_t tokens) const {
    int64_t total = int64_t(ids.size) + tokens;
    if (entry.layout == LATHE_DENSE)
      total = (size() + 1) * (tokens > longest ? tokens : longest);
    return total <= context.maxTokens;
  }

  /// The first `promptTokens` of the text's tokens are not to be pooled.
  lathe_status add(const lathe_encoding &encoding, size_t promptTokens, lathe_error *error) {
    for (size_t i = 0; i < encoding.length; ++i) {
      ids.push(encoding.ids[i]);
      types.push(encoding.type_ids[i]);
      prompts.push(i < promptTokens);
    }
    offsets.push(int32_t(ids.size));
    if (int64_t(encoding.length) > longest)
      longest = int64_t(encoding.length);
    if (ids.failed || types.failed || prompts.failed || offsets.failed)
      return fail(error, LATHE_OUT_OF_MEMORY, "no memory for %zu token ids", ids.size);
    return LATHE_OK;
  }

  /// Runs the batch, moves `embeddings` past its rows and empties it.
  lathe_status run(float *&embeddings, lathe_error *error) {
    const int64_t tokens = int64_t(ids.size);
    lathe_tensor inputs[4] = {tensorOf("input_ids", LATHE_I32, ids.data, tokens),
                              tensorOf("cu_seqlens", LATHE_I32, offsets.data, size() + 1)};
    size_t inputCount = 2;
    if (findInput(entry, LATHE_TOKEN_TYPE_IDS))
      inputs[inputCount++] = tensorOf("token_type_ids", LATHE_I32, types.data, tokens);
    if (findInput(entry, LATHE_PROMPT_MASK))
      inputs[inputCount++] = tensorOf("prompt_mask", LATHE_I32, prompts.data, tokens);
    const lathe_tensor output = tensorOf(embeddingName, LATHE_F32, embeddings, size(), width);
    if (lathe_status status = runEntry(context, entry, inputs, inputCount, &output, 1, error))
      return status;
    embeddings += size() * width;
    clear();
    return offsets.failed ? fail(error, LATHE_OUT_OF_MEMORY, "no memory for token offsets") : LATHE_OK;
  }

private:
  void clear() {
    ids.size = types.size = prompts.size = offsets.size = 0;
    offsets.push(0);
    longest = 0;
  }

  lathe_context &context;
  const lathe_entry &entry;
  int64_t width;
  Buffer<int32_t> ids, types, prompts, offsets;
  int64_t longest = 0;
};

/// What stands before every text of a call.
class PromptedTexts {
public:
  PromptedTexts(const lathe_context &context, const char *prompt)
      : context(context), prompt(prompt && *prompt ? prompt : nullptr), joined(context.allocator) {}

  /// Counts the tokens that pooling leaves out: to be called before texts are tokenized.
  lathe_status countPromptTokens(const lathe_entry &entry, lathe_error *error) {
    if (!prompt || !findInput(entry, LATHE_PROMPT_MASK))
      return LATHE_OK;
    lathe_encoding encoding{};
    lathe_error cause{};
    if (lathe_status status = tokenizeAlone(prompt, encoding, &cause))
      return fail(error, status, "the prompt: %.480s", cause.message);
    promptTokens = encoding.length;
    if (promptTokens && encoding.special_tokens_mask[promptTokens - 1])
      --promptTokens; // what ends a text stands behind the text's own tokens
    freeEncoding(context.allocator, &encoding);
    return LATHE_OK;
  }

  /// What is to be tokenized of `n` texts: they themselves where there is no prompt. Lives until the next call.
  lathe_status join(const char *const *texts, size_t n, const char **prefixed, lathe_error *error) {
    if (!prompt) {
      for (size_t i = 0; i < n; ++i)
        prefixed[i] = texts[i];
      return LATHE_OK;
    }
    const size_t length = strlen(prompt);
    size_t bytes = 0;
    for (size_t i = 0; i < n; ++i)
      bytes += length + strlen(texts[i]) + 1;
    joined.size = 0;
    if (!joined.reserve(bytes))
      return fail(error, LATHE_OUT_OF_MEMORY, "no memory for texts of %zu bytes", bytes);
    char *to = joined.data;
    for (size_t i = 0; i < n; ++i) {
      const size_t textBytes = strlen(texts[i]) + 1;
      prefixed[i] = to;
      memcpy(to, prompt, length);
      memcpy(to + length, texts[i], textBytes);
      to += length + textBytes;
    }
    return LATHE_OK;
  }

  size_t promptTokens = 0;

private:
  lathe_status tokenizeAlone(const char *text, lathe_encoding &encoding, lathe_error *error) {
    return lathe::tokenize(context.model->tokenizer, context.allocator, text, nullptr,
                           context.model->program->max_length, LATHE_TRUNCATE_LONGEST_FIRST, &encoding, error);
  }

  const lathe_context &context;
  const char *prompt;
  Buffer<char> joined;
};

/// Adds one text to the batch, which is run first if it has no room.
lathe_status addText(lathe_context &context, const lathe_entry &entry, TextBatch &batch, const lathe_encoding &encoding,
                     size_t promptTokens, float *&embeddings, lathe_error *error) {
  const int64_t limit = entry.position_limit, tokens = int64_t(encoding.length);
  if (limit && tokens > limit)
    return fail(error, LATHE_TOO_LONG, "it has %lld tokens; this model has positions for %lld",
                static_cast<long long>(tokens), static_cast<long long>(limit));
  if (tokens > context.maxTokens)
    return fail(error, LATHE_OVER_BUDGET, "it has %lld tokens; the context's budget (max_tokens) is %lld",
                static_cast<long long>(tokens), static_cast<long long>(context.maxTokens));
  if (batch.size() && !batch.hasRoomFor(tokens))
    if (lathe_status status = batch.run(embeddings, error))
      return status;
  return batch.add(encoding, promptTokens, error);
}

/// Texts that are tokenized together: enough to keep the threads busy, few enough to be held.
constexpr size_t sliceTexts = 256;

/// Tokenizes up to sliceTexts texts and adds them to the batch, which runs as often as it is full. `count` gets how
/// many were added. When that is 0, or on an error, it is the number of the text that the error is about.
lathe_status addSlice(lathe_context &context, const lathe_entry &entry, PromptedTexts &prompted, TextBatch &batch,
                      const char *const *texts, size_t &count, float *&embeddings, lathe_error *error) {
  const char *prefixed[sliceTexts];
  lathe_encoding encodings[sliceTexts];
  size_t n = count < sliceTexts ? count : sliceTexts, failed = 0;
  const int64_t maxLength = context.model->program->max_length;
  if (lathe_status status = prompted.join(texts, n, prefixed, error)) {
    count = 0;
    return status;
  }
  auto tokenizeFirst = [&](size_t number) {
    return tokenizeBatch(context, context.model->tokenizer, prefixed, nullptr, number, maxLength,
                         LATHE_TRUNCATE_LONGEST_FIRST, encodings, failed, error);
  };
  lathe_status status = tokenizeFirst(n);
  if (status && failed && failed < n) // those before it may have an error of their own, which comes first
    status = tokenizeFirst(n = failed);
  count = status ? (failed < n ? failed : 0) : 0;
  for (size_t i = 0; !status && i < n; ++i)
    if ((status = addText(context, entry, batch, encodings[i], prompted.promptTokens, embeddings, error)))
      break;
    else
      ++count;
  for (size_t i = 0; i < n; ++i)
    freeEncoding(context.model->allocator, &encodings[i]);
  return status;
}

} // namespace

lathe_status choosePrompt(const lathe_program &program, const lathe_embed_options &options, const char *&prompt,
                          lathe_error *error) {
  prompt = options.prompt;
  if (prompt && options.prompt_name)
    return fail(error, LATHE_INVALID_ARGUMENT, "lathe_embed_options: prompt and prompt_name are both set; give one");
  if (prompt)
    return LATHE_OK;
  NameList known;
  for (int32_t p = 0; p < program.n_prompts; ++p) {
    const lathe_prompt &candidate = program.prompts[p];
    if (options.prompt_name ? !strcmp(candidate.name, options.prompt_name) : candidate.is_default) {
      prompt = candidate.text;
      return LATHE_OK;
    }
    known.add(candidate.name);
  }
  if (!options.prompt_name)
    return LATHE_OK;
  return fail(error, LATHE_UNAVAILABLE, "%s has no prompt %.64s; it has: %s", program.name, options.prompt_name,
              program.n_prompts ? known.text : "none");
}

lathe_status embedText(lathe_context &context, const char *prompt, const char *const *texts, size_t count,
                       float *embeddings, lathe_error *error) {
  const lathe_entry *entry = findEmbeddingEntry(*context.model->program, error);
  if (!entry)
    return LATHE_UNAVAILABLE;
  if (!context.model->hasTokenizer())
    return fail(error, LATHE_UNAVAILABLE, "%s was compiled without a tokenizer; use run with token ids",
                context.model->program->name);
  if (count && (!texts || !embeddings))
    return fail(error, LATHE_INVALID_ARGUMENT, "embed_text: `%s` must not be NULL", texts ? "embeddings" : "texts");
  TextBatch batch(context, *entry);
  PromptedTexts prompted(context, prompt);
  if (lathe_status status = prompted.countPromptTokens(*entry, error))
    return status;
  for (size_t i = 0; i < count; ++i)
    if (!texts[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "embed_text: text %zu is NULL", i);
  for (size_t done = 0; done < count;) {
    size_t added = count - done;
    lathe_error cause{};
    if (lathe_status status = addSlice(context, *entry, prompted, batch, texts + done, added, embeddings, &cause))
      return fail(error, status, "text %zu: %.480s", done + added, cause.message);
    done += added;
  }
  return batch.size() ? batch.run(embeddings, error) : LATHE_OK;
}

} // namespace lathe
