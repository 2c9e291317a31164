#include "runtime/generate/Beams.h"

#include "runtime/core/Checked.h"
#include "runtime/core/Status.h"
#include "runtime/generate/Array.h"
#include "runtime/generate/GenerateOptions.h"
#include "runtime/generate/Processors.h"
#include "runtime/generate/Sampler.h"
#include "runtime/generate/Warpers.h"

#include <string.h>

namespace lathe {
namespace {

/// What Transformers takes for minus infinity: low enough to lose against any text, high enough to be added to.
constexpr float far = -1e9f;

} // namespace

void BeamSearch::release() {
  if (memory)
    allocator.release(allocator.user, memory, memoryBytes);
  memory = nullptr;
  n_live = n_results = 0;
}

/// Calls take(pointer, count) for every array.
template <typename Take> void BeamSearch::place(Take take) {
  const Checked texts = Checked(n_groups) * Checked(groupSize + 1), perBeam = beams;
  take(candidates, Checked(n_candidates));
  take(ordered, Checked(n_candidates));
  take(groups, Checked(n_groups));
  Finished *finished = nullptr;
  take(finished, texts);
  if (finished) {
    for (int64_t g = 0; g < n_groups; ++g)
      groups[g] = {finished + g * (groupSize + 1), 0, 1e9, false};
    for (int64_t i = 0; i < texts.value; ++i)
      finished[i].slot = i;
  }
  take(best, texts);
  take(rows, perBeam);
  take(rowMaxima, perBeam);
  take(liveBeams, perBeam);
  take(liveRows, perBeam);
  take(parents, perBeam);
  take(shifts, perBeam);
  take(scores, perBeam);
  take(nextScores, perBeam);
  take(chosen, perBeam);
  take(running, perBeam * Checked(greatest));
  take(nextRunning, perBeam * Checked(greatest));
  take(finishedIds, texts * Checked(greatest));
}

lathe_status BeamSearch::start(const int32_t *prompt, int64_t length, const lathe_generate_options &given,
                               int64_t newVocabulary, uint64_t number, lathe_error *error) {
  release();
  if (lathe_status status = checkWriting(given, prompt, length, newVocabulary, error))
    return status;
  if (given.num_beams < 2)
    return fail(error, LATHE_INVALID_ARGUMENT, "num_beams is %d; a beam search has 2 or more", given.num_beams);
  options = &given;
  sequence = number;
  vocabulary = newVocabulary;
  promptLength = n_ids = length;
  greatest = greatestLength(given, length);
  beams = given.num_beams;
  n_groups = given.num_beam_groups;
  groupSize = beams / n_groups;
  n_candidates = candidatesPerBeam(given) * groupSize;

  Checked bytes = 0;
  place([&](auto *&array, Checked count) { bytes += (count * Checked(sizeof *array)).roundUp(64); });
  memoryBytes = size_t(bytes.value);
  if (bytes.valid)
    memory = allocator.allocate(allocator.user, memoryBytes);
  if (!memory || !scratch.reserve(vocabulary, groupSize)) {
    release();
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for %lld beams of up to %lld tokens",
                static_cast<long long>(beams), static_cast<long long>(greatest));
  }
  uint8_t *next = static_cast<uint8_t *>(memory);
  place([&](auto *&array, Checked count) {
    array = reinterpret_cast<decltype(+array)>(next);
    next += (count * Checked(sizeof *array)).roundUp(64).value;
  });

  for (int64_t beam = 0; beam < beams; ++beam) {
    memcpy(idsOf(beam), prompt, size_t(length) * sizeof *prompt);
    // Of the beams of a group, which are all the same, only the first one's candidates count.
    scores[beam] = beam % groupSize ? far : 0;
    parents[beam] = liveRows[beam] = 0;
    chosen[beam] = 0;
  }
  liveBeams[0] = 0;
  n_live = 1;
  return LATHE_OK;
}

