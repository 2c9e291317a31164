#include "runtime/generate/Sampler.h"

#include "runtime/generate/Philox.h"

namespace lathe {
namespace {

#pragma clang fp contract(off)

bool contains(const Candidate *drawn, int64_t n, int64_t index) {
  for (int64_t i = 0; i < n; ++i)
    if (drawn[i].index == index)
      return true;
  return false;
}

double sum(const double *weights, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += weights[i];
  return sum;
}

/// The weight with which their sum passes `target`, which becomes what is left of it before that one. The last positive
/// one if rounding leaves it at that; -1 if there is none.
int64_t pass(const double *weights, int64_t n, double &target) {
  int64_t passed = -1;
  double left = target;
  for (int64_t i = 0; i < n && left >= 0; ++i)
    if (weights[i] > 0) {
      target = left;
      left -= weights[i];
      passed = i;
    }
  return passed;
}

/// The tokens that are not drawn yet, as weights.
struct Remaining {
  const DrawnRows &from;
  const Candidate *drawn;
  int64_t n_drawn;

  float score(int64_t row, int64_t token) const { return from.rows[row][token] + from.shifts[row]; }
  double weight(int64_t row, int64_t token) const {
    const float weight = expOfNegative(score(row, token) - from.peak);
    return weight > 0 && contains(drawn, n_drawn, row * from.size + token) ? 0 : weight;
  }
  int64_t end(int64_t block) const { return (block + 1) * rowBlock < from.size ? (block + 1) * rowBlock : from.size; }

  /// The token at which the sum of the weights of `block`'s passes `target`; its last possible one if none does; -1 if
  /// it has none.
  int64_t find(int64_t row, int64_t block, double target) const {
    int64_t found = -1;
    for (int64_t token = block * rowBlock; token < end(block) && target >= 0; ++token)
      if (const double w = weight(row, token); w > 0) {
        target -= w;
        found = token;
      }
    return found;
  }
  double sum(int64_t row, int64_t block) const {
    double sum = 0;
    for (int64_t token = block * rowBlock; token < end(block); ++token)
      sum += weight(row, token);
    return sum;
  }
};

} // namespace

double uniformNumber(const DrawKey &key, uint32_t number) {
  const PhiloxBlock block = philox({{number, key.step, uint32_t(key.sequence), uint32_t(key.sequence >> 32)}},
                                   uint32_t(key.seed), uint32_t(key.seed >> 32));
  return double((uint64_t(block.word[0]) << 21) | (block.word[1] >> 11)) * 0x1p-53;
}

void drawTokens(const DrawnRows &from, const DrawKey &key, int64_t n, const RowLoops &loops, Candidate *drawn) {
  const int64_t blocks = rowBlocks(from.size);
  for (int64_t r = 0; r < from.n_rows; ++r) {
    double *sums = from.sums + r * blocks;
    loops.expSums(from.rows[r], from.size, from.maxima[r], from.shifts[r], from.peak, sums);
    from.totals[r] = sum(sums, blocks);
  }
  Remaining remaining{from, drawn, 0};
  int64_t &count = remaining.n_drawn;
  while (count < n) {
    double target = uniformNumber(key, uint32_t(count)) * sum(from.totals, from.n_rows);
    const int64_t row = pass(from.totals, from.n_rows, target);
    if (row < 0)
      break;
    double *sums = from.sums + row * blocks;
    const int64_t block = pass(sums, blocks, target), token = block < 0 ? -1 : remaining.find(row, block, target);
    if (token >= 0)
      drawn[count++] = {remaining.score(row, token), row * from.size + token};
    // Summed anew, since subtraction would leave what rounding makes of it.
    if (block >= 0)
      sums[block] = token >= 0 && count < n ? remaining.sum(row, block) : 0;
    from.totals[row] = block >= 0 ? sum(sums, blocks) : 0;
  }
  for (int impossibleOnes = 0; impossibleOnes < 2; ++impossibleOnes)
    for (int64_t index = 0; count < n && index < from.n_rows * from.size; ++index) {
      const float score = remaining.score(index / from.size, index % from.size);
      if ((score == -infinity) == bool(impossibleOnes) && !contains(drawn, count, index))
        drawn[count++] = {score, index};
    }
}

} // namespace lathe
