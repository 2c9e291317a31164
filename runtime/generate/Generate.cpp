#include "runtime/generate/Generate.h"

#include "runtime/core/Context.h"
#include "runtime/core/FloatEnvironment.h"
#include "runtime/core/Sequence.h"
#include "runtime/core/Status.h"
#include "runtime/generate/Beams.h"
#include "runtime/generate/Continuation.h"
#include "runtime/generate/Decode.h"
#include "runtime/generate/Encode.h"
#include "runtime/generate/GenerateOptions.h"
#include "runtime/generate/TextStream.h"

#include <new>
#include <string.h>

namespace lathe {
namespace {

/// Rows of logits that are computed together, unless one prompt has more beams.
constexpr int64_t mostRows = 64;

/// An array of a context's memory, filled with zeros.
template <typename T> class Array {
public:
  Array(const lathe_allocator &allocator, int64_t size)
      : allocator(allocator), size(size),
        data(static_cast<T *>(allocator.allocate(allocator.user, size_t(size ? size : 1) * sizeof(T)))) {
    if (data)
      memset(static_cast<void *>(data), 0, size_t(size) * sizeof(T));
  }
  ~Array() {
    if (data)
      allocator.release(allocator.user, static_cast<void *>(data), size_t(size ? size : 1) * sizeof(T));
  }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  T &operator[](int64_t index) const { return data[index]; }

private:
  const lathe_allocator &allocator;
  const int64_t size;

public:
  T *const data; ///< null: there was no memory
};

lathe_status noMemory(lathe_error *error) {
  return fail(error, LATHE_OUT_OF_MEMORY, "no memory for the texts that are to be written");
}

/// What is put to the model in one step for one row of logits: tokens that a sequence goes on with.
struct Item {
  lathe_sequence *sequence;
  const int32_t *ids;
  int64_t count;
};

/// Steps of many items, in parts that keep within the context's budget.
class Stepper {
public:
  Stepper(lathe_context &context, int64_t rows, int64_t tokens)
      : context(context), vocabulary(vocabularyOf(*context.model->program->decoder)), most(context.maxTokens),
        sequences(context.allocator, rows), ids(context.allocator, tokens < most ? tokens : most),
        offsets(context.allocator, rows + 1), logitRows(context.allocator, rows),
        logits(context.allocator, rows * vocabulary) {}
  bool hasMemory() const { return sequences.data && ids.data && offsets.data && logitRows.data && logits.data; }

  /// Logits of what follows each item's last token.
  lathe_status run(Item *items, int64_t count, lathe_error *error) {
    for (int64_t i = 0; i < count; ++i)
      for (; items[i].count > most; items[i].ids += most, items[i].count -= most)
        if (lathe_status status = runPart({items[i].sequence, items[i].ids, most}, error))
          return status;
    for (int64_t done = 0, end = 0; done < count; done = end) {
      int64_t tokens = 0;
      while (end < count && tokens + items[end].count <= most)
        tokens += items[end++].count;
      if (lathe_status status = runTogether(items + done, end - done, done, error))
        return status;
    }
    return LATHE_OK;
  }
  float *row(int64_t index) const { return &logits[index * vocabulary]; }

private:
  /// The beginning of a prompt that is longer than the budget.
  lathe_status runPart(const Item &item, lathe_error *error) {
    const int32_t bounds[] = {0, int32_t(item.count)};
    return decodeStep(context, {&item.sequence, 1, item.ids, bounds, nullptr, 0, nullptr}, error);
  }
  lathe_status runTogether(const Item *items, int64_t count, int64_t firstRow, lathe_error *error) {
    int32_t tokens = 0;
    for (int64_t i = 0; i < count; ++i) {
      memcpy(&ids[tokens], items[i].ids, size_t(items[i].count) * sizeof(int32_t));
      tokens += int32_t(items[i].count);
      sequences[i] = items[i].sequence;
      offsets[i + 1] = tokens;
      logitRows[i] = tokens - 1;
    }
    return decodeStep(
        context, {sequences.data, size_t(count), ids.data, offsets.data, logitRows.data, size_t(count), row(firstRow)},
        error);
  }

