//===- Contenders.cpp - whom lathe bench lets an artifact run against ---------===//
#include "compiler/driver/bench/Contenders.h"

#include "compiler/driver/bench/UnfusedContender.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

constexpr StringRef unfused = "unfused";

/// The script of that name, or null.
static const PythonPeer *findPeer(StringRef name) {
  const auto *found = llvm::find_if(pythonContenders(), [&](const PythonPeer &peer) { return peer.name == name; });
  return found == pythonContenders().end() ? nullptr : found;
}

/// Those that are accepted, as words; that are asked for `asked`, or all.
static std::string acceptedNames(std::optional<PeerAbility> asked) {
  std::vector<StringRef> names;
  for (const PythonPeer &peer : pythonContenders())
    if (!asked || peer.can(*asked))
      names.push_back(peer.name);
  if (asked != PeerAbility::Writes) // attention in parts has no cache
    names.push_back(unfused);
  return llvm::join(names, ", ");
}

Expected<std::vector<std::string>> parseContenders(StringRef list, PeerAbility asked) {
  std::vector<std::string> names;
  if (list.empty())
    return names;
  for (StringRef name : llvm::split(list, ',')) {
    const PythonPeer *peer = findPeer(name);
    if (name != unfused && !peer)
      return createStringError("--vs: there is no contender " + quote(name) + "; accepted are " +
                               acceptedNames(std::nullopt));
    if (peer ? !peer->can(asked) : asked == PeerAbility::Writes)
      return createStringError("the contender " + quote(name) +
                               (asked == PeerAbility::Writes ? " does not write tokens"
                                                             : " only writes tokens, which "
                                                               "is what --new-tokens asks for") +
                               "; accepted here are " + acceptedNames(asked));
    if (llvm::is_contained(names, name))
      return createStringError("--vs names " + name + " twice; accepted is a list of different contenders");
    names.push_back(name.str());
  }
  return names;
}

static Expected<PeerSettings> peerSettings(const Artifact &artifact, const lathe_entry_info &entry,
                                           const ContenderOptions &options) {
  if (artifact.task == "embedding" && artifact.poolings.empty())
    return createStringError(quote(artifact.file("manifest.json")) +
                             " does not say how the model pools; compile it again");
  PeerSettings settings = {options.model, artifact.task, {}, artifact.poolings, artifact.modules, options.threads};
  for (const lathe_io &output : ArrayRef(entry.outputs, entry.n_outputs))
    settings.outputs.push_back(output.name);
  return settings;
}

Expected<Contenders> Contenders::start(ArrayRef<std::string> names, const Artifact &artifact,
                                       const lathe_entry_info &entry, const ContenderOptions &options,
                                       const Workload &workload, llvm::raw_ostream &log) {
  Contenders result;
  if (names.empty())
    return result;
  Expected<PeerSettings> settings = peerSettings(artifact, entry, options);
  if (!settings)
    return settings.takeError();
  Expected<ScratchDirectory> scripts = makePeerDirectory(*settings, workload);
  if (!scripts)
    return scripts.takeError();
  result.scripts.emplace(std::move(*scripts));
  for (const std::string &name : names) {
    log << "preparing " << name << "\n";
    Expected<std::unique_ptr<Contender>> contender =
        name == unfused ? makeUnfusedContender(artifact, entry, options.model, options.threads, workload)
                        : makePythonContender(*findPeer(name), options.python, *result.scripts);
    if (!contender)
      return contender.takeError();
    result.contenders.push_back(std::move(*contender));
  }
  return result;
}

} // namespace lathe
