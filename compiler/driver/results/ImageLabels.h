//===- ImageLabels.h - which classes images belong to, for people and scripts --===//
#ifndef LATHE_COMPILER_DRIVER_RESULTS_IMAGELABELS_H
#define LATHE_COMPILER_DRIVER_RESULTS_IMAGELABELS_H

#include "compiler/driver/results/TextResults.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace lathe {

/// The likeliest classes of an image, best first (classScores).
struct ImageLabels {
  ImageLabels(llvm::StringRef image, llvm::ArrayRef<float> logits, const ResultOptions &options, int64_t count);

  std::string image; ///< its file
  std::vector<std::pair<std::string, double>> classes;

  /// {"image", "labels": [{"label", "score"}]}
  nlohmann::ordered_json json() const;
  void print(llvm::raw_ostream &os) const;
};

} // namespace lathe

#endif