  lathe_context &context;

public:
  const int64_t vocabulary;

private:
  const int64_t most;
  Array<lathe_sequence *> sequences;
  Array<int32_t> ids, offsets, logitRows;
  Array<float> logits;
};

/// What every prompt's texts are written with.
struct Shared {
  lathe_context &context;
  const lathe_generate_options &options;
  Scratch &scratch;
  int64_t vocabulary;
};

/// One text that is written token by token, greedily or by draws.
struct Text {
  Text(Shared &shared)
      : continuation(shared.context.allocator, shared.scratch),
        stream(shared.context.model->tokenizer, shared.context.allocator),
        stop(shared.options.stop, shared.options.n_stop, shared.context.allocator) {}

  Continuation continuation;
  TextStream stream;
  StopStrings stop;
  bool isStopped = false;
};

/// The options for one prompt: no text is longer than the model has positions for, of which the last token needs none.
lathe_generate_options withinPlaces(const lathe_generate_options &options, int64_t length, int64_t tokens,
                                    int64_t places) {
  lathe_generate_options within = options;
  const int64_t most = places + 1 - tokens;
  if (greatestLength(options, length) - length > most)
    within.max_new_tokens = most;
  return within;
}

/// The texts of one prompt.
class PromptTexts {
public:
  /// `tokens` are those of the prompt that the model reads, the first `prefix` of them in both directions.
  PromptTexts(Shared &shared, const int32_t *prompt, int64_t length, const int32_t *tokens, int64_t tokenCount,
              int64_t prefix, size_t number)
      : shared(shared), prompt(prompt), length(length), tokens(tokens), tokenCount(tokenCount), prefix(prefix),
        number(number),
        options(withinPlaces(shared.options, length, tokenCount, placesOf(*shared.context.model->program->decoder))),
        isSearch(options.num_beams > 1), width(isSearch ? options.num_beams : options.num_return_sequences),
        search(shared.context.allocator, shared.scratch), texts(shared.context.allocator, isSearch ? 0 : width),
        sequences(shared.context.allocator, width), former(shared.context.allocator, width) {
    for (int64_t i = 0; !isSearch && texts.data && i < width; ++i)
      new (&texts[i]) Text(shared);
  }
  ~PromptTexts() {
    for (int64_t i = 0; sequences.data && i < width; ++i)
      destroySequence(sequences[i]);
    for (int64_t i = 0; !isSearch && texts.data && i < width; ++i)
      texts[i].~Text();
  }

  /// The texts go on from `begun`, which these take, or else from nothing.
  lathe_status start(lathe_sequence *begun, lathe_error *error);
  /// Rows of logits that the next advance() wants; 0 when all texts have ended. Lists what they follow.
  int64_t listItems(Item *items);
  lathe_status advance(float *logits, lathe_error *error);
  lathe_status take(lathe_generated *results, lathe_error *error) const;

private:
  lathe_status startTexts(lathe_error *error);
  lathe_status follow(lathe_error *error);
  lathe_status advanceText(int64_t index, float *logits, lathe_error *error);
  lathe_status say(Text &text, int64_t index, int32_t id, lathe_error *error);
  bool isLive(int64_t index) const { return !texts[index].continuation.done() && !texts[index].isStopped; }

