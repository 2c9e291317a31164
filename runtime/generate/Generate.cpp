#include "runtime/generate/Generate.h"

#include "runtime/core/Context.h"
#include "runtime/core/FloatEnvironment.h"
#include "runtime/core/Sequence.h"
#include "runtime/generate/Decode.h"
#include "runtime/generate/Encode.h"
#include "runtime/generate/PromptTexts.h"

#include <new>

namespace lathe {
namespace {

/// Rows of logits that are computed together, unless one prompt has more beams.
constexpr int64_t mostRows = 64;

/// All prompts' texts, some prompts at a time in each step.
class Generation {
public:
  Generation(Shared &shared, const Prompts &prompts)
      : shared(shared), prompts(prompts), allocator(shared.context.allocator),
        tokens(allocator, prompts.offsets[prompts.count]), texts(allocator, int64_t(prompts.count)) {
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

  lathe_status run(int64_t width, lathe_error *error) {
    if (!hasMemory())
      return noMemoryForTexts(error);
    if (lathe_status status = start(error))
      return status;
    return shared.options.assistant ? writeAssisted(error) : writeTogether(width, error);
  }
  lathe_status take(size_t index, lathe_generated *results, lathe_error *error) const {
    return texts[int64_t(index)].take(results, error);
  }

private:
  lathe_status writeTogether(int64_t width, lathe_error *error) {
    const int64_t rows = width > mostRows ? width : mostRows;
    Stepper stepper(shared.context, rows, int64_t(prompts.offsets[prompts.count]) + rows, shared.onlyBest);
    Array<Item> items(allocator, rows);
    if (!stepper.hasMemory() || !items.data)
      return noMemoryForTexts(error);
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
  /// One text behind the other, as each has guesses of its own.
  lathe_status writeAssisted(lathe_error *error) {
    for (size_t i = 0; i < prompts.count; ++i)
      if (lathe_status status = texts[int64_t(i)].writeAssisted(error))
        return status;
    return LATHE_OK;
  }
  lathe_status start(lathe_error *error) {
    const Prompts *sources = shared.sources;
    Array<lathe_sequence *> begun(allocator, int64_t(prompts.count));
    if (!begun.data)
      return noMemoryForTexts(error);
    lathe_status status = LATHE_OK;
    if (sources)
      status = encodeSources(shared.context, {sources->ids, sources->offsets, sources->mask, sources->count},
                             begun.data, error);
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

  Shared &shared;
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
    return noMemoryForTexts(error);
  const Prompts begins = decoder->source ? ofDecoder.prompts() : prompts;
  if (lathe_status status = checkRequest(context, begins, options, error))
    return status;
  Scratch scratch(context.allocator, /*avx512=*/true); // which every level has
  StopStrings stop(context.model->tokenizer, options.stop, options.n_stop, context.allocator);
  Shared shared = {
      context,           options, scratch, stop, vocabularyOf(*decoder), decoder->source ? &prompts : nullptr,
      takesBest(options)};
  Generation generation(shared, begins);
  const int32_t perPrompt = options.num_return_sequences;
  lathe_status status = generation.run(options.num_beams > 1 ? options.num_beams : perPrompt, error);
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