/// Makes a beam's logits into log-probabilities that the options have been applied to.
lathe_status BeamSearch::scoreRow(float *row, float *maxima, int64_t beam, lathe_error *error) const {
  const RowLoops &loops = scratch.loops;
  const bool numbers = loops.maxima(row, vocabulary, maxima);
  if (!numbers || !isFinite(peakOf(maxima, scratch.blocks())))
    return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: the model's logits %s", static_cast<long long>(n_ids),
                numbers ? "have no greatest finite one" : "are not all numbers");
  logSoftmax(row, vocabulary, maxima, scratch.sums, loops);
  const int64_t earlier = beam - beam % groupSize; // beams of earlier groups
  const int32_t *text = idsOf(beam);
  const History history = {
      text, n_ids, promptLength, source ? source : text, source ? n_source : promptLength, beam == earlier};
  if (processScores(*options, history, chosen, earlier, row, scratch))
    loops.maxima(row, vocabulary, maxima);
  if (options->do_sample && peakOf(maxima, scratch.blocks()) > -infinity)
    warpScores(*options, row, maxima, scratch.sums, scratch);
  if (options->renormalize_logits && peakOf(maxima, scratch.blocks()) > -infinity)
    logSoftmax(row, vocabulary, maxima, scratch.sums, loops);
  return LATHE_OK;
}

lathe_status BeamSearch::findCandidates(int64_t group, float *logits, int64_t stride, lathe_error *error) {
  const bool first = n_ids == promptLength;
  for (int64_t i = 0; i < groupSize; ++i) {
    const int64_t beam = group * groupSize + i;
    shifts[i] = scores[beam];
    if (first && i > 0) { // the same text
      rows[i] = rows[0];
      rowMaxima[i] = rowMaxima[0];
      continue;
    }
    float *row = logits + liveRows[beam] * stride, *maxima = scratch.maximaOf(i);
    if (first && n_groups > 1) // the other groups need it, too
      row = static_cast<float *>(memcpy(scratch.row, row, size_t(vocabulary) * sizeof *row));
    if (lathe_status status = scoreRow(row, maxima, beam, error))
      return status;
    rows[i] = row;
    rowMaxima[i] = maxima;
  }
  float peak = -infinity;
  for (int64_t i = 0; i < groupSize; ++i) {
    const float greatestOfRow = peakOf(rowMaxima[i], scratch.blocks()) + shifts[i];
    peak = greatestOfRow > peak ? greatestOfRow : peak;
  }
  if (!isFinite(peak))
    return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: the options leave no token %s",
                static_cast<long long>(n_ids), peak > 0 ? "with a greatest finite score" : "that could be written");
  if (options->do_sample)
    drawTokens({rows, rowMaxima, shifts, groupSize, vocabulary, peak, scratch.sums, scratch.totals},
               {options->seed, sequence, uint32_t(n_ids - promptLength)}, n_candidates, scratch.loops, candidates);
  else
    takeBest();
  return LATHE_OK;
}

void BeamSearch::takeBest() {
  const int64_t blocks = scratch.blocks();
  // So many blocks have a maximum of at least `bound`; therefore so many scores have, all in such blocks.
  float bound = -infinity;
  if (blocks * groupSize > n_candidates) {
    TopList top(ordered, n_candidates);
    for (int64_t r = 0; r < groupSize; ++r)
      for (int64_t b = 0; b < blocks; ++b)
        if (const float score = rowMaxima[r][b] + shifts[r]; !top.full() || score > top.last().score)
          top.add({score, r * blocks + b});
    bound = top.last().score;
  }
  TopList top(candidates, n_candidates);
  for (int64_t r = 0; r < groupSize; ++r)
    for (int64_t b = 0; b < blocks; ++b) {
      if (!(rowMaxima[r][b] + shifts[r] >= bound))
        continue;
      const int64_t end = (b + 1) * rowBlock < vocabulary ? (b + 1) * rowBlock : vocabulary;
      for (int64_t i = b * rowBlock; i < end; ++i)
        if (const float score = rows[r][i] + shifts[r]; !top.full() || score > top.last().score)
          top.add({score, r * vocabulary + i});
    }
  top.sort();
}

void BeamSearch::goOn(int64_t group, int64_t place, const Candidate &candidate) {
  const int64_t beam = group * groupSize + place, parent = group * groupSize + candidate.index / vocabulary;
  int32_t *ids = nextRunning + beam * greatest;
  memcpy(ids, idsOf(parent), size_t(n_ids) * sizeof *ids);
  ids[n_ids] = chosen[beam] = tokenOf(candidate);
  nextScores[beam] = candidate.score;
  parents[beam] = liveRows[parent];
}

