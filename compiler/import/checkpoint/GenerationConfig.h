//===- GenerationConfig.h - what a model's files say of writing ---------------===//
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_GENERATIONCONFIG_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_GENERATIONCONFIG_H

#include "compiler/import/checkpoint/Json.h"
#include "lathe/abi.h"

namespace lathe {

/// Transformers' names of how the number of guesses changes.
inline constexpr std::pair<llvm::StringRef, lathe_assistant_schedule> assistantSchedules[] = {
    {"constant", LATHE_ASSISTANT_CONSTANT},
    {"heuristic", LATHE_ASSISTANT_HEURISTIC},
    {"heuristic_transient", LATHE_ASSISTANT_HEURISTIC_TRANSIENT}};

struct GenerationConfig {
  /// Transformers' defaults, and what the file says instead. Its pointers are null: the lists are these.
  lathe_generate_options options;
  std::vector<int32_t> eosIds;
  std::vector<std::vector<int32_t>> badWords;
  std::vector<int32_t> suppressed, suppressedFirst;
  std::vector<std::pair<std::vector<int32_t>, double>> biases;
  std::vector<std::string> stopStrings;
  /// Fields that change what is written and that nothing here knows of, with their values.
  std::vector<std::string> unsupported;
};

/// The ids that end texts, fill them up and begin what decoders write, where neither config.json nor
/// generation_config.json says so: those that Transformers' config class has.
struct WritingIds {
  std::optional<int64_t> eos, pad, forcedEos;
  std::optional<int64_t> decoderStart, bos; ///< bos: where there is no decoderStart
};

/// Reads generation_config.json or, where the directory has none, the same fields of config.json, as Transformers does:
/// of these, ids have the class's `defaults` where they are left out.
llvm::Expected<GenerationConfig> readGenerationConfig(llvm::StringRef directory, const JsonDocument &config,
                                                      const WritingIds &defaults);

} // namespace lathe

#endif
