//===- Explain.cpp - lathe explain --------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/Artifact.h"
#include "compiler/driver/JsonText.h"
#include "compiler/driver/PlanFile.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace lathe {

/// The elements of an array field; none where the manifest has no such array.
static std::vector<nlohmann::json> elements(const nlohmann::json &object, const char *field) {
  if (!object.is_object() || !object.contains(field) || !object[field].is_array())
    return {};
  return {object[field].begin(), object[field].end()};
}

static void printFusions(llvm::raw_ostream &os, const nlohmann::json &manifest) {
  for (bool made : {true, false}) {
    os << (made ? "fusions made\n" : "fusions declined\n");
    bool any = false;
    for (const nlohmann::json &fusion : elements(manifest, "fusions")) {
      if ((fieldText(fusion, {"made"}) == "true") != made)
        continue;
      any = true;
      os << llvm::formatv("  {0,-20} {1} in @{2}", fieldText(fusion, {"pass"}), fieldText(fusion, {"what"}),
                          fieldText(fusion, {"where"}));
      os << (made ? "" : ": " + fieldText(fusion, {"reason"})) << "\n";
    }
    if (!any)
      os << "  none\n";
  }
}

/// "1344 T + 192 B": the terms of a formula that are there and not 0.
static std::string formulaText(const nlohmann::json &formula,
                               llvm::ArrayRef<std::pair<const char *, const char *>> terms) {
  std::vector<std::string> parts;
  for (auto [name, symbol] : terms)
    if (std::string value = fieldText(formula, {name}); value != "0" && value != "?")
      parts.push_back(value + symbol);
  return parts.empty() ? "0" : llvm::join(parts, " + ");
}

static std::string bytesText(const nlohmann::json &entry, const char *field) {
  if (!entry.is_object() || !entry.contains("memory") || !entry["memory"].is_object() ||
      !entry["memory"].contains(field))
    return "?";
  return formulaText(entry["memory"][field], {{"fixed", ""},
                                              {"per_token", " T"},
                                              {"per_sequence", " B"},
                                              {"per_longest", " L"},
                                              {"per_score", " B L^2"},
                                              {"per_target", " T'"},
                                              {"per_target_score", " B L'^2"},
                                              {"per_cross_score", " B L L'"}}) +
         " bytes";
}

/// What a run does, of the work that the entry's `field` counts.
static std::string workText(const nlohmann::json &entry, const char *field) {
  if (!entry.is_object() || !entry.contains(field))
    return "?";
  return formulaText(entry[field], {{"fixed", ""},
                                    {"per_token", " T"},
                                    {"per_sequence", " B"},
                                    {"per_longest", " L"},
                                    {"per_token_pair", " P"},
                                    {"per_causal_pair", " C"},
                                    {"per_target", " T'"},
                                    {"per_target_pair", " P'"},
                                    {"per_causal_target_pair", " C'"},
                                    {"per_cross_pair", " X"}});
}

static void printEntry(llvm::raw_ostream &os, const nlohmann::json &entry) {
  if (const std::vector<nlohmann::json> runs = elements(entry, "runs"); !runs.empty()) {
    os << "entry " << fieldText(entry, {"name"}) << ", runs ";
    llvm::interleave(runs, os, [&](const nlohmann::json &one) { os << fieldText(one, {}); }, " and ");
    os << ", and compares what they give: products times " << fieldText(entry, {"scale"}) << " plus "
       << fieldText(entry, {"bias"}) << "\n";
    return;
  }
  os << "entry " << fieldText(entry, {"name"}) << ", " << fieldText(entry, {"form"}) << ": what it runs, in order\n";
  for (const nlohmann::json &step : elements(entry, "steps"))
    os << llvm::formatv("  {0,-52} {1}\n", fieldText(step, {"name"}), fieldText(step, {"kernel"}));
  os << "  memory of a run: " << bytesText(entry, "arena_bytes") << ", and for each thread "
     << bytesText(entry, "scratch_bytes_per_thread") << ";\n    for inputs and outputs "
     << bytesText(entry, "edge_bytes") << " at most\n  (T tokens, B sequences, L the longest, each rounded up to "
     << fieldText(entry, {"memory", "counts_rounded_up_to"}) << ")\n"
     << "  work of a run: " << workText(entry, "flops") << " floating-point operations in products, on "
     << workText(entry, "weight_bytes") << " bytes of weights\n  (P: the sum of the squares of the lengths; "
     << "C: of how many tokens each sees, itself and those before it)\n";
  for (const nlohmann::json &input : elements(entry, "inputs"))
    if (fieldText(input, {"name"}) == "decoder_input_ids")
      os << "  (T', L', P', C': the same of what the decoder reads; X: the sum of the products of both lengths)\n";
}

