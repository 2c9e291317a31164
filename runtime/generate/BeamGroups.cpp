// Diverse beam search: groups of beams that are searched one after the other in each step, each with its own finished
// texts. Transformers does it with older code than its other beam search, and other rules: a finished text's score is
// held in double precision, beams that are still running at the end count as finished, and of equal scores the later
// one wins. A stop string ends no text by itself: the search ends where all running beams have come to one at once.
#include "runtime/generate/Beams.h"
#include "runtime/generate/GenerateOptions.h"

#include <string.h>

namespace lathe {

/// Takes a text whose ids are in the group's free slot: the last entry's.
void BeamSearch::addToGroup(int64_t index, const Finished &text) {
  Group &group = groups[index];
  if (group.n_finished == groupSize && !(text.score > group.worst))
    return;
  group.finished[group.n_finished++] = text;
  if (group.n_finished <= groupSize) {
    group.worst = text.score < group.worst ? text.score : group.worst;
    return;
  }
  int64_t lowest = 0;
  for (int64_t i = 1; i < group.n_finished; ++i)
    if (group.finished[i].score < group.finished[lowest].score)
      lowest = i;
  const Finished dropped = group.finished[lowest];
  --group.n_finished;
  memmove(group.finished + lowest, group.finished + lowest + 1,
          size_t(group.n_finished - lowest) * sizeof *group.finished);
  group.finished[group.n_finished] = dropped; // for its slot
  group.worst = group.finished[0].score;
  for (int64_t i = 1; i < group.n_finished; ++i)
    if (group.finished[i].score < group.worst)
      group.worst = group.finished[i].score;
}

void BeamSearch::chooseInGroup(int64_t index) {
  Group &group = groups[index];
  int64_t n_going = 0;
  for (int64_t c = 0; c < n_candidates && n_going < groupSize; ++c) {
    const Candidate &candidate = candidates[c];
    if (!endsText(*options, tokenOf(candidate))) {
      goOn(index, n_going++, candidate);
    } else if (c < groupSize) { // whichever id it ended with, the text gets the first one
      const int64_t slot = group.finished[group.n_finished].slot;
      const int64_t length = writeText(slot, index, candidate, options->eos_ids[0]);
      addToGroup(index, {double(candidate.score) / lengthFactor(length), length, slot});
    }
  }
  if (group.n_finished < groupSize)
    return;
  const bool atGreatest = options->early_stopping == LATHE_STOP_NEVER_EARLY && options->length_penalty > 0;
  const double attainable = double(candidates[0].score) / lengthFactor(atGreatest ? greatest : n_ids + 1);
  group.done = options->early_stopping == LATHE_STOP_WHEN_ENOUGH || group.worst >= attainable;
}

/// Whether each beam of the group has just come to a stop string. Groups that had ended before write padding.
bool BeamSearch::hasStopped(int64_t group, bool hadEnded) const {
  if (const int32_t written = padding(*options); hadEnded)
    return endsText(*options, written) || stop->endIn(nullptr, 0, written);
  for (int64_t beam = group * groupSize; beam < (group + 1) * groupSize; ++beam)
    if (const int32_t *ids = nextRunning + beam * greatest; !stops(ids, ids[n_ids]))
      return false;
  return true;
}

/// At the end what is running is finished, too. Before the greatest length each text gets an id that ends it.
void BeamSearch::closeGroups() {
  for (int64_t g = 0; g < n_groups; ++g) {
    Group &group = groups[g];
    for (int64_t beam = g * groupSize; !group.done && beam < (g + 1) * groupSize; ++beam) {
      const int64_t slot = group.finished[group.n_finished].slot;
      int32_t *ids = finishedIds + slot * greatest;
      memcpy(ids, nextRunning + beam * greatest, size_t(n_ids) * sizeof *ids);
      int64_t length = n_ids;
      if (length < greatest && options->n_eos_ids)
        ids[length++] = options->eos_ids[0];
      addToGroup(g, {double(nextScores[beam]) / lengthFactor(n_ids), length, slot});
    }
    group.done = true;
  }
}

void BeamSearch::returnFromGroups() {
  int64_t n = 0;
  for (int64_t g = 0; g < n_groups; ++g)
    for (int64_t i = 0; i < groups[g].n_finished; ++i) {
      const Finished *text = &groups[g].finished[i];
      int64_t place = n++;
      for (; place && text->score >= best[place - 1]->score; --place)
        best[place] = best[place - 1];
      best[place] = text;
    }
  n_results = n < options->num_return_sequences ? n : options->num_return_sequences;
}

} // namespace lathe
