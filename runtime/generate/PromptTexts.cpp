#include "runtime/generate/PromptTexts.h"

#include "runtime/core/Context.h"
#include "runtime/core/FloatEnvironment.h"
#include "runtime/core/Sequence.h"
#include "runtime/generate/Decode.h"
#include "runtime/generate/GenerateOptions.h"

#include <new>

namespace lathe {
namespace {

/// The options for one prompt: no text is longer than the model has positions for, of which the last token needs none.
lathe_generate_options withinPlaces(const lathe_generate_options &options, int64_t length, int64_t tokens,
                                    int64_t places) {
  lathe_generate_options within = options;
  const int64_t most = places + 1 - tokens;
  if (greatestLength(options, length) - length > most)
    within.max_new_tokens = most;
  return within;
}

} // namespace

Text::Text(Shared &shared)
    : continuation(shared.context.allocator, shared.scratch),
      stream(shared.context.model->tokenizer, shared.context.allocator) {}

PromptTexts::PromptTexts(Shared &shared, const int32_t *prompt, int64_t length, const int32_t *tokens,
                         int64_t tokenCount, int64_t prefix, size_t number)
    : shared(shared), prompt(prompt), length(length), tokens(tokens), tokenCount(tokenCount), prefix(prefix),
      number(number),
      options(withinPlaces(shared.options, length, tokenCount, placesOf(*shared.context.model->program->decoder))),
      isSearch(options.num_beams > 1), width(isSearch ? options.num_beams : options.num_return_sequences),
      search(shared.context.allocator, shared.scratch), texts(shared.context.allocator, isSearch ? 0 : width),
      sequences(shared.context.allocator, width), former(shared.context.allocator, width) {
  for (int64_t i = 0; !isSearch && texts.data && i < width; ++i)
    new (&texts[i]) Text(shared);
}

PromptTexts::~PromptTexts() {
  for (int64_t i = 0; sequences.data && i < width; ++i)
    destroySequence(sequences[i]);
  for (int64_t i = 0; !isSearch && texts.data && i < width; ++i)
    texts[i].~Text();
}

lathe_status PromptTexts::start(lathe_sequence *begun, lathe_error *error) {
  if (!texts.data || !sequences.data || !former.data) {
    destroySequence(begun);
    return noMemoryForTexts(error);
  }
  sequences[0] = begun;
  const uint64_t first = uint64_t(number) * uint64_t(width); // draws are numbered
  const Prompts *sources = shared.sources;
  auto setSource = [&](auto &writer) {
    if (sources)
      writer.setSource(sources->ids + sources->offsets[number],
                       sources->offsets[number + 1] - sources->offsets[number]);
  };
  if (isSearch) {
    setSource(search);
    if (options.n_stop)
      search.setStop(shared.stop);
    if (lathe_status status = search.start(prompt, length, options, shared.vocabulary, first, error))
      return status;
  }
  for (int64_t i = 0; !isSearch && i < width; ++i) {
    setSource(texts[i].continuation);
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

lathe_status PromptTexts::advance(float *rows, lathe_error *error) {
  if (isSearch) {
    begun = true;
    lathe_status status = search.advance(rows, shared.vocabulary, error);
    return status ? status : follow(error);
  }
  if (!begun) { // one row for all
    begun = true;
    if (lathe_status status = startTexts(error))
      return status;
    if (width > 1 && !shared.scratch.reserve(shared.vocabulary, 1))
      return noMemoryForTexts(error);
    for (int64_t i = 0; i < width; ++i) {
      float *row = rows;
      if (i + 1 < width) { // the last one may overwrite it
        row = shared.scratch.row;
        memcpy(row, rows, size_t(rowWidth()) * sizeof(float));
      }
      if (lathe_status status = advanceText(i, row, error))
        return status;
    }
    return LATHE_OK;
  }
  for (int64_t i = 0; i < width; ++i)
    if (isLive(i)) {
      if (lathe_status status = advanceText(i, rows, error))
        return status;
      rows += rowWidth();
    }
  return LATHE_OK;
}

lathe_status PromptTexts::advanceText(int64_t index, float *row, lathe_error *error) {
  Continuation &text = texts[index].continuation;
  if (lathe_status status = shared.onlyBest ? text.advanceToBest(row, error) : text.advance(row, error))
    return status;
  return tellOf(index, error);
}

/// A token has been chosen. Where it was the text's last, what the model keeps of it is not needed any more.
lathe_status PromptTexts::tellOf(int64_t index, lathe_error *error) {
  Text &text = texts[index];
  const int32_t *ids = text.continuation.ids();
  const int64_t before = text.continuation.length() - 1;
  text.isStopped = options.n_stop && shared.stop.endIn(ids, before, ids[before]);
  if (shared.stop.failed())
    return noMemoryForTexts(error);
  if (options.stream)
    if (lathe_status status = say(text, index, ids[before], error))
      return status;
  if (!isLive(index)) {
    destroySequence(sequences[index]);
    sequences[index] = nullptr;
  }
  return LATHE_OK;
}

/// Tells the caller.
lathe_status PromptTexts::say(Text &text, int64_t index, int32_t id, lathe_error *error) {
  const bool hasText = shared.context.model->hasTokenizer();
  auto tell = [&](int32_t token) {
    const size_t size = hasText ? text.stream.pieceLength() : 0;
    if (!options.stream(options.stream_user, number, size_t(index), token, size ? text.stream.piece() : "", size))
      return LATHE_OK;
    return fail(error, LATHE_CANCELLED, "the caller's stream cancelled");
  };
  if (lathe_status status = hasText ? text.stream.add(id, error) : LATHE_OK)
    return status;
  if (lathe_status status = tell(id))
    return status;
  if (isLive(index))
    return LATHE_OK;
  if (lathe_status status = hasText ? text.stream.end(error) : LATHE_OK)
    return status;
  return tell(-1);
}

/// Has the model read what it has not read yet of the prompt and of what has been written, and then the guesses. Gives
/// the logits behind the last token that is no guess, and those behind each guess, [guesses + 1, vocab].
lathe_status PromptTexts::readUnwritten(int64_t guesses, float *logits, lathe_error *error) {
  lathe_sequence *sequence = sequences[0];
  auto read = [&](const int32_t *ids, int64_t count, int64_t rows) {
    Array<int32_t> logitRows(shared.context.allocator, rows);
    if (!logitRows.data)
      return noMemoryForTexts(error);
    for (int64_t i = 0; i < rows; ++i)
      logitRows[i] = int32_t(count - rows + i);
    const int32_t bounds[] = {0, int32_t(count)};
    return decodeStep(shared.context, {&sequence, 1, ids, bounds, logitRows.data, size_t(rows), logits}, error);
  };
  const int64_t most = shared.context.maxTokens;
  while (tokenCount - sequence->length > most)
    if (lathe_status status = read(tokens + sequence->length, most, 0))
      return status;
  if (sequence->length < tokenCount) // there are no guesses before the first token
    return read(tokens + sequence->length, tokenCount - sequence->length, 1);
  const Continuation &text = texts[0].continuation;
  const int64_t written = sequence->length - tokenCount;
  return read(text.ids() + length + written, text.length() - length - written + guesses, guesses + 1);
}

/// Takes guesses while they are right, and behind them a token of the model's own.
lathe_status PromptTexts::acceptGuesses(Assistant &assistant, int64_t guesses, float *logits, lathe_error *error) {
  Continuation &text = texts[0].continuation;
  int64_t accepted = 0;
  for (int64_t row = 0; row <= guesses && isLive(0); ++row, logits += shared.vocabulary) {
    bool isRight = false;
    if (lathe_status status = row < guesses ? text.verify(logits, assistant.probabilities(row), isRight, error)
                                            : text.advance(logits, error))
      return status;
    accepted += isRight;
    if (lathe_status status = tellOf(0, error))
      return status;
    if (row < guesses && !isRight)
      break;
  }
  const int64_t read = tokenCount + text.length() - length;
  if (sequences[0])
    truncateSequence(*sequences[0], read - 1); // the last token is still to be read
  return assistant.learn(accepted, read, error);
}

lathe_status PromptTexts::writeAssisted(lathe_error *error) {
  const lathe_allocator &allocator = shared.context.allocator;
  Assistant assistant(allocator, options, shared.vocabulary, shared.context.maxTokens);
  if (lathe_status status = assistant.begin(tokens, tokenCount, prefix, shared.sources, number, error))
    return status;
  Continuation &text = texts[0].continuation;
  Buffer<float> logits(allocator);
  while (isLive(0)) {
    const bool isFirst = text.length() == length;
    if (!isFirst) {
      FloatEnvironment environment;
      if (lathe_status status = assistant.guess(text, length, shared.context.maxTokens - 1, error))
        return status;
    }
    const int64_t guesses = text.guesses();
    if (!logits.reserve(size_t((guesses + 1) * shared.vocabulary)))
      return noMemoryForTexts(error);
    if (lathe_status status = readUnwritten(guesses, logits.data, error))
      return status;
    FloatEnvironment environment;
    if (lathe_status status = acceptGuesses(assistant, guesses, logits.data, error))
      return status;
  }
  return LATHE_OK;
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
      return noMemoryForTexts(error);
    memcpy(ids, text.ids + length, written * sizeof(int32_t));
    results[i] = {written, ids, text.score, ids};
  }
  return LATHE_OK;
}

} // namespace lathe
