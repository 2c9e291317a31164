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

/// Bans what would make a run of `size` tokens that `ids` have.
void banNgramsOf(const int32_t *ids, int64_t length, const History &history, int64_t size, Scratch &scratch,
                 float *row) {
  if (history.length < size - 1)
    return;
  const int32_t *last = history.ids + history.length - (size - 1);
  for (int64_t start = 0; start + size <= length; ++start)
    if (const int32_t id = ids[start + size - 1]; id >= 0 && id < scratch.vocabulary)
      if (!memcmp(ids + start, last, size_t(size - 1) * sizeof *last))
        row[id] = -infinity;
}

/// Whether a run's last token would complete it. One that is longer than the text is not looked for: Transformers'
/// rule, though the last token is not in the text.
bool mayComplete(const History &history, const int32_t *ids, size_t length) {
  if (length == 1)
    return true;
  return int64_t(length) <= history.length && endsWith(history.ids, history.length, ids, int64_t(length) - 1);
}

void banBadWords(const lathe_generate_options &options, const History &history, float *row) {
  for (size_t w = 0; w < options.n_bad_words; ++w) {
    const lathe_ids &word = options.bad_words[w];
    if (word.length == 1 && endsText(options, word.ids[0]))
      continue;
    if (mayComplete(history, word.ids, word.length))
      row[word.ids[word.length - 1]] = -infinity;
  }
}

/// Whether a run comes again later, which then counts in its place.
bool isRepeated(const lathe_generate_options &options, size_t index) {
  const lathe_sequence_bias &given = options.sequence_bias[index];
  for (size_t b = index + 1; b < options.n_sequence_bias; ++b) {
    const lathe_sequence_bias &other = options.sequence_bias[b];
    if (other.length == given.length && endsWith(other.ids, int64_t(other.length), given.ids, int64_t(given.length)))
      return true;
  }
  return false;
}

/// All biases of a token are added up before they are added to its score; those of single tokens come first.
void addBiases(const lathe_generate_options &options, const History &history, Scratch &scratch, float *row) {
  float *sums = scratch.weights;
  auto forEachMatch = [&](auto visit) {
    for (size_t b = 0; b < options.n_sequence_bias; ++b) {
      const lathe_sequence_bias &given = options.sequence_bias[b];
      if (mayComplete(history, given.ids, given.length))
        visit(b, given.ids[given.length - 1]);
    }
  };
  const lathe_sequence_bias *biases = options.sequence_bias;
  forEachMatch([&](size_t, int32_t id) { sums[id] = 0; });
  forEachMatch([&](size_t b, int32_t id) {
    if (biases[b].length == 1)
      sums[id] = float(biases[b].bias); // the last one, where there are several
  });
  forEachMatch([&](size_t b, int32_t id) {
    if (biases[b].length > 1 && !isRepeated(options, b))
      sums[id] += float(biases[b].bias);
  });
  forEachMatch([&](size_t, int32_t id) {
    row[id] += sums[id];
    sums[id] = 0;
  });
}

/// As repetition_penalty, by `penalty`, of tokens that are among `ids`.
void penalize(const int32_t *ids, int64_t n, float penalty, Scratch &scratch, float *row) {
  forEachId(ids, n, scratch,
            [&](int32_t id, int32_t) { row[id] = row[id] < 0 ? row[id] * penalty : row[id] / penalty; });
}

void ban(const lathe_ids &ids, float *row) {
  for (size_t i = 0; i < ids.length; ++i)
    row[ids.ids[i]] = -infinity;
}

/// base^exponent for any base.
double integerPower(double base, int64_t exponent) {
  double power = 1;
  for (; exponent; exponent /= 2, base *= base)
    if (exponent % 2)
      power *= base;
  return power;
}

