// A module's entry through the whole of the CPU pipeline, run in this process without the runtime: what `lathe compile`
// emits for any IR, not only for what an importer writes.
#ifndef LATHE_TESTS_BACKENDS_ENTRY_COMPILEDENTRY_H
#define LATHE_TESTS_BACKENDS_ENTRY_COMPILEDENTRY_H

#include "lathe/program.h"
#include "tests/backends/kernels/Harness.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

/// Sequences of ids, none empty. What the runtime's edge makes of them depends on the entry's form.
using Sequences = std::vector<std::vector<int32_t>>;

/// An output: a row per token (sequences one behind the other, without padding) or per sequence.
struct Rows {
  int64_t width;
  std::vector<float> values;
};

class CompiledEntry {
public:
  /// Compiles a copy of the module, which is at stage `import` and whose weights are dense f32 values, for an ISA level
  /// that this CPU must have to run it; without `graphPasses` unfused. What goes wrong is in `error`.
  CompiledEntry(mlir::ModuleOp module, bool graphPasses, IsaLevel level = IsaLevel::Avx512);
  ~CompiledEntry();

  std::string error;
  std::vector<std::string> kernels; ///< of the launches, in order; layers once

  std::map<std::string, Rows> run(const Sequences &sequences) const;

private:
  struct Output {
    std::string name;
    bool tokens;
    int64_t width;
  };
  struct Loaded;

  void readEntry(mlir::ModuleOp kernels);
  void load(mlir::ModuleOp kernels);

  IsaLevel level;
  bool dense = false;
  std::vector<std::string> inputs;
  std::vector<Output> outputs;
  lathe_size_formula arena = {}, scratch = {};
  std::vector<float> weights;
  std::string symbol;
  std::unique_ptr<Loaded> loaded;
};

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_ENTRY_COMPILEDENTRY_H