/// Returns the text's length.
int64_t BeamSearch::writeText(int64_t slot, int64_t group, const Candidate &candidate, int32_t last) {
  int32_t *ids = finishedIds + slot * greatest;
  memcpy(ids, idsOf(group * groupSize + candidate.index / vocabulary), size_t(n_ids) * sizeof *ids);
  ids[n_ids] = last;
  return n_ids + 1;
}

double BeamSearch::lengthFactor(int64_t length) const {
  return powerOf(double(length - promptLength), options->length_penalty);
}

/// Candidates that end, and are among the first num_beams, become finished texts, of which the best num_beams stay; of
/// the others the best num_beams go on. There are so many unless stop strings end more than ids can: then some that
/// have ended go on behind all others, as in Transformers.
void BeamSearch::chooseTogether() {
  Group &group = groups[0];
  const bool full = n_ids + 1 == greatest;
  const float factor = float(lengthFactor(n_ids + 1));
  bool anyGoesOn = false;
  TopList top(ordered, beams);
  for (int64_t c = 0; c < n_candidates; ++c) {
    const Candidate &candidate = candidates[c];
    const int32_t token = tokenOf(candidate);
    const bool ends = full || endsText(*options, token) || stops(idsOf(candidate.index / vocabulary), token);
    top.add({ends ? candidate.score + far : candidate.score, c});
    anyGoesOn |= !ends;
    const double score = candidate.score / factor;
    const bool replaces = group.n_finished == beams;
    if (!ends || c >= beams || (replaces && !(score > group.finished[beams - 1].score)))
      continue;
    int64_t place = replaces ? beams - 1 : group.n_finished++;
    const int64_t slot = group.finished[place].slot;
    for (; place && score > group.finished[place - 1].score; --place)
      group.finished[place] = group.finished[place - 1];
    group.finished[place] = {score, writeText(slot, 0, candidate, token), slot};
  }
  group.done = !anyGoesOn;
  if (group.done)
    return;
  top.sort();
  for (int64_t i = 0; i < beams; ++i)
    goOn(0, i, {ordered[i].score, candidates[ordered[i].index].index});

  if (group.n_finished < beams)
    return;
  // Transformers' estimate of what the best beam may still come to.
  const bool atGreatest = options->early_stopping == LATHE_STOP_NEVER_EARLY && options->length_penalty > 0;
  const float attainable = nextScores[0] / float(lengthFactor(atGreatest ? greatest : n_ids + 1));
  group.done = options->early_stopping == LATHE_STOP_WHEN_ENOUGH || !(attainable > group.finished[beams - 1].score);
}

void BeamSearch::returnTogether() {
  for (; n_results < groups[0].n_finished && n_results < options->num_return_sequences; ++n_results)
    best[n_results] = &groups[0].finished[n_results];
}

void BeamSearch::listLiveBeams() {
  n_live = 0;
  for (int64_t beam = 0; beam < beams; ++beam)
    if (!groups[beam / groupSize].done) {
      liveRows[beam] = n_live;
      liveBeams[n_live++] = beam;
    }
}

lathe_status BeamSearch::advance(float *logits, int64_t stride, lathe_error *error) {
  if (!n_live)
    return fail(error, LATHE_INVALID_ARGUMENT, "the beam search is done: it takes no more logits");
  bool allStopped = stop != nullptr; // where there are several groups
  for (int64_t g = 0; g < n_groups; ++g) {
    if (groups[g].done) {
      allStopped = allStopped && hasStopped(g, /*hadEnded=*/true);
      for (int64_t beam = g * groupSize; beam < (g + 1) * groupSize; ++beam)
        chosen[beam] = padding(*options); // which later groups are held off from, as in Transformers
      continue;
    }
    if (lathe_status status = findCandidates(g, logits, stride, error)) {
      n_live = 0;
      return status;
    }
    if (n_groups == 1) {
      chooseTogether();
    } else {
      chooseInGroup(g);
      allStopped = allStopped && hasStopped(g, /*hadEnded=*/false);
    }
  }
  if (stop && stop->failed()) {
    n_live = 0;
    return noMemoryForTexts(error);
  }
  ++n_ids;
  if (n_groups > 1 && (n_ids == greatest || allStopped))
    closeGroups();
  int32_t *ids = running;
  running = nextRunning;
  nextRunning = ids;
  float *old = scores;
  scores = nextScores;
  nextScores = old;
  listLiveBeams();
  if (!n_live)
    n_groups == 1 ? returnTogether() : returnFromGroups();
  return LATHE_OK;
}

} // namespace lathe
