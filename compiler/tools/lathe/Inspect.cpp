//===- Inspect.cpp - lathe inspect --------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/Artifact.h"
#include "compiler/driver/JsonText.h"
#include "compiler/driver/Progress.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace lathe {

/// Compares every file with what was compiled, and reports all that differ, not only the first.
static llvm::Error verify(const Artifact &artifact) {
  llvm::Error differences = llvm::Error::success();
  for (const Artifact::File &file : artifact.files)
    differences = llvm::joinErrors(std::move(differences), checkFile(artifact, file));
  if (!artifact.embedsWeights) // else they are inside the library, whose hash covers them
    differences = llvm::joinErrors(std::move(differences), checkWeightsFile(artifact));
  return differences;
}

static void printTensors(llvm::raw_ostream &os, llvm::StringRef title, const nlohmann::json &entry, const char *field) {
  auto list = entry.is_object() ? entry.find(field) : entry.end();
  if (list == entry.end() || !list->is_array())
    return;
  for (const nlohmann::json &tensor : *list)
    os << "  " << title << " " << fieldText(tensor, {"name"}) << " " << fieldText(tensor, {"shape"}) << ", "
       << fieldText(tensor, {"dtype"}) << (fieldText(tensor, {"optional"}) == "true" ? ", optional" : "") << "\n";
}

static std::string lengthText(const nlohmann::json &manifest) {
  std::string length = fieldText(manifest, {"tokenizer", "max_length"});
  return length == "0" ? "any length" : "at most " + length + " tokens";
}

static void describe(llvm::raw_ostream &os, const Artifact &artifact) {
  const nlohmann::json &manifest = artifact.manifest();
  os << artifact.name << ": " << fieldText(manifest, {"model", "architecture"}) << " ("
     << fieldText(manifest, {"model", "model_type"}) << "), task " << printable(artifact.task) << ", "
     << fieldText(manifest, {"model", "parameters"}) << " parameters\n"
     << "precision  " << fieldText(manifest, {"precision", "weights"}) << " weights, "
     << fieldText(manifest, {"precision", "compute"}) << " arithmetic\n"
     << "build      " << artifact.buildId << " by lathe " << fieldText(manifest, {"lathe_version"}) << ", ABI "
     << fieldText(manifest, {"abi_version"}) << ", glibc " << fieldText(manifest, {"minimum_glibc"}) << " or newer\n"
     << "code       " << fieldText(manifest, {"code_bytes"}) << " bytes, levels " << fieldText(manifest, {"isa_levels"})
     << "\n";
  if (manifest.contains("tokenizer"))
    os << "tokenizer  " << fieldText(manifest, {"tokenizer", "kind"}) << ", "
       << fieldText(manifest, {"tokenizer", "vocabulary"}) << " tokens, texts of " << lengthText(manifest) << "\n";
  auto entries = manifest.find("entries");
  if (entries != manifest.end() && entries->is_array())
    for (const nlohmann::json &entry : *entries) {
      os << "entry " << fieldText(entry, {"name"});
      if (entry.is_object() && entry.contains("position_limit"))
        os << ", sequences of at most " << fieldText(entry, {"position_limit"});
      os << "\n";
      printTensors(os, "in ", entry, "inputs");
      printTensors(os, "out", entry, "outputs");
    }
  os << "files\n";
  if (!artifact.embedsWeights)
    os << "  " << artifact.weights() << ", " << sizeText(artifact.weightsBytes) << "\n";
  for (const Artifact::File &file : artifact.files)
    os << "  " << printable(file.name) << ", " << sizeText(file.bytes)
       << (artifact.embedsWeights && file.name == artifact.library() ? ", weights embedded" : "") << "\n";
}

static llvm::Error inspect(const std::string &directory, bool verifies, bool json) {
  llvm::Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  if (verifies)
    if (llvm::Error error = verify(*artifact))
      return error;
  if (json) {
    nlohmann::ordered_json object = artifact->manifest();
    if (verifies)
      object["verified"] = true;
    llvm::outs() << jsonText(object);
    return llvm::Error::success();
  }
  describe(llvm::outs(), *artifact);
  if (verifies)
    llvm::outs() << "verified   OK: every file is as it was compiled\n";
  return llvm::Error::success();
}

void addInspect(CLI::App &app, CommandLine &line) {
  struct Flags {
    std::string directory;
    bool verify = false, json = false;
  };
  CLI::App *verb = app.add_subcommand("inspect", "Say what an artifact is, and whether it is intact");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  verb->add_flag("--verify", flags->verify, "Read every file and compare its hash with the manifest's");
  verb->add_flag("--json", flags->json, "The manifest, as JSON");
  verb->callback(
      [flags, &line] { line.action = [flags] { return inspect(flags->directory, flags->verify, flags->json); }; });
}

} // namespace lathe
