//===- GenerationConfig.h - what a model's files say of writing ---------------===//
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_GENERATIONCONFIG_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_GENERATIONCONFIG_H

#include "compiler/import/checkpoint/Json.h"
#include "lathe/abi.h"

namespace lathe {

struct GenerationConfig {
  /// Transformers' defaults, and what the file says instead. Its pointers are null: the lists are these.
  lathe_generate_options options;
  std::vector<int32_t> eosIds;
  std::vector<std::vector<int32_t>> badWords;
  /// Fields that change what is written and that nothing here knows of, with their values.
  std::vector<std::string> unsupported;
};

/// Reads generation_config.json or, where the directory has none, the same fields of config.json, as Transformers does:
/// of these, eos_token_id and pad_token_id have defaults of their own where they are left out.
llvm::Expected<GenerationConfig> readGenerationConfig(llvm::StringRef directory, const JsonDocument &config,
                                                      std::optional<int64_t> eosId, std::optional<int64_t> padId);

} // namespace lathe

#endif
