//===- Compilation.h - one run of the compiler --------------------------------===//
//
// Compile.cpp          the order of things; import
// CompilePrecision.cpp the search for precisions, and the certificate
// CompileStages.cpp    stages of the IR with their checks and dumps; objects
// CompileArtifact.cpp  the artifact's files
// CompileSummary.cpp   what a person is told in the end
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_COMPILATION_H
#define LATHE_COMPILER_DRIVER_COMPILATION_H

#include "backends/cpu/emit/Emit.h"
#include "compiler/driver/Calibration.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/Manifest.h"
#include "compiler/driver/OutputDirectory.h"
#include "compiler/driver/Probes.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/RunStage.h"
#include "compiler/import/tokenizer/CompileTokenizer.h"

namespace lathe {

/// Whether products read bytes anywhere, as in int8 and int4.
bool readsBytes(const PrecisionPlan &plan);

/// One run of the compiler; its members are what later steps need of earlier ones.
class Compilation {
public:
  Compilation(const CompileOptions &options, llvm::raw_ostream &log) : options(options), log(log), progress(log) {}

  llvm::Error run();

private:
  llvm::Error import();
  llvm::Error stages();
  llvm::Error allowApproximation();
  llvm::Error graphChecks();
  llvm::Error expectCache();
  llvm::Error kernels();
  llvm::Error objects();
  llvm::SmallVector<llvm::StringRef> objectFiles() const {
    return llvm::map_to_vector(code,
                               [](const LevelCode &at) { return llvm::StringRef(at.object.data(), at.object.size()); });
  }
  llvm::Expected<Probes *> makeProbes();
  llvm::Expected<const Calibration *> calibrate();
  llvm::Error applyCalibration();
  llvm::Error search();
  llvm::Error certify();
  llvm::Error evaluate();
  llvm::Error artifact(OutputDirectory &output);
  llvm::Error link(OutputDirectory &output, const std::string &weightsPath);
  void summarize(const OutputDirectory &output);

  bool stops(Stage stage) const { return options.stopAfter == stage; }
  llvm::Error dump(Stage stage, llvm::StringRef suffix, llvm::StringRef contents);
  llvm::Error dump(Stage stage, llvm::StringRef suffix, mlir::ModuleOp module);
  llvm::Error endStage(Stage stage, const llvm::Twine &what);
  std::string describe(Stage stage);
  std::string suffix(IsaLevel level, llvm::StringRef suffix);

  const CompileOptions &options;
  llvm::raw_ostream &log;
  Progress progress;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  /// The precisions to compile in.
  PrecisionPlan plan = options.plan;
  std::unique_ptr<Probes> probes;
  std::shared_ptr<const Calibration> calibration = options.calibration;
  ImportedModel model;
  std::optional<CompiledTokenizer> tokenizer;
  std::string name;
  /// From stage kernels on there is a form for each ISA level; `model.module` stays as scheduled.
  struct LevelCode {
    IsaLevel level;
    mlir::OwningOpRef<mlir::ModuleOp> kernels;
    ObjectBytes object;
  };
  std::vector<LevelCode> code; ///< ascending
  ManifestFacts facts;
};

} // namespace lathe

#endif
