//===- Features.h - vectors of tokens to feed to something else ---------------===//
//
// The rows of Devlin et al. 2018, table 7: what a model without a head of its own is good for.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FEATURES_H
#define LATHE_COMPILER_IMPORT_FEATURES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <string>
#include <utility>

namespace lathe {

enum class Features {
  Embeddings, ///< what the first layer reads
  Last,
  SecondToLast,
  SumLast4,
  ConcatLast4, ///< side by side, the lowest first
  SumAll,
};

/// The names that --features takes.
inline constexpr std::array<std::pair<llvm::StringLiteral, Features>, 6> featuresNames = {{
    {"embeddings", Features::Embeddings},
    {"last", Features::Last},
    {"second-to-last", Features::SecondToLast},
    {"sum-last-4", Features::SumLast4},
    {"concat-last-4", Features::ConcatLast4},
    {"sum-all", Features::SumAll},
}};

inline llvm::StringRef featuresName(Features features) {
  for (auto [name, candidate] : featuresNames)
    if (candidate == features)
      return name;
  llvm_unreachable("all features have names");
}

/// The features of that name; an error lists the names there are.
inline llvm::Expected<Features> parseFeatures(llvm::StringRef name) {
  std::string accepted;
  for (auto [candidate, features] : featuresNames) {
    if (candidate == name)
      return features;
    accepted += (accepted.empty() ? "" : ", ") + candidate.str();
  }
  return llvm::createStringError("unknown features '" + name + "'; accepted are " + accepted);
}

/// How many layers there must be.
inline int64_t layersBehind(Features features) {
  switch (features) {
  case Features::Embeddings:
    return 0;
  case Features::Last:
  case Features::SumAll:
    return 1;
  case Features::SecondToLast:
    return 2;
  case Features::SumLast4:
  case Features::ConcatLast4:
    return 4;
  }
  llvm_unreachable("all features are of layers");
}

} // namespace lathe

#endif