static void printWeights(llvm::raw_ostream &os, const nlohmann::json &manifest) {
  os << "weights: " << fieldText(manifest, {"weights", "tensors"}) << " tensors, "
     << fieldText(manifest, {"weights", "bytes"}) << " bytes\n";
  for (auto [field, title] : {std::pair{"unknown_weights", "unknown tensors of the checkpoint, left out"},
                              std::pair{"unused_weights", "tensors of another head, left out"}}) {
    std::vector<nlohmann::json> names = elements(manifest, field);
    if (names.empty())
      continue;
    os << "  " << title << ": " << names.size() << "\n";
    for (const nlohmann::json &name : names)
      os << "    " << fieldText(name, {}) << "\n";
  }
}

static void printSharing(llvm::raw_ostream &os, const nlohmann::json &manifest) {
  if (!manifest.contains("sharing"))
    return;
  const nlohmann::json &sharing = manifest["sharing"];
  os << "sharing: " << fieldText(sharing, {"bytes_saved"})
     << " bytes saved by storing once what is used in several places\n";
  for (const nlohmann::json &tensor : elements(sharing, "tensors")) {
    os << llvm::formatv("  {0,4} uses of {1,9} bytes ", fieldText(tensor, {"uses"}), fieldText(tensor, {"bytes"}));
    for (const nlohmann::json &source : elements(tensor, "sources"))
      os << " " << fieldText(source, {});
    os << "\n";
  }
  for (const nlohmann::json &tensor : elements(sharing, "equal"))
    os << "  " << fieldText(tensor, {"name"}) << " holds the same as " << fieldText(tensor, {"equals"}) << "\n";
}

/// The plan that an object of the manifest has.
static PrecisionPlan planOf(const nlohmann::json &object) {
  PrecisionPlan plan = {fieldText(object, {"plan", "default"}),
                        {},
                        fieldText(object, {"plan", "cache"}) == "int8",
                        fieldText(object, {"plan", "attention"}) == "linear"};
  const nlohmann::json overrides = objectAt(object, {"plan", "overrides"});
  for (const auto &[unit, precision] : overrides.items())
    plan.overrides[unit] = fieldText(precision, {});
  return plan;
}

/// How well tasks are done.
static void printMetrics(llvm::raw_ostream &os, const nlohmann::json &precision) {
  for (const nlohmann::json &one : elements(precision, "metrics"))
    os << llvm::formatv("task {0}: {1} {2:F5}, in f32 {3:F5}, on {4} samples ({5}, blake3 {6}), at level {7}\n",
                        fieldText(one, {"task"}), fieldText(one, {"metric"}), numberAt(one, "compiled"),
                        numberAt(one, "f32"), fieldText(one, {"data", "samples"}), fieldText(one, {"data", "what"}),
                        fieldText(one, {"data", "blake3"}), fieldText(one, {"isa_level"}));
}

/// What --max-drift measured until it found the plan, and what each part costs alone.
static void printSearch(llvm::raw_ostream &os, const nlohmann::json &precision) {
  const nlohmann::json search = objectAt(precision, {"search"});
  if (search.empty())
    return;
  os << llvm::formatv("precisions searched for a drift of at most {0:e2}:\n", numberAt(search, "max_drift"));
  for (const nlohmann::json &one : elements(search, "measured"))
    os << llvm::formatv("  {0:e2} with {1} bytes of weights: {2}\n", numberAt(one, "relative"),
                        fieldText(one, {"weights_bytes"}), planText(planOf(one)));
  if (!elements(search, "sensitivities").empty())
    os << "  estimated drift with one part alone in a precision:\n";
  for (const nlohmann::json &one : elements(search, "sensitivities")) {
    std::vector<std::string> parts;
    for (const nlohmann::json &part : elements(one, "parts"))
      parts.push_back(fieldText(part, {}));
    os << llvm::formatv("    {0,-26}", llvm::join(parts, ", "));
    const nlohmann::json relative = objectAt(one, {"relative"});
    for (const auto &[precision, drift] : relative.items())
      os << llvm::formatv(" {0} {1:e2}", precision, numberAt(relative, precision.c_str()));
    os << "\n";
  }
}

/// The certificate: how far outputs and layers are from f32.
static void printDrift(llvm::raw_ostream &os, const nlohmann::json &precision, const PrecisionPlan &plan) {
  const nlohmann::json drift = objectAt(precision, {"drift"});
  if (drift.empty()) {
    os << "drift " << fieldText(precision, {"drift"}) << "\n";
    return;
  }
  os << "drift from f32 on " << fieldText(drift, {"inputs", "sequences"}) << " sequences, "
     << fieldText(drift, {"inputs", "tokens"}) << " tokens (" << fieldText(drift, {"inputs", "what"}) << ", blake3 "
     << fieldText(drift, {"inputs", "blake3"}) << "), at level " << fieldText(drift, {"isa_level"}) << ":\n";
  os << llvm::formatv("  {0,-28} {1,10} {2,10} {3,10} {4,12}\n", "", "max", "relative", "mean", "cosine");
  for (const char *kind : {"outputs", "layers"})
    for (const nlohmann::json &line : elements(drift, kind)) {
      const std::string name = fieldText(line, {"name"});
      os << llvm::formatv("  {0,-28} {1,10:e2} {2,10:e2} {3,10:e2} {4,12:F8}", name, numberAt(line, "max"),
                          numberAt(line, "relative"), numberAt(line, "mean"), numberAt(line, "cosine"));
      if (auto own = plan.overrides.find(name); own != plan.overrides.end())
        os << "  in " << own->second;
      os << "\n";
    }
}

