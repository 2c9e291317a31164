//===- Compile.h - from a model directory to an artifact ----------------------===//
#ifndef LATHE_COMPILER_DRIVER_COMPILE_H
#define LATHE_COMPILER_DRIVER_COMPILE_H

#include "compiler/import/Import.h"
#include "compiler/pipelines/Pipelines.h"
#include "passes/precision/PrecisionPlan.h"

#include <memory>
#include <optional>
#include <string>

namespace lathe {

class Calibration;

struct CompileOptions {
  std::string model;  ///< a directory
  std::string output; ///< the artifact's directory
  std::string name;   ///< the library's; empty: from the model's directory
  ImportOptions import;
  bool graphPasses = true;
  bool observe = false;           ///< steps show traces what linears read (Calibration.h)
  PrecisionPlan plan;             ///< the precisions to compile in, or to begin a search with
  int64_t group = 64;             ///< weights in a group of int4
  bool allowApproximate = false;  ///< a plan may have attention compute something else
  bool staticActivations = false; ///< ranges in int8 from `calibrate` where that saves a pass, not of each row
  std::shared_ptr<const Calibration> calibration; ///< that of a compile for which this one is a probe
  bool certify = true;                            ///< measure the drift of a plan other than f32 throughout
  std::string calibrate;                          ///< file of inputs to measure it on; empty: random ids
  std::optional<double> maxDrift;                 ///< a larger one is an error, unless precisions are searched
  bool searchPrecisions = true; ///< with `maxDrift`: raise parts of the model from `precision` until it holds
  std::string evalTask;         ///< measured in f32 and in the precision; empty: none
  std::string evalData;         ///< the file that it is measured on
  bool requireFusion = false;   ///< a declined fusion is an error
  bool strict = false;          ///< an unknown weight is an error
  bool embedWeights = false;
  llvm::SmallVector<IsaLevel> levels; ///< to generate code for, ascending; empty: what the program has code for
  bool native = false;                ///< of these only the one that this machine would choose
  std::optional<Stage> stopAfter;     ///< without `output`, prints the form to stdout
  std::string dumpStages;             ///< a directory for every stage's form
};

/// Compiles, reporting progress and a summary on `log`. Nothing is left at `options.output` unless all went well.
llvm::Error compileModel(const CompileOptions &options, llvm::raw_ostream &log);

/// Tokens of one text that count for a model: sentence_bert_config's, else tokenizer_config's model_max_length, else
/// the tokenizer's truncation; never beyond the position limit where there is one. 0: no truncation.
int64_t maximumLength(const ImportedModel &model, int64_t modelMaxLength, int64_t truncationLength);

} // namespace lathe

#endif
