//===- Rope.h - what turns queries and keys, as configs say it ----------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_ROPE_H
#define LATHE_COMPILER_IMPORT_FAMILIES_ROPE_H

#include "compiler/import/checkpoint/Json.h"

#include <vector>

namespace lathe {

/// How positions rotate pairs of a head's columns (Su et al. 2021).
struct Rope {
  std::vector<float> frequencies; ///< one for each pair
  double factor = 1;              ///< of all cosines and sines
};

/// What a family has to say before its config is read.
struct RopeDefaults {
  int64_t width;        ///< columns of a head that rotate
  double theta = 10000; ///< the base of the frequencies
};

/// Reads rope_theta and rope_scaling, or rope_parameters as Transformers 5 writes them. Errors are noted in `fields`.
Rope readRope(JsonFields &fields, const RopeDefaults &defaults);
/// 1 / theta^(2i / width) for each pair i.
std::vector<float> plainFrequencies(int64_t width, double theta);

} // namespace lathe

#endif
