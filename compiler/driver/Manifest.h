//===- Manifest.h - what an artifact says of itself ---------------------------===//
#ifndef LATHE_COMPILER_DRIVER_MANIFEST_H
#define LATHE_COMPILER_DRIVER_MANIFEST_H

#include "backends/cpu/IsaLevel.h"
#include "compiler/driver/Drift.h"
#include "compiler/driver/PrecisionSearch.h"
#include "compiler/driver/Sharing.h"
#include "compiler/driver/Smoothing.h"
#include "compiler/driver/WeightPacker.h"
#include "compiler/import/Import.h"
#include "passes/graph/FusionLog.h"

#include <map>
#include <string>
#include <vector>

namespace lathe {

inline constexpr llvm::StringLiteral latheVersion = LATHE_VERSION;

/// How well a model does a task in f32 and as it is compiled.
struct TaskMetric {
  std::string task, name; ///< "sts", "spearman"
  std::string data, hash; ///< the file's name and BLAKE3, hexadecimal
  size_t samples = 0;
  double inF32 = 0, compiled = 0;
};

/// Everything that manifest.json tells; gathered while compiling, before each form is replaced by the next.
struct ManifestFacts {
  std::string name, buildId, task, architecture, modelType;
  std::optional<SentenceTransformer> sentence; ///< of task embedding
  std::optional<ScoreActivation> score;        ///< of a cross-encoder
  Labels labels;                               ///< of classifications
  std::optional<Features> features;            ///< what the output of that name is
  std::vector<FusionRecord> fusions;
  std::vector<std::string> unknownWeights, unusedWeights;
  uint64_t parameters = 0;
  PrecisionPlan plan;
  int64_t group = 0;                              ///< weights in a group of int4
  std::vector<std::string> staticInputs;          ///< the function of each linear in int8 that reads a calibrated range
  std::vector<Smoothing> smoothing;               ///< of what products read in bytes
  std::optional<SearchReport> search;             ///< where precisions were searched
  std::vector<uint64_t> searchedBytes;            ///< of the weights of each plan that the search measured
  std::optional<DriftReport> drift;               ///< of a precision other than f32, where it was measured
  std::optional<TaskMetric> metric;               ///< where one was asked for
  std::string tokenizerKind;                      ///< empty: none
  std::vector<std::string> unsupportedGeneration; ///< fields of generation_config.json
  std::string noTokenizer;                        ///< why, where there are files of one
  int64_t vocabularySize = 0, maxLength = 0, positionLimit = 0;
  std::optional<int32_t> fillingId; ///< with which texts are filled up to maxLength
  PackedWeights weights;
  WeightSharing sharing;
  bool embedded = false;
  struct File {
    std::string name;
    uint64_t bytes;
    std::string hash; ///< BLAKE3
  };
  std::vector<File> files;
  uint64_t codeBytes = 0; ///< text and read-only data of the library
  llvm::SmallVector<IsaLevel> levels;
};

/// The text of manifest.json. `kernels` is the module at stage kernels, of any level, whose entries describe
/// themselves.
std::string writeManifest(mlir::ModuleOp kernels, const ManifestFacts &facts);

} // namespace lathe

#endif