/// What ends a text gets likelier with its length, in proportion to what its score is without its sign.
void raiseEnds(const lathe_generate_options &options, int64_t steps, Scratch &scratch, float *row) {
  const double growth = integerPower(options.decay_factor, steps) - 1;
  const float most = 3e38f, factor = growth < double(most) ? float(growth) : most; // finite, as it wins with less
  forEachId(options.eos_ids, int64_t(options.n_eos_ids), scratch, [&](int32_t id, int32_t) {
    const float score = row[id], raised = score + (score < 0 ? -score : score) * factor;
    if (score != -infinity) // which min_length makes it
      row[id] = raised < most ? raised : most;
  });
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
  if (options.n_sequence_bias) {
    addBiases(options, history, scratch, row);
    changed = true;
  }
  if (options.diversity_penalty > 0 && n_chosen) {
    const float penalty = float(options.diversity_penalty);
    forEachId(chosen, n_chosen, scratch, [&](int32_t id, int32_t times) { row[id] -= penalty * float(times); });
    changed = true;
  }
  if (options.encoder_repetition_penalty != 1 && history.isFirst) {
    penalize(history.source, history.sourceLength, float(1 / options.encoder_repetition_penalty), scratch, row);
    changed = true;
  }
  if (options.repetition_penalty != 1) {
    penalize(history.ids, history.length, float(options.repetition_penalty), scratch, row);
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
    banNgramsOf(history.ids, history.length, history, options.no_repeat_ngram_size, scratch, row);
    changed = true;
  }
  if (options.encoder_no_repeat_ngram_size) {
    banNgramsOf(history.source, history.sourceLength, history, options.encoder_no_repeat_ngram_size, scratch, row);
    changed = true;
  }
  if (options.n_bad_words) {
    banBadWords(options, history, row);
    changed = true;
  }
  if (options.n_eos_ids && history.length < leastLength(options, history.promptLength)) {
    for (size_t i = 0; i < options.n_eos_ids; ++i)
      row[options.eos_ids[i]] = -infinity;
    changed = true;
  }
  // Forced tokens come behind bans: they may be banned ones.
  if (options.forced_bos_id >= 0 && history.length == 1) {
    force(options.forced_bos_id, row, scratch.vocabulary);
    changed = true;
  }
  if (options.forced_eos_id >= 0 && history.length == greatestLength(options, history.promptLength) - 1) {
    force(options.forced_eos_id, row, scratch.vocabulary);
    changed = true;
  }
  if (const int64_t steps = written - options.decay_start;
      options.n_eos_ids && options.decay_factor != 1 && steps > 0) {
    raiseEnds(options, steps, scratch, row);
    changed = true;
  }
  if (options.suppress_tokens.length) {
    ban(options.suppress_tokens, row);
    changed = true;
  }
  const bool behindForced = history.promptLength == 1 && options.forced_bos_id >= 0;
  if (options.begin_suppress_tokens.length && written == int64_t(behindForced)) {
    ban(options.begin_suppress_tokens, row);
    changed = true;
  }
  return changed;
}

bool takesBest(const lathe_generate_options &o) {
  const bool isGreedy = o.num_beams == 1 && !o.do_sample && !o.assistant;
  const bool hasPenalties = o.encoder_repetition_penalty != 1 || o.repetition_penalty != 1 || o.presence_penalty != 0 ||
                            o.frequency_penalty != 0 || o.n_sequence_bias;
  const bool hasBans = o.no_repeat_ngram_size || o.encoder_no_repeat_ngram_size || o.n_bad_words ||
                       o.suppress_tokens.length || o.begin_suppress_tokens.length;
  const bool isForced = o.forced_bos_id >= 0 || o.forced_eos_id >= 0;
  const bool hasEndsInTime = o.n_eos_ids && (o.min_new_tokens || o.min_length || o.decay_factor != 1);
  return isGreedy && !hasPenalties && !hasBans && !isForced && !hasEndsInTime;
}

/// The sum of exp(score - peak).
static double sumOfWeights(const float *row, int64_t size, const float *maxima, float peak, double *sums,
                           const RowLoops &loops) {
  loops.expSums(row, size, maxima, 0, peak, sums);
  double sum = 0;
  for (int64_t b = 0; b < rowBlocks(size); ++b)
    sum += sums[b];
  return sum;
}

void softmax(float *row, int64_t size, const float *maxima, double *sums, const RowLoops &loops) {
  const float peak = peakOf(maxima, rowBlocks(size));
  const auto share = float(1 / sumOfWeights(row, size, maxima, peak, sums, loops));
  for (int64_t i = 0; i < size; ++i)
    row[i] = expOfNegative(row[i] - peak) * share;
}

void logSoftmax(float *row, int64_t size, float *maxima, double *sums, const RowLoops &loops) {
  const int64_t blocks = rowBlocks(size);
  const float peak = peakOf(maxima, blocks);
  const auto logarithm = float(logOf(sumOfWeights(row, size, maxima, peak, sums, loops)));
  loops.normalize(row, size, peak, logarithm);
  loops.normalize(maxima, blocks, peak, logarithm); // rounding keeps the order: the greatest score stays the greatest
}

} // namespace lathe
