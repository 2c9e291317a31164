// A Hugging Face model directory: its config and its weights.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_CHECKPOINT_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_CHECKPOINT_H

#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/safetensors/SafetensorsFile.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe {

/// An opened checkpoint. Weights come from model.safetensors, or from the shards that model.safetensors.index.json
/// lists; they are mapped, and stay mapped while the object lives. No pickle is ever read.
///
/// What `open` promises: the config names a model_type and no quantisation; every tensor's bytes exist; an index and
/// its shards agree on which tensor lies where. It says nothing of names, shapes and values, which the model's family
/// knows.
class Checkpoint {
public:
  static llvm::Expected<std::unique_ptr<Checkpoint>> open(llvm::StringRef directory);

  llvm::StringRef directory() const { return path; }
  const JsonDocument &config() const { return configFile; }
  llvm::StringRef modelType() const { return type; }
  /// The classes the checkpoint was saved from; empty if the config does not say.
  llvm::ArrayRef<std::string> architectures() const { return classes; }

  /// Adds the weights of a module in a folder of its own, under names that begin with `prefix` and a dot. It needs no
  /// config; no shards are looked for.
  llvm::Error addModule(llvm::StringRef directory, llvm::StringRef prefix);

  /// Sorted by name, which is unique.
  llvm::ArrayRef<const TensorView *> tensors() const { return sorted; }
  /// The tensor of that name in the file, or null.
  const TensorView *find(llvm::StringRef name) const;
  uint64_t totalBytes() const;

  /// Gives back the memory of one of this checkpoint's tensors, once it is packed; a later access reads the file again.
  void releasePages(const TensorView &tensor) const;

private:
  Checkpoint(llvm::StringRef path, JsonDocument config) : path(path), configFile(std::move(config)) {}

  llvm::Error readConfig();
  llvm::Error openWeights();
  llvm::Error openShards(llvm::StringRef indexPath);
  llvm::Error explainMissingWeights() const;
  void sortTensors();

  std::string path;
  JsonDocument configFile;
  std::string type;
  std::vector<std::string> classes;
  std::vector<SafetensorsFile> files; // complete before `sorted` points into it
  std::vector<const TensorView *> sorted;
  /// The file of a module, and its tensors under the names they have here.
  struct Module {
    SafetensorsFile file;
    std::vector<TensorView> tensors;
  };
  std::vector<std::unique_ptr<Module>> modules;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_CHECKPOINT_H
