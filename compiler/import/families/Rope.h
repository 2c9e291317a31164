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

/// What has to be known to read one.
struct RopeShape {
  int64_t width = 0;     ///< columns of a head that rotate
  int64_t positions = 0; ///< the config's max_position_embeddings
  llvm::StringRef thetaName = "rope_theta";
  double theta = 10000;                          ///< the base of frequencies where the config is silent
  std::optional<int64_t> trained = std::nullopt; ///< likewise original_max_position_embeddings, if the class has one
  bool isPhis = false;                           ///< whose files have further names for longrope
};

/// Reads rope_theta and rope_scaling, or rope_parameters as Transformers 5 writes them. Errors are noted in `fields`.
Rope readRope(JsonFields &fields, const RopeShape &shape);
/// The longest sequence that a config's rotations are for, `shape.positions` being the class's: its
/// max_position_embeddings or, where frequencies change beyond, as many as they hold for.
int64_t longestRotated(JsonFields &fields, const RopeShape &shape);
/// 1 / theta^(2i / width) for each pair i.
std::vector<float> plainFrequencies(int64_t width, double theta);

} // namespace lathe

#endif