  Shared &shared;
  const int32_t *const prompt; // which counts in lengths and penalties with its padding
  const int64_t length;
  const int32_t *const tokens;
  const int64_t tokenCount, prefix;
  const size_t number;
  const lathe_generate_options options;
  const bool isSearch;
  const int64_t width;
  bool begun = false;
  BeamSearch search;
  Array<Text> texts;
  Array<lathe_sequence *> sequences, former; // of beams and texts by number; null: not live
};

lathe_status PromptTexts::start(lathe_sequence *begun, lathe_error *error) {
  if (!texts.data || !sequences.data || !former.data) {
    destroySequence(begun);
    return noMemory(error);
  }
  sequences[0] = begun;
  const uint64_t first = uint64_t(number) * uint64_t(width); // draws are numbered
  if (isSearch) {
    if (lathe_status status = search.start(prompt, length, options, shared.vocabulary, first, error))
      return status;
  }
  for (int64_t i = 0; !isSearch && i < width; ++i) {
    if (lathe_status status =
            texts[i].continuation.start(prompt, length, options, shared.vocabulary, first + uint64_t(i), error))
      return status;
    if (lathe_status status = texts[i].stream.begin(tokens, size_t(tokenCount), error))
      return status;
  }
  if (!begun)
    if (lathe_status status = createSequence(shared.context, nullptr, 0, sequences[0], error))
      return status;
  sequences[0]->prefix = prefix;
  return LATHE_OK;
}

int64_t PromptTexts::listItems(Item *items) {
  if (!begun) {
    items[0] = {sequences[0], tokens, tokenCount};
    return 1;
  }
  if (isSearch) {
    for (int64_t i = 0; i < search.live(); ++i)
      items[i] = {sequences[i], search.ids(i) + search.length() - 1, 1};
    return search.live();
  }
  int64_t count = 0;
  for (int64_t i = 0; i < width; ++i)
    if (isLive(i)) {
      const Continuation &text = texts[i].continuation;
      items[count++] = {sequences[i], text.ids() + text.length() - 1, 1};
    }
  return count;
}

/// Every text of a prompt goes on from the prompt.
lathe_status PromptTexts::startTexts(lathe_error *error) {
  for (int64_t i = 1; i < width; ++i)
    if (lathe_status status = createSequence(shared.context, sequences[0], sequences[0]->length, sequences[i], error))
      return status;
  return LATHE_OK;
}

/// Gives each beam the cache of the one that it goes on from: to the first of several itself, to others a copy that
/// shares its pages.
lathe_status PromptTexts::follow(lathe_error *error) {
  for (int64_t i = 0; i < width; ++i) {
    former[i] = sequences[i];
    sequences[i] = nullptr;
  }
  lathe_status status = LATHE_OK;
  for (int64_t i = search.live(); i-- > 0 && !status;) {
    lathe_sequence *&parent = former[search.parent(i)];
    bool isLast = true;
    for (int64_t earlier = 0; earlier < i; ++earlier)
      isLast &= search.parent(earlier) != search.parent(i);
    if (isLast) {
      sequences[i] = parent;
      parent = nullptr;
    } else {
      status = createSequence(shared.context, parent, parent->length, sequences[i], error);
    }
  }
  for (int64_t i = 0; i < width; ++i)
    destroySequence(former[i]);
  return status;
}

lathe_status PromptTexts::advance(float *logits, lathe_error *error) {
  if (isSearch) {
    begun = true;
    lathe_status status = search.advance(logits, shared.vocabulary, error);
    return status ? status : follow(error);
  }
  if (!begun) { // one row for all
    begun = true;
    if (lathe_status status = startTexts(error))
      return status;
    if (width > 1 && !shared.scratch.reserve(shared.vocabulary, 1))
      return noMemory(error);
    for (int64_t i = 0; i < width; ++i) {
      float *row = logits;
      if (i + 1 < width) { // the last one may overwrite it
        row = shared.scratch.row;
        memcpy(row, logits, size_t(shared.vocabulary) * sizeof(float));
      }
      if (lathe_status status = advanceText(i, row, error))
        return status;
    }
    return LATHE_OK;
  }
  for (int64_t i = 0; i < width; ++i)
    if (isLive(i)) {
      if (lathe_status status = advanceText(i, logits, error))
        return status;
      logits += shared.vocabulary;
    }
  return LATHE_OK;
}

lathe_status PromptTexts::advanceText(int64_t index, float *logits, lathe_error *error) {
  Text &text = texts[index];
  if (lathe_status status = text.continuation.advance(logits, error))
    return status;
  if (shared.options.stream || shared.options.n_stop) {
    const int32_t id = text.continuation.ids()[text.continuation.length() - 1];
    if (lathe_status status = say(text, index, id, error))
      return status;
  }
  if (!isLive(index)) {
    destroySequence(sequences[index]);
    sequences[index] = nullptr;
  }
  return LATHE_OK;
}

/// Tells the caller, and looks for what stops the text.
lathe_status PromptTexts::say(Text &text, int64_t index, int32_t id, lathe_error *error) {
  const bool hasText = shared.context.model->hasTokenizer();
  auto tell = [&](int32_t token) {
    const size_t size = hasText ? text.stream.pieceLength() : 0;
    if (!shared.options.stream || !shared.options.stream(shared.options.stream_user, number, size_t(index), token,
                                                         size ? text.stream.piece() : "", size))
      return LATHE_OK;
    return fail(error, LATHE_CANCELLED, "the caller's stream cancelled");
  };
  if (lathe_status status = hasText ? text.stream.add(id, error) : LATHE_OK)
    return status;
  if (hasText && shared.options.n_stop) {
    text.isStopped = text.stop.add(text.stream.piece(), text.stream.pieceLength());
    if (text.stop.failed())
      return noMemory(error);
  }
  if (lathe_status status = tell(id))
    return status;
  if (isLive(index))
    return LATHE_OK;
  if (lathe_status status = hasText ? text.stream.end(error) : LATHE_OK)
    return status;
  return tell(-1);
}

lathe_status PromptTexts::take(lathe_generated *results, lathe_error *error) const {
  const lathe_allocator &allocator = shared.context.model->allocator;
  for (int64_t i = 0; i < shared.options.num_return_sequences; ++i) {
    const bool exists = !isSearch || i < search.results();
    const BeamResult text = !exists    ? BeamResult{prompt, length, 0}
                            : isSearch ? search.result(i)
                                       : BeamResult{texts[i].continuation.ids(), texts[i].continuation.length(), 0};
    const size_t written = size_t(text.length - length);
    auto *ids = static_cast<int32_t *>(allocator.allocate(allocator.user, (written + 1) * sizeof(int32_t)));
    if (!ids)
      return noMemory(error);
    memcpy(ids, text.ids + length, written * sizeof(int32_t));
    results[i] = {written, ids, text.score, ids};
  }
  return LATHE_OK;
}

/// Of a prompt's tokens, those in its prefix: so many columns from the first token on, or all that there are.
int64_t prefixOf(const Prompts &prompts, const lathe_generate_options &options, size_t index) {
  const int64_t length = options.prefix_lens ? options.prefix_lens[index] : 0;
  int64_t tokens = 0, columns = 0;
  for (int32_t at = prompts.offsets[index]; at < prompts.offsets[index + 1] && columns < length; ++at) {
    const bool isToken = !prompts.mask || prompts.mask[at];
    tokens += isToken;
    columns += tokens > 0;
  }
  return tokens;
}

lathe_status checkRequest(const lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                          lathe_error *error) {
  const lathe_decoder &decoder = *context.model->program->decoder;
  const int64_t vocabulary = vocabularyOf(decoder), places = placesOf(decoder);
  if (options.num_beams > 1 && (options.stream || options.n_stop))
    return fail(error, LATHE_INVALID_ARGUMENT, "%s with num_beams %d; beam search writes nothing before its end",
                options.stream ? "stream is set" : "stop strings are set", options.num_beams);
  if (options.n_stop && !context.model->hasTokenizer())
    return fail(error, LATHE_INVALID_ARGUMENT, "stop strings are set, but %s was compiled without a tokenizer",
                context.model->program->name);
  for (size_t i = 0; i < options.n_stop; ++i)
    if (!options.stop || !options.stop[i] || !*options.stop[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "stop string %zu is NULL or empty", i);
  for (size_t i = 0; i < prompts.count; ++i) {
    const int64_t length = prompts.offsets[i + 1] - prompts.offsets[i];
    if (lathe_status status = checkWriting(options, prompts.ids + prompts.offsets[i], length, vocabulary, error))
      return status;
    int64_t tokens = length;
    for (int32_t at = prompts.offsets[i]; prompts.mask && at < prompts.offsets[i + 1]; ++at)
      tokens -= !prompts.mask[at];
    if (!tokens)
      return fail(error, LATHE_INVALID_ARGUMENT, "prompt %zu has no tokens: the mask is 0 for all of them", i);
    if (tokens > places)
      return fail(error, LATHE_INVALID_ARGUMENT, "prompt %zu has %lld tokens; this model has positions for %lld", i,
                  static_cast<long long>(tokens), static_cast<long long>(places));
    if (options.prefix_lens && options.prefix_lens[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "prefix_lens is %d for prompt %zu; accepted: 0 and more",
                  options.prefix_lens[i], i);
    if (const int64_t prefix = prefixOf(prompts, options, i); prefix > context.maxTokens)
      return fail(
          error, LATHE_OVER_BUDGET,
          "prompt %zu has a prefix of %lld tokens, which are read in one step; the context's budget (max_tokens) "
          "is %lld",
          i, static_cast<long long>(prefix), static_cast<long long>(context.maxTokens));
  }
  return LATHE_OK;
}

/// What the decoder of a model with an encoder begins each text with.
class DecoderPrompts {
public:
  DecoderPrompts(const lathe_allocator &allocator, size_t count, const lathe_generate_options &options)
      : given(options.decoder_ids), givenOffsets(options.decoder_cu_seqlens), start(options.decoder_start_id),
        count(count), prefix(start >= 0 && !(given && startsAny(count))),
        ids(allocator, (given && count ? givenOffsets[count] : 0) + int64_t(count)),
        offsets(allocator, int64_t(count) + 1) {
    if (!ids.data || !offsets.data)
      return;
    int32_t end = 0;
    for (size_t i = 0; i < count; ++i) {
      if (prefix)
        ids[end++] = start;
      for (int32_t at = given ? givenOffsets[i] : 0; given && at < givenOffsets[i + 1]; ++at)
        ids[end++] = given[at];
      offsets[int64_t(i) + 1] = end;
    }
  }
  bool hasMemory() const { return ids.data && offsets.data; }
  Prompts prompts() const { return {ids.data, offsets.data, nullptr, count}; }

private:
  bool startsAny(size_t n) const {
    for (size_t i = 0; i < n; ++i)
      if (givenOffsets[i] < givenOffsets[i + 1] && given[givenOffsets[i]] == start)
        return true;
    return false;
  }

  const int32_t *const given, *const givenOffsets;
  const int32_t start;
  const size_t count;
  const bool prefix;
  Array<int32_t> ids, offsets;
};

/// All prompts' texts, some prompts at a time in each step.
class Generation {
public:
  Generation(Shared &shared, const Prompts &prompts)
      : prompts(prompts), allocator(shared.context.allocator), tokens(allocator, prompts.offsets[prompts.count]),
        texts(allocator, int64_t(prompts.count)) {
    if (!hasMemory())
      return;
    int64_t end = 0;
    for (size_t i = 0; i < prompts.count; ++i) {
      const int64_t first = end;
      for (int32_t at = prompts.offsets[i]; at < prompts.offsets[i + 1]; ++at)
        if (!prompts.mask || prompts.mask[at])
          tokens[end++] = prompts.ids[at];
      new (&texts[int64_t(i)])
          PromptTexts(shared, prompts.ids + prompts.offsets[i], prompts.offsets[i + 1] - prompts.offsets[i],
                      &tokens[first], end - first, prefixOf(prompts, shared.options, i), i);
    }
  }
  ~Generation() {
    for (size_t i = 0; hasMemory() && i < prompts.count; ++i)
      texts[int64_t(i)].~PromptTexts();
  }
  bool hasMemory() const { return tokens.data && texts.data; }

  /// With an encoder, `sources` are what it reads; null without one.
  lathe_status run(lathe_context &context, const Prompts *sources, int64_t width, lathe_error *error) {
    const int64_t rows = width > mostRows ? width : mostRows;
    Stepper stepper(context, rows, int64_t(prompts.offsets[prompts.count]) + rows);
    Array<Item> items(allocator, rows);
    if (!hasMemory() || !stepper.hasMemory() || !items.data)
      return noMemory(error);
    if (lathe_status status = start(context, sources, error))
      return status;
    for (bool any = true; any;) {
      any = false;
      for (size_t first = 0, end = 0; first < prompts.count; first = end) {
        int64_t count = 0;
        for (; end < prompts.count && count + width <= rows; ++end)
          count += texts[int64_t(end)].listItems(&items[count]);
        any |= count > 0;
        if (lathe_status status = count ? step(stepper, items.data, count, first, end, error) : LATHE_OK)
          return status;
      }
    }
    return LATHE_OK;
  }
  lathe_status take(size_t index, lathe_generated *results, lathe_error *error) const {
    return texts[int64_t(index)].take(results, error);
  }

private:
  lathe_status start(lathe_context &context, const Prompts *sources, lathe_error *error) {
    Array<lathe_sequence *> begun(allocator, int64_t(prompts.count));
    if (!begun.data)
      return noMemory(error);
    lathe_status status = LATHE_OK;
    if (sources)
      status =
          encodeSources(context, {sources->ids, sources->offsets, sources->mask, sources->count}, begun.data, error);
    for (size_t i = 0; i < prompts.count; ++i) {
      if (!status)
        status = texts[int64_t(i)].start(begun[int64_t(i)], error); // which takes it in any case
      else
        destroySequence(begun[int64_t(i)]);
    }
    return status;
  }
  lathe_status step(Stepper &stepper, Item *items, int64_t count, size_t first, size_t end, lathe_error *error) {
    if (lathe_status status = stepper.run(items, count, error))
      return status;
    FloatEnvironment environment;
    int64_t row = 0;
    for (size_t i = first; i < end; ++i) {
      PromptTexts &ofPrompt = texts[int64_t(i)];
      if (const int64_t rows = ofPrompt.listItems(items)) {
        if (lathe_status status = ofPrompt.advance(stepper.row(row), error))
          return status;
        row += rows;
      }
    }
    return LATHE_OK;
  }

  const Prompts &prompts;
  const lathe_allocator &allocator;
  Array<int32_t> tokens; // of all prompts, without padding
  Array<PromptTexts> texts;
};

} // namespace

lathe_status generateTexts(lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                           lathe_generated *results, lathe_error *error) {
  const lathe_decoder *decoder = findDecoder(*context.model, error);
  if (!decoder)
    return LATHE_UNAVAILABLE;
  if (!decoder->source && options.decoder_ids)
    return fail(error, LATHE_INVALID_ARGUMENT, "decoder_ids are given, but %s has no encoder beside its decoder",
                context.model->program->name);
  if (decoder->source && options.decoder_start_id < 0 && !options.decoder_ids)
    return fail(error, LATHE_INVALID_ARGUMENT, "neither decoder_start_id nor decoder_ids say what texts begin with");
  const size_t decoderPrompts = decoder->source ? prompts.count : 0;
  const DecoderPrompts ofDecoder(context.allocator, decoderPrompts, options);
  if (!ofDecoder.hasMemory())
    return noMemory(error);
  const Prompts begins = decoder->source ? ofDecoder.prompts() : prompts;
  if (lathe_status status = checkRequest(context, begins, options, error))
    return status;
  Scratch scratch(context.allocator, /*avx512=*/true); // which every level has
  Shared shared = {context, options, scratch, vocabularyOf(*decoder)};
  Generation generation(shared, begins);
  const int32_t perPrompt = options.num_return_sequences;
  lathe_status status = generation.run(context, decoder->source ? &prompts : nullptr,
                                       options.num_beams > 1 ? options.num_beams : perPrompt, error);
  for (size_t i = 0; i < prompts.count * size_t(perPrompt); ++i)
    results[i] = {};
  for (size_t i = 0; i < prompts.count && !status; ++i)
    status = generation.take(i, results + i * size_t(perPrompt), error);
  for (size_t i = 0; status && i < prompts.count * size_t(perPrompt); ++i)
    freeGenerated(context.model->allocator, &results[i]);
  return status;
}

void freeGenerated(const lathe_allocator &allocator, lathe_generated *text) {
  if (text->memory)
    allocator.release(allocator.user, text->memory, (text->length + 1) * sizeof(int32_t));
  *text = {};
}

} // namespace lathe
