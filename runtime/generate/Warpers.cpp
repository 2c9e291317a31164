#include "runtime/generate/Warpers.h"

#include "runtime/generate/Numbers.h"
#include "runtime/generate/Select.h"

namespace lathe {
namespace {

#pragma clang fp contract(off)

/// Where a row is cut: scores above `score` stay, and so many of those equal to it, lowest ids first.
struct Cut {
  float score;
  int64_t equals;
};

Cut lowerOf(const Cut &a, const Cut &b) {
  if (a.score == b.score)
    return a.equals > b.equals ? a : b;
  return a.score < b.score ? a : b;
}

class Warper {
public:
  Warper(const lathe_generate_options &options, float *row, float *maxima, double *sums, Scratch &scratch)
      : row(row), maxima(maxima), sums(sums), scratch(scratch), size(scratch.vocabulary), blocks(scratch.blocks()),
        onlyOne(options.num_beams == 1),
        // Among the tokens of a beam must be one that does not end the text.
        least(onlyOne             ? 1
              : options.n_eos_ids ? int64_t(options.n_eos_ids) + 1
                                  : 2) {}

  void divide(float temperature) {
    // Where quotients would be too large for floats, one text's scores may be moved, as probabilities are the same;
    // those of beams, which are compared, may not.
    const float peak = peakOf(maxima, blocks);
    if (!isFinite(peak / temperature) && onlyOne) {
      scratch.loops.normalize(row, size, peak, 0);
      scratch.loops.normalize(maxima, blocks, peak, 0);
    }
    scratch.loops.divide(row, size, temperature);
    scratch.loops.divide(maxima, blocks, temperature);
  }

  void keepTop(int64_t k) {
    if (k < least)
      k = least;
    if (k < size)
      maskBelow(greatest(k).score);
  }

  void keepNucleus(double mass) {
    const double total = sumOfWeights(), target = mass * total;
    const float peak = peakOf(maxima, blocks);
    const Cut kept = greatest(least);
    // Most often a few hundred tokens have the mass.
    double gathered = 0;
    int64_t n = gatherWeights(boundOf(least > 256 ? least : 256), peak, gathered);
    if (gathered < target) {
      // All tokens of less than an equal share of what is left out are left out. A little less for rounding's sake.
      const float share = float(logOf((1 - mass) * total / double(size))) - 0.01f;
      n = gatherWeights(peak + share < kept.score ? peak + share : kept.score, peak, gathered);
    }
    const Crossing crossing = findCrossing(scratch.keys, scratch.weights, n, target);
    Cut cut = {scoreOfKey(crossing.key), 0};
    const float weight = expOfNegative(cut.score - peak);
    while (crossing.before + double(cut.equals) * weight < target && cut.equals < size)
      ++cut.equals;
    apply(lowerOf(cut, kept));
  }

  void keepLikely(double fraction) {
    const float share = fraction > 0 ? float(logOf(fraction)) : -infinity;
    const Cut kept = greatest(least), cut = {peakOf(maxima, blocks) + share, size};
    apply(lowerOf(cut, kept));
  }

  /// Tokens whose surprise is closest to the entropy, until they have `mass` together.
  void keepTypical(double mass) {
    const float peak = peakOf(maxima, blocks), logarithm = float(logOf(sumOfWeights()));
    const int64_t n = gather(-infinity);
    double entropy = 0, total = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float normalized = (row[scratch.ids[i]] - peak) - logarithm;
      scratch.weights[i] = expOfNegative(normalized < 0 ? normalized : 0);
      total += scratch.weights[i];
      entropy -= double(normalized * scratch.weights[i]);
    }
    for (int64_t i = 0; i < n; ++i) {
      const float difference = -((row[scratch.ids[i]] - peak) - logarithm) - float(entropy);
      scratch.keys[i] = ~orderedKey(difference < 0 ? -difference : difference);
    }
    const uint32_t edge = findCrossing(scratch.keys, scratch.weights, n, mass * total).key;
    Crossing kept = findCrossing(scratch.keys, nullptr, n, double(least));
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t key = scratch.keys[i];
      if (key >= edge || key > kept.key)
        continue;
      if (key == kept.key && kept.before < double(least))
        kept.before += 1; // of equals as many as are to be kept, the first ones
      else
        row[scratch.ids[i]] = -infinity;
    }
    scratch.loops.maxima(row, size, maxima);
  }

