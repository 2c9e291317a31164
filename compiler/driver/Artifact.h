//===- Artifact.h - opening what compile made ---------------------------------===//
//
//   directory ── Artifact::open ──► Artifact ── LoadedModel::load ──► LoadedModel ── createContext ──► RunContext
//               reads the manifest           runs the library's code              one thread's at a time
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_ARTIFACT_H
#define LATHE_COMPILER_DRIVER_ARTIFACT_H

#include "compiler/import/checkpoint/Json.h"
#include "lathe/abi.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// An artifact's directory by what its manifest says. Opening runs none of its code.
class Artifact {
public:
  struct File {
    std::string name;
    uint64_t bytes;
    std::string hash; ///< BLAKE3, hexadecimal
  };

  /// What texts are filled up with, and how long they are then.
  struct Filling {
    int32_t id;
    int64_t length;
  };

  /// Anything but an artifact is an error that says what the directory is instead, where that can be seen.
  static llvm::Expected<Artifact> open(llvm::StringRef directory);

  llvm::StringRef directory() const { return path; }
  std::string file(llvm::StringRef name) const { return path + "/" + name.str(); }
  std::string library() const { return "lib" + name + ".so"; }
  std::string weights() const { return name + ".weights"; }
  const nlohmann::json &manifest() const { return document.root(); }

  std::string name, buildId, task;
  std::vector<std::string> poolings; ///< of task embedding: names that --pooling takes, joined in this order
  std::vector<std::string> modules;  ///< of task embedding: what stands behind its pooling, by class name
  std::vector<std::string> labels;   ///< of classifications: the classes, by index
  std::string problem;               ///< likewise: problem_type, or empty
  std::string features;              ///< what the output of that name is: what --features takes, or empty
  std::string score;                 ///< of a cross-encoder: the activation that makes a score of its logit, or empty
  std::string similarity;            ///< of a model that compares texts with images: how many fit one, "one" or "each"
  std::optional<Filling> filling;    ///< of texts that are as long as they may be
  std::vector<File> files;           ///< all but the manifest and the weights
  uint64_t weightsBytes = 0;
  std::string weightsHash; ///< of the content behind the header
  bool embedsWeights = false;

private:
  Artifact(llvm::StringRef path, JsonDocument document) : path(path), document(std::move(document)) {}
  llvm::Error read();

  std::string path;
  JsonDocument document;
};

/// Whether a path looks like an artifact: what a verb does that takes both artifacts and model directories.
bool looksLikeArtifact(llvm::StringRef path);

/// Success if a listed file is what compile wrote, by size and hash.
llvm::Error checkFile(const Artifact &artifact, const Artifact::File &file);
/// The same for the weights file: its header names this build, its content has the hash that header and manifest state.
llvm::Error checkWeightsFile(const Artifact &artifact);

/// An array of f32 that the library writes. Not a vector: its size comes from a user's input, and where that is too
/// large there must be an error.
struct FloatTensor {
  std::string name;
  llvm::SmallVector<int64_t, 3> shape;
  std::unique_ptr<float[]> data;

  int64_t count() const;
  llvm::ArrayRef<float> values() const { return {data.get(), size_t(count())}; }
};

/// An array for `shape`; an error where there is no memory for it.
llvm::Expected<FloatTensor> makeFloatTensor(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);

/// A --threads that was given must be 1 or more, and small enough for the library to judge.
llvm::Error checkThreads(std::optional<int64_t> threads);

struct RunOptions {
  int64_t threads = 0;   ///< 0: as many as the process may run on
  int64_t maxTokens = 0; ///< 0: the library's own budget
  bool profile = false;
  /// Called after each step of a run; must outlive the context.
  const std::function<void(const lathe_traced &)> *trace = nullptr;
};

/// A lathe_context. Must not outlive its model.
class RunContext {
public:
  /// Arrays for the outputs of that entry that `inputs` lead to; all outputs if `names` is empty.
  llvm::Expected<std::vector<FloatTensor>> prepare(const lathe_entry_info &entry, llvm::ArrayRef<lathe_tensor> inputs,
                                                   llvm::ArrayRef<std::string> names = {}) const;
  /// Runs the entry into prepared arrays.
  llvm::Error run(const lathe_entry_info &entry, llvm::ArrayRef<lathe_tensor> inputs,
                  llvm::ArrayRef<FloatTensor> outputs) const;
  /// Times of every step so far, when the context profiles.
  std::vector<lathe_profile_step> profile() const;
  /// For the library's own functions.
  lathe_context *get() const { return context.get(); }

private:
  friend class LoadedModel;
  struct Destroy {
    const lathe_api *api;
    void operator()(lathe_context *context) const { api->context_destroy(context); }
  };
  RunContext(const lathe_api *api, lathe_context *context) : api(api), context(context, Destroy{api}) {}

  const lathe_api *api;
  std::unique_ptr<lathe_context, Destroy> context;
};

/// An artifact's library, loaded into this process, with its weights open.
class LoadedModel {
public:
  /// Loads the library only if it is, byte for byte, the one that compile wrote: a damaged one could do anything.
  static llvm::Expected<LoadedModel> load(const Artifact &artifact);

  const lathe_api &api() const { return *table; }
  lathe_model *model() const { return opened.get(); }
  llvm::ArrayRef<lathe_entry_info> entries() const;
  /// The entry of that name, the first one for an empty name.
  llvm::Expected<const lathe_entry_info *> entry(llvm::StringRef name) const;
  /// The same; without a name it is, of a model that compares texts with images, the entry that takes those that there
  /// are and no others.
  llvm::Expected<const lathe_entry_info *> entryFor(llvm::StringRef name, bool hasTexts, bool hasImages) const;
  llvm::Expected<RunContext> createContext(const RunOptions &options) const;
  /// Those of a model that embeds texts.
  llvm::ArrayRef<lathe_prompt> prompts() const;

  /// What an app would wait for: loading the library and opening the weights, without the check before it.
  double loadSeconds() const { return seconds; }

private:
  struct CloseLibrary {
    void operator()(void *library) const;
  };
  struct CloseModel {
    const lathe_api *api;
    void operator()(lathe_model *model) const { api->close(model); }
  };
  LoadedModel(void *library) : library(library) {}

  std::unique_ptr<void, CloseLibrary> library; // outlives the model, whose code it is
  const lathe_api *table = nullptr;
  double seconds = 0;
  std::unique_ptr<lathe_model, CloseModel> opened{nullptr, CloseModel{nullptr}};
};

/// An artifact with its library loaded: for those who need both what it says and what it does.
struct LoadedArtifact {
  Artifact artifact;
  LoadedModel model;

  static llvm::Expected<LoadedArtifact> load(llvm::StringRef directory);
};

/// The message of a failed call.
llvm::Error toError(const lathe_error &error);

/// Whether an entry has an input or output of that name.
bool hasInput(const lathe_entry_info &entry, llvm::StringRef name);
bool hasOutput(const lathe_entry_info &entry, llvm::StringRef name);

} // namespace lathe

#endif
