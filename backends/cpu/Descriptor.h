//===- Descriptor.h - what the runtime reads about a program ------------------===//
#ifndef LATHE_BACKENDS_CPU_DESCRIPTOR_H
#define LATHE_BACKENDS_CPU_DESCRIPTOR_H

#include "backends/cpu/emit/Emit.h"
#include "lathe/abi.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace lathe {

struct ProgramFacts {
  std::string name;    ///< the library's: the exported function is lathe_<name>
  std::string buildId; ///< 32 hexadecimal digits
  uint64_t weightsBytes = 0;
  int64_t maxLength = 0;              ///< tokens of one text; 0: no truncation
  std::string embeddedWeightsPath;    ///< a file to be put into the object; empty: weights stay in a file
  llvm::SmallVector<IsaLevel> levels; ///< that there are objects of
  struct Prompt {
    std::string name, text;
    bool isDefault;
  };
  std::vector<Prompt> prompts; ///< of which one at most is the default
  /// How a model that writes does so unless it is told otherwise; of `generation`, pointers are these.
  lathe_generate_options generation = {};
  std::vector<int32_t> eosIds = {};
  std::vector<std::vector<int32_t>> badWords = {};
  std::vector<int32_t> suppressed = {}, suppressedFirst = {};
  std::vector<std::pair<std::vector<int32_t>, double>> biases = {};
  std::vector<std::string> stopStrings = {};
};

/// Emits the object that describes a program: `lathe_program_v1` (runtime/include/lathe/program.h) with its entries,
/// and the library's one exported function. `module` is at stage `kernels`, of any level. The object refers to the
/// entries' functions, which the objects of the levels define (symbolAt).
llvm::Expected<ObjectBytes> emitDescriptor(mlir::ModuleOp module, const ProgramFacts &facts);

} // namespace lathe

#endif
