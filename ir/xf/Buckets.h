//===- Buckets.h - how distances share the rows of a table --------------------===//
#ifndef LATHE_IR_XF_BUCKETS_H
#define LATHE_IR_XF_BUCKETS_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace lathe::xf {

/// The bucket, in [0, count), of a distance by the scheme `two_sided` of #xf.buckets, whose largest distance is
/// `limit`.
inline int64_t twoSidedBucket(int64_t distance, int64_t count, int64_t limit) {
  const int64_t side = count / 2, exact = side / 2, away = std::abs(distance);
  const int64_t first = distance > 0 ? side : 0;
  if (away < exact)
    return first + away;
  // In f32, as models are trained: where a bucket begins must not depend on more digits than they have.
  const float share = std::log(float(away) / float(exact)) / float(std::log(double(limit) / double(exact)));
  return first + std::min(exact + int64_t(share * float(side - exact)), side - 1);
}

} // namespace lathe::xf

#endif
