#include "runtime/generate/Processors.h"

#include "runtime/generate/GenerateOptions.h"
#include "runtime/generate/Numbers.h"

#include <string.h>

namespace lathe {
namespace {

#pragma clang fp contract(off)

/// Calls visit(id, times) once for each id that is among `ids`.
template <typename Visit> void forEachId(const int32_t *ids, int64_t n, Scratch &scratch, Visit visit) {
  for (int64_t i = 0; i < n; ++i)
    if (ids[i] >= 0 && ids[i] < scratch.vocabulary)
      ++scratch.counts[ids[i]];
  for (int64_t i = 0; i < n; ++i)
    if (ids[i] >= 0 && ids[i] < scratch.vocabulary && scratch.counts[ids[i]]) {
      visit(ids[i], scratch.counts[ids[i]]);
      scratch.counts[ids[i]] = 0;
    }
}

bool endsWith(const int32_t *ids, int64_t length, const int32_t *suffix, int64_t suffixLength) {
  return suffixLength <= length && !memcmp(ids + length - suffixLength, suffix, size_t(suffixLength) * sizeof *ids);
}

void banRepeatedNgrams(const History &history, int64_t size, float *row) {
  const int32_t *last = history.ids + history.length - (size - 1);
  for (int64_t start = 0; start + size <= history.length; ++start)
    if (!memcmp(history.ids + start, last, size_t(size - 1) * sizeof *last))
      row[history.ids[start + size - 1]] = -infinity;
}

void banBadWords(const lathe_generate_options &options, const History &history, float *row) {
  for (size_t w = 0; w < options.n_bad_words; ++w) {
    const lathe_ids &word = options.bad_words[w];
    const int64_t length = int64_t(word.length);
    if (length == 1 ? endsText(options, word.ids[0]) : length > history.length)
      continue; // the second, too, is Transformers' rule, though the word's last token is not in the history
    if (endsWith(history.ids, history.length, word.ids, length - 1))
      row[word.ids[length - 1]] = -infinity;
  }
}

void force(int32_t id, float *row, int64_t vocabulary) {
  for (int64_t i = 0; i < vocabulary; ++i)
    row[i] = -infinity;
  row[id] = 0;
}

} // namespace

bool processScores(const lathe_generate_options &options, const History &history, const int32_t *chosen,
                   int64_t n_chosen, float *row, Scratch &scratch) {
  bool changed = false;
  const int64_t written = history.length - history.promptLength;
  if (options.diversity_penalty > 0 && n_chosen) {
    const float penalty = float(options.diversity_penalty);
    forEachId(chosen, n_chosen, scratch, [&](int32_t id, int32_t times) { row[id] -= penalty * float(times); });
    changed = true;
  }
  if (options.repetition_penalty != 1) {
    const float penalty = float(options.repetition_penalty);
    forEachId(history.ids, history.length, scratch,
              [&](int32_t id, int32_t) { row[id] = row[id] < 0 ? row[id] * penalty : row[id] / penalty; });
    changed = true;
  }
  if ((options.presence_penalty != 0 || options.frequency_penalty != 0) && written > 0) {
    const float presence = float(options.presence_penalty), frequency = float(options.frequency_penalty);
    forEachId(history.ids + history.promptLength, written, scratch, [&](int32_t id, int32_t times) {
      row[id] -= presence;
      row[id] -= frequency * float(times);
    });
    changed = true;
  }
  if (options.no_repeat_ngram_size && history.length >= options.no_repeat_ngram_size) {
    banRepeatedNgrams(history, options.no_repeat_ngram_size, row);
    changed = true;
  }
  if (options.n_bad_words) {
    banBadWords(options, history, row);
    changed = true;
  }
  if (history.length < leastLength(options, history.promptLength)) {
    for (size_t i = 0; i < options.n_eos_ids; ++i)
      row[options.eos_ids[i]] = -infinity;
    changed = true;
  }
  // Forced tokens come last: they may be banned ones.
  if (options.forced_bos_id >= 0 && history.length == 1) {
    force(options.forced_bos_id, row, scratch.vocabulary);
    changed = true;
  }
  if (options.forced_eos_id >= 0 && history.length == greatestLength(options, history.promptLength) - 1) {
    force(options.forced_eos_id, row, scratch.vocabulary);
    changed = true;
  }
  return changed;
}

void logSoftmax(float *row, int64_t size, float *maxima, double *sums, const RowLoops &loops) {
  const int64_t blocks = rowBlocks(size);
  const float peak = peakOf(maxima, blocks);
  loops.expSums(row, size, maxima, 0, peak, sums);
  double sum = 0;
  for (int64_t b = 0; b < blocks; ++b)
    sum += sums[b];
  const float logarithm = float(logOf(sum));
  loops.normalize(row, size, peak, logarithm);
  loops.normalize(maxima, blocks, peak, logarithm); // rounding keeps the order: the greatest score stays the greatest
}

} // namespace lathe
