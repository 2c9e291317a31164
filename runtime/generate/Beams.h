// Beam search of one prompt, as Transformers 4.55 does it: beams that compete with each other, best first or drawn, or
// groups of beams that are held off from what earlier groups write (diverse beam search).
//
//   BeamSearch search(allocator, scratch);
//   search.start(prompt, length, options, vocabulary, sequence, error)
//   while (search.live())
//     give the tokens of each live beam to the model, which writes its logits into a row
//     search.advance(logits, stride, error)
//     each live beam i goes on from what was beam parent(i), whose cache it takes, with token(i)
//   search.result(0), search.result(1), ...
#ifndef LATHE_RUNTIME_GENERATE_BEAMS_H
#define LATHE_RUNTIME_GENERATE_BEAMS_H

#include "runtime/generate/Scratch.h"
#include "runtime/generate/Select.h"
#include "runtime/generate/StopStrings.h"

namespace lathe {

/// A text that a search has ended with. An id that ends texts is its last, unless it ran into the greatest length or a
/// stop string.
struct BeamResult {
  const int32_t *ids; // the prompt's first; the search's
  int64_t length;
  double score; // the sum of log-probabilities over (tokens written)^length_penalty
};

class BeamSearch {
public:
  BeamSearch(const lathe_allocator &allocator, Scratch &scratch) : allocator(allocator), scratch(scratch) {}
  ~BeamSearch() { release(); }
  BeamSearch(const BeamSearch &) = delete;
  BeamSearch &operator=(const BeamSearch &) = delete;

  /// Begins a search of num_beams > 1. The options, with what they point to, must live as long as the search.
  /// `sequence` is the number that draws are made for. All memory is taken here, at most 16 bytes per beam and token of
  /// the greatest length.
  lathe_status start(const int32_t *prompt, int64_t promptLength, const lathe_generate_options &options,
                     int64_t vocabulary, uint64_t sequence, lathe_error *error);

  /// Says that an encoder has read these, which must live as long as this; otherwise what is read is the prompt.
  void setSource(const int32_t *ids, int64_t n) { source = ids, n_source = n; }

  /// Has these, which must live as long as this, end texts, too.
  void setStop(StopStrings &strings) { stop = &strings; }

  /// How many beams' logits the next advance() wants: 1 at first, then num_beams less those of groups that are done,
  /// and 0 when the search is.
  int64_t live() const { return n_live; }
  /// Tokens of every live beam.
  int64_t length() const { return n_ids; }
  const int32_t *ids(int64_t live) const { return idsOf(liveBeams[live]); }
  int64_t parent(int64_t live) const { return parents[liveBeams[live]]; }
  int32_t token(int64_t live) const { return ids(live)[n_ids - 1]; }

  /// Takes the rows of logits of the live beams, `stride` apart, and overwrites them. An error ends the search.
  lathe_status advance(float *logits, int64_t stride, lathe_error *error);

  /// When no beam is live: up to num_return_sequences texts, best first.
  int64_t results() const { return n_results; }
  BeamResult result(int64_t i) const {
    return {finishedIds + best[i]->slot * greatest, best[i]->length, best[i]->score};
  }

private:
  struct Finished {
    double score;
    int64_t length;
    int64_t slot; // of finishedIds
  };
  /// Beams that compete with each other.
  struct Group {
    Finished *finished; // [groupSize + 1]
    int64_t n_finished;
    double worst; // kept by BeamGroups.cpp
    bool done;
  };

  int32_t *idsOf(int64_t beam) const { return running + beam * greatest; }
  void release();
  template <typename Take> void place(Take take);
  void listLiveBeams();

  lathe_status scoreRow(float *row, float *maxima, int64_t beam, lathe_error *error) const;
  lathe_status findCandidates(int64_t group, float *logits, int64_t stride, lathe_error *error);
  void takeBest();

  /// The candidate becomes a beam of the next step, or the text in `slot`.
  void goOn(int64_t group, int64_t place, const Candidate &candidate);
  int64_t writeText(int64_t slot, int64_t group, const Candidate &candidate, int32_t last);
  int32_t tokenOf(const Candidate &candidate) const { return int32_t(candidate.index % vocabulary); }
  double lengthFactor(int64_t length) const;
  bool stops(const int32_t *before, int32_t last) const { return stop && stop->endIn(before, n_ids, last); }

  void chooseTogether(); // Beams.cpp: one group
  void returnTogether();
  void chooseInGroup(int64_t group); // BeamGroups.cpp: several
  bool hasStopped(int64_t group, bool hadEnded) const;
  void addToGroup(int64_t group, const Finished &text);
  void closeGroups();
  void returnFromGroups();

  const lathe_allocator &allocator;
  Scratch &scratch;
  void *memory = nullptr;
  size_t memoryBytes = 0;

  const lathe_generate_options *options = nullptr;
  const int32_t *source = nullptr;
  int64_t n_source = 0;
  StopStrings *stop = nullptr;
  uint64_t sequence = 0;
  int64_t vocabulary = 0, promptLength = 0, greatest = 0;
  int64_t beams = 0, n_groups = 0, groupSize = 0, n_candidates = 0;
  int64_t n_ids = 0, n_live = 0, n_results = 0;

  int32_t *running = nullptr, *nextRunning = nullptr; // [beams][greatest]
  float *scores = nullptr, *nextScores = nullptr;     // [beams]
  int64_t *liveBeams = nullptr, *liveRows = nullptr;  // [beams]: which beams are live, and the row of each beam
  int64_t *parents = nullptr;                         // [beams]: the row that each beam was scored from
  int32_t *chosen = nullptr;                          // [beams]: this step's tokens
  Group *groups = nullptr;
  int32_t *finishedIds = nullptr;                      // [n_groups * (groupSize + 1)][greatest]
  Candidate *candidates = nullptr, *ordered = nullptr; // [n_candidates] of a group
  const float **rows = nullptr, **rowMaxima = nullptr; // [groupSize] of a group
  float *shifts = nullptr;                             // likewise: the beams' scores
  const Finished **best = nullptr;                     // [n_groups * (groupSize + 1)]
};

} // namespace lathe

#endif