/// By how much channels were evened out before they are bytes.
static void printSmoothing(llvm::raw_ostream &os, const nlohmann::json &precision) {
  for (const nlohmann::json &smoothing : elements(precision, "smoothing")) {
    const auto linears = elements(smoothing, "linears");
    os << "  smoothed with strength " << llvm::formatv("{0:F2}", numberAt(smoothing, "strength")) << ": what "
       << linears.size() << (linears.size() == 1 ? " linear reads" : " linears read") << ", the first "
       << fieldText(linears.empty() ? nlohmann::json() : linears[0], {}) << "; estimated loss to rounding "
       << llvm::formatv("{0:e1}, without {1:e1}\n", numberAt(smoothing, "lost_after"),
                        numberAt(smoothing, "lost_before"));
  }
}

/// What is computed in which precision, and what that does to results.
static void printPrecision(llvm::raw_ostream &os, const nlohmann::json &manifest) {
  const nlohmann::json precision = objectAt(manifest, {"precision"});
  const PrecisionPlan plan = planOf(precision);
  os << "precision: " << fieldText(precision, {"weights"}) << " weights, " << fieldText(precision, {"compute"})
     << " arithmetic; ";
  if (!plan.overrides.empty())
    os << "but " << overridesText(plan) << "; ";
  if (plan.cacheInBytes)
    os << "keys and values kept in int8; ";
  if (plan.linearAttention)
    os << "linear attention in place of softmax; ";
  if (const size_t count = elements(precision, "static_inputs").size())
    os << "inputs of " << count << (count == 1 ? " linear" : " linears")
       << " in static ranges, of others in their own; ";
  printDrift(os, precision, plan);
  printSmoothing(os, precision);
  printMetrics(os, precision);
  printSearch(os, precision);
}

static llvm::Error explain(const std::string &directory, bool json) {
  llvm::Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  const nlohmann::json &manifest = artifact->manifest();
  llvm::raw_ostream &os = llvm::outs();
  if (json) {
    nlohmann::ordered_json object;
    for (const char *field :
         {"name", "model", "fusions", "entries", "precision", "isa_levels", "code_bytes", "tokenizer",
          "unsupported_tokenizer", "weights", "sharing", "unknown_weights", "unused_weights"})
      if (manifest.contains(field))
        object[field] = manifest[field];
    os << jsonText(object);
    return llvm::Error::success();
  }
  os << artifact->name << ": " << fieldText(manifest, {"model", "architecture"}) << ", task " << artifact->task << "\n";
  printFusions(os, manifest);
  for (const nlohmann::json &entry : elements(manifest, "entries"))
    printEntry(os, entry);
  printWeights(os, manifest);
  printSharing(os, manifest);
  os << "code: " << fieldText(manifest, {"code_bytes"}) << " bytes for ";
  llvm::interleaveComma(elements(manifest, "isa_levels"), os,
                        [&](const nlohmann::json &level) { os << fieldText(level, {}); });
  os << "\n";
  printPrecision(os, manifest);
  if (manifest.contains("tokenizer"))
    os << "tokenizer: " << fieldText(manifest, {"tokenizer", "kind"}) << " of "
       << fieldText(manifest, {"tokenizer", "vocabulary"}) << " tokens; texts are cut at "
       << fieldText(manifest, {"tokenizer", "max_length"}) << " (0: never)"
       << (manifest.at("tokenizer").contains("filling_id")
               ? ", shorter ones filled up with token " + fieldText(manifest, {"tokenizer", "filling_id"})
               : "")
       << "\n";
  else if (manifest.contains("unsupported_tokenizer"))
    os << "tokenizer: none that is supported; " << fieldText(manifest, {"unsupported_tokenizer"}) << "\n";
  else
    os << "tokenizer: none; the model directory has no tokenizer files\n";
  const nlohmann::json model = objectAt(manifest, {"model"}), prompts = objectAt(model, {"prompts"});
  for (const auto &[name, text] : prompts.items())
    os << "prompt: " << quote(name) << ", " << quote(fieldText(text, {}))
       << (name == fieldText(model, {"default_prompt"}) ? ", before every text unless another is chosen" : "") << "\n";
  return llvm::Error::success();
}

void addExplain(CLI::App &app, CommandLine &line) {
  struct Flags {
    std::string directory;
    bool json = false;
  };
  CLI::App *verb = app.add_subcommand("explain", "Say how a model was compiled: fusions, kernels, memory, weights");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  verb->add_flag("--json", flags->json, "The same, as JSON");
  verb->callback([flags, &line] { line.action = [flags] { return explain(flags->directory, flags->json); }; });
}

} // namespace lathe