  /// Tokens with a probability of at least epsilon.
  void keepProbable(double epsilon) { keepProbableFrom(epsilon, sumOfWeights()); }
  /// The same, or of at least sqrt(epsilon) e^-entropy, which is less where many tokens are likely.
  void keepByEntropy(double epsilon) {
    const double total = sumOfWeights(), logarithm = logOf(total);
    const float peak = peakOf(maxima, blocks);
    const int64_t n = gather(-infinity);
    double entropy = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float score = row[scratch.ids[i]] - peak;
      entropy += double(expOfNegative(score)) / total * (logarithm - double(score));
    }
    const double exponent = logOf(epsilon) / 2 - entropy; // of sqrt(epsilon) e^-entropy
    const double eta = double(expOfNegative(float(exponent < 0 ? exponent : 0)));
    keepProbableFrom(eta < epsilon ? eta : epsilon, total);
  }

private:
  void keepProbableFrom(double probability, double total) {
    const float bound = peakOf(maxima, blocks) + float(logOf(probability * total)), kept = greatest(this->least).score;
    maskBelow(bound < kept ? bound : kept);
  }

  /// Relative to the peak's.
  double sumOfWeights() {
    scratch.loops.expSums(row, size, maxima, 0, peakOf(maxima, blocks), sums);
    double sum = 0;
    for (int64_t b = 0; b < blocks; ++b)
      sum += sums[b];
    return sum;
  }

  /// Takes tokens with a score of at least `bound` that can be drawn at all into keys and ids, in order; how many.
  int64_t gather(float bound) {
    int64_t n = 0;
    for (int64_t b = 0; b < blocks; ++b) {
      if (!(maxima[b] >= bound) || maxima[b] == -infinity)
        continue;
      const int64_t end = (b + 1) * rowBlock < size ? (b + 1) * rowBlock : size;
      for (int64_t i = b * rowBlock; i < end; ++i)
        if (row[i] >= bound && row[i] != -infinity) {
          scratch.keys[n] = orderedKey(row[i]);
          scratch.ids[n++] = int32_t(i);
        }
    }
    return n;
  }

  /// Likewise, and takes their weights relative to the peak's.
  int64_t gatherWeights(float bound, float peak, double &sum) {
    const int64_t n = gather(bound);
    sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += scratch.weights[i] = expOfNegative(row[scratch.ids[i]] - peak);
    return n;
  }

  /// A score that k tokens reach, and not many more: the kth of the blocks' maxima.
  float boundOf(int64_t k) {
    if (k >= blocks)
      return -infinity;
    for (int64_t b = 0; b < blocks; ++b)
      scratch.keys[b] = orderedKey(maxima[b]);
    return scoreOfKey(findCrossing(scratch.keys, nullptr, blocks, double(k)).key);
  }

  /// The cut that leaves k tokens, or all that can be drawn.
  Cut greatest(int64_t k) {
    if (k == 1) // most often
      return {peakOf(maxima, blocks), 1};
    const int64_t n = gather(boundOf(k));
    const Crossing crossing = findCrossing(scratch.keys, nullptr, n, double(k));
    return {scoreOfKey(crossing.key), k - int64_t(crossing.before)};
  }

  void maskBelow(float score) {
    scratch.loops.mask(row, size, score);
    scratch.loops.mask(maxima, blocks, score);
  }

  void apply(const Cut &cut) {
    maskBelow(cut.score);
    int64_t found = 0;
    for (int64_t b = 0; b < blocks; ++b)
      found += maxima[b] >= cut.score ? countEquals(b, cut.score) : 0;
    if (found <= cut.equals)
      return;
    int64_t place = 0; // of each among its equals
    for (int64_t i = 0; i < size; ++i)
      if (row[i] == cut.score) {
        if (place >= cut.equals)
          row[i] = -infinity;
        ++place;
      }
    scratch.loops.maxima(row, size, maxima);
  }

  int64_t countEquals(int64_t block, float score) const {
    const int64_t end = (block + 1) * rowBlock < size ? (block + 1) * rowBlock : size;
    int64_t count = 0;
    for (int64_t i = block * rowBlock; i < end; ++i)
      count += row[i] == score;
    return count;
  }

  float *row, *maxima;
  double *sums;
  Scratch &scratch;
  const int64_t size, blocks;
  const bool onlyOne;
  const int64_t least;
};

} // namespace

void warpScores(const lathe_generate_options &options, float *row, float *maxima, double *sums, Scratch &scratch) {
  Warper warper(options, row, maxima, sums, scratch);
  if (options.temperature != 1)
    warper.divide(float(options.temperature));
  if (options.top_k)
    warper.keepTop(options.top_k);
  if (options.top_p < 1)
    warper.keepNucleus(options.top_p);
  if (options.min_p > 0)
    warper.keepLikely(options.min_p);
  if (options.typical_p < 1)
    warper.keepTypical(options.typical_p);
  if (options.epsilon_cutoff > 0)
    warper.keepProbable(options.epsilon_cutoff);
  if (options.eta_cutoff > 0)
    warper.keepByEntropy(options.eta_cutoff);
}

} // namespace lathe
