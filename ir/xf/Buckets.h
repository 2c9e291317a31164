//===- Buckets.h - how distances share the rows of a table --------------------===//
#ifndef LATHE_IR_XF_BUCKETS_H
#define LATHE_IR_XF_BUCKETS_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace lathe::xf {

/// The bucket, in [0, count), of what is `away` >= 0 columns: half of the buckets for one distance each, the others for
/// ever more of them, and the last for all from `limit` on.
inline int64_t bucketOfSide(int64_t away, int64_t count, int64_t limit) {
  const int64_t exact = count / 2;
  if (away < exact)
    return away;
  // In f32, as models are trained: where a bucket begins must not depend on more digits than they have.
  const float share = std::log(float(away) / float(exact)) / float(std::log(double(limit) / double(exact)));
  return std::min(exact + int64_t(share * float(count - exact)), count - 1);
}

/// The bucket of a distance by the schemes of #xf.buckets, whose largest distance is `limit`.
inline int64_t twoSidedBucket(int64_t distance, int64_t count, int64_t limit) {
  return (distance > 0 ? count / 2 : 0) + bucketOfSide(std::abs(distance), count / 2, limit);
}
inline int64_t oneSidedBucket(int64_t distance, int64_t count, int64_t limit) {
  return bucketOfSide(std::max<int64_t>(-distance, 0), count, limit);
}

} // namespace lathe::xf

#endif
