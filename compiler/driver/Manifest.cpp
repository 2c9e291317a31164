//===- Manifest.cpp - what an artifact says of itself -------------------------===//
#include "compiler/driver/Manifest.h"

#include "backends/cpu/LoweredEntry.h"
#include "backends/cpu/emit/TargetDescription.h"
#include "compiler/driver/Link.h"
#include "ir/xf/TokenAxes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

using namespace mlir;
using Json = nlohmann::ordered_json;

namespace lathe {

static Json toJson(DictionaryAttr formula) {
  Json json = Json::object();
  for (StringRef name : {"fixed", "per_token", "per_sequence", "per_longest", "per_score"}) {
    auto value = formula ? formula.getAs<IntegerAttr>(name) : nullptr;
    json[name.str()] = value ? value.getInt() : 0;
  }
  for (xf::Rows rows : {xf::Rows::Targets, xf::Rows::TargetScores, xf::Rows::CrossScores, xf::Rows::MemoryScores})
    if (auto value = formula ? formula.getAs<IntegerAttr>(xf::bytesPerRowName(rows)) : nullptr)
      json[xf::bytesPerRowName(rows == xf::Rows::MemoryScores ? xf::Rows::CrossScores : rows).str()] = value.getInt();
  return json;
}

/// What the runtime places beside arena and scratch (runtime/api/Run.cpp): which token lies where, inputs, and outputs
/// that the caller does not take, or not in the form in which they are computed. An upper bound: every output counts.
static Json edgeFormula(func::FuncOp function) {
  constexpr int64_t line = 64; // what each array is rounded up to, and begins at a multiple of
  int64_t inputs = function->getAttrOfType<ArrayAttr>(xf::XfDialect::inputsAttr).size(), outputs = 0;
  int64_t perToken = sizeof(int32_t), perSequence = sizeof(int32_t) + sizeof(int64_t); // columns; offsets and rows
  int64_t perScore = 0, perTarget = 0;
  const bool shifts = llvm::any_of(listOf(function, xf::XfDialect::inputsAttr),
                                   [](DictionaryAttr input) { return input.contains(xf::XfDialect::shiftedAttr); });
  if (shifts)
    perToken += sizeof(int32_t);
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr)) {
    const bool ofTargets = xf::axisOfInput(textOf(input, xf::XfDialect::inputAttr)) == xf::Rows::Targets;
    const bool isRow = llvm::is_contained({"input_modal", "pixel_values", "grid_rows", "grid_columns"},
                                          textOf(input, xf::XfDialect::inputAttr)) ||
                       input.contains(xf::XfDialect::memoryRowsAttr);
    auto width = isRow ? input.getAs<IntegerAttr>(xf::XfDialect::limitAttr) : nullptr;
    (ofTargets ? perTarget : perToken) += (width ? width.getInt() : 1) * sizeof(int32_t); // as wide as f32
    if (ofTargets)
      perSequence += sizeof(int32_t);
  }
  if (perTarget) { // columns; offsets
    perTarget += sizeof(int32_t);
    perSequence += sizeof(int32_t);
  }
  for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr)) {
    int64_t bytes = output.getAs<IntegerAttr>("width").getInt() * sizeof(float);
    StringRef rows = textOf(output, xf::XfDialect::rowsAttr);
    (rows == "tokens"           ? perToken
     : rows == "targets"        ? perTarget
     : rows.ends_with("scores") ? perScore
                                : perSequence) += bytes;
    ++outputs;
  }
  // Offsets, and inputs that may be offsets too, have an element more than there are rows; pointers to all.
  int64_t fixed = line + inputs * line + llvm::alignTo(inputs * sizeof(void *), line) +
                  llvm::alignTo(outputs * sizeof(void *), line);
  if (perTarget)
    fixed += 4 * line;
  Json json = {{"fixed", fixed},
               {"per_token", perToken},
               {"per_sequence", perSequence},
               {"per_longest", 0},
               {"per_score", perScore}};
  if (perTarget)
    json["per_target"] = perTarget;
  return json;
}

/// The terms that are not 0.
static Json toJson(const xf::WorkFormula &formula) {
  Json json = Json::object();
  for (auto [name, value] : llvm::zip_equal(xf::WorkFormula::names, formula.terms))
    if (value)
      json[name.str()] = value;
  return json;
}

/// What the steps of an entry do together in a run.
static Json sum(ArrayRef<LoweredStep> steps, xf::WorkFormula LoweredStep::*amount) {
  xf::WorkFormula all;
  for (const LoweredStep &step : steps)
    all += step.*amount * step.calls;
  return toJson(all);
}

static Json describeSteps(ArrayRef<LoweredStep> steps) {
  Json json = Json::array();
  for (const LoweredStep &step : steps)
    json.push_back({{"name", step.name.str()},
                    {"kernel", step.kernel.str()},
                    {"calls", step.calls},
                    {"flops", toJson(step.flops)},
                    {"weight_bytes", toJson(step.weightBytes)},
                    {"activation_bytes", toJson(step.activationBytes)}});
  return json;
}

/// What the entries do that `generate`, `decode` and `encode` run: one on the tokens of a step, one on those rows of
/// its result of which logits are wanted, another one where only the greatest of these is, and an encoder on what it is
/// to read, with whose rows `decode` has cross pairs. Not counted is what the cache brings to attention, and takes from
/// it, in bytes.
static Json describeDecoder(ModuleOp kernels) {
  Json json = Json::object();
  for (const char *purpose : {"decode", "logits", "best", "source"})
    if (func::FuncOp function = xf::findDerivedEntry(kernels, purpose)) {
      std::vector<LoweredStep> lowered = stepsOf(function);
      json[purpose] = {{"flops", sum(lowered, &LoweredStep::flops)},
                       {"weight_bytes", sum(lowered, &LoweredStep::weightBytes)},
                       {"steps", describeSteps(lowered)}};
    }
  return json;
}

static Json describeEntry(func::FuncOp function) {
  bool dense = function->hasAttr(xf::XfDialect::denseAttr);
  Json inputs = Json::array(), outputs = Json::array();
  const bool choices = function->hasAttr(xf::XfDialect::choicesAttr);
  const char *padded = choices ? "[batch, choices, seq]" : "[batch, seq]";
  const xf::ImageAttr image = imageOf(function);
  if (image) {
    inputs.push_back({{"name", "pixel_values"},
                      {"dtype", "f32"},
                      {"shape", "[batch, " + std::to_string(image.getChannels()) + ", height, width]"},
                      {"sizes", image.getResize() == xf::Resize::None ? "this one" : "any"},
                      {"channels", image.getChannels()},
                      {"height", image.getHeight()},
                      {"width", image.getWidth()},
                      {"tokens", image.tokens()}});
    if (frontEndOf(function))
      inputs.push_back({{"name", "images"},
                        {"dtype", "u8"},
                        {"shape", "[height, width, 3] or [batch, height, width, 3], instead of pixel_values"},
                        {"optional", true}});
  } else {
    inputs.push_back(
        {{"name", "input_ids"}, {"dtype", "i64 or i32"}, {"shape", choices ? padded : "[batch, seq] or [tokens]"}});
    inputs.push_back({{"name", "attention_mask"}, {"dtype", "i64 or i32"}, {"shape", padded}, {"optional", true}});
  }
  if (!choices && !image)
    inputs.push_back({{"name", "cu_seqlens"},
                      {"dtype", "i32"},
                      {"shape", "[batch + 1], with input_ids [tokens]"},
                      {"optional", true}});
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr)) {
    std::string inputName = textOf(input, xf::XfDialect::inputAttr).str();
    auto limit = input.getAs<IntegerAttr>(xf::XfDialect::limitAttr);
    if (inputName == "input_ids")
      inputs[0]["limit"] = limit.getInt();
    if (inputName == "decoder_input_ids") {
      inputs.push_back({{"name", inputName},
                        {"dtype", "i64 or i32"},
                        {"shape", "[batch, target_seq] or [targets]"},
                        {"optional", input.contains(xf::XfDialect::shiftedAttr)},
                        {"limit", limit.getInt()}});
      inputs.push_back({{"name", "decoder_attention_mask"},
                        {"dtype", "i64 or i32"},
                        {"shape", "[batch, target_seq]"},
                        {"optional", true}});
      inputs.push_back({{"name", "decoder_cu_seqlens"},
                        {"dtype", "i32"},
                        {"shape", "[batch + 1], with decoder_input_ids [targets]"},
                        {"optional", true}});
    }
    if (isOffered(inputName))
      inputs.push_back({{"name", inputName},
                        {"dtype", "i64 or i32"},
                        {"shape", "as input_ids"},
                        {"optional", true},
                        {"limit", limit.getInt()}});
    if (StringRef name = offeredOfSequences(inputName); !name.empty())
      inputs.push_back({{"name", name.str()},
                        {"dtype", "i64 or i32"},
                        {"shape", choices ? "[batch, choices]" : "[batch]"},
                        {"optional", true}});
    if (input.contains(xf::XfDialect::memoryRowsAttr))
      inputs.push_back({{"name", inputName},
                        {"dtype", "f32"},
                        {"shape", "[length, batch, " + std::to_string(limit.getInt()) + "]"},
                        {"optional", true}});
    if (auto shape = input.getAs<DenseI64ArrayAttr>(xf::XfDialect::shapeAttr))
      inputs.push_back({{"name", inputName},
                        {"dtype", "f32"},
                        {"shape", "[" +
                                      llvm::join(llvm::map_range(shape.asArrayRef(),
                                                                 [](int64_t extent) { return std::to_string(extent); }),
                                                 ", ") +
                                      "]"},
                        {"optional", true}});
    if (inputName != "input_modal")
      continue;
    inputs.push_back({{"name", inputName},
                      {"dtype", "f32"},
                      {"shape", "[batch, vectors, " + std::to_string(limit.getInt()) + "]"},
                      {"width", limit.getInt()}});
    for (const auto &[name, rank] : besideModal)
      inputs.push_back({{"name", name.str()},
                        {"dtype", "i64 or i32"},
                        {"shape", rank == 1 ? "[batch]" : "[batch, lead]"},
                        {"optional", true}});
  }
  for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr)) {
    int64_t width = output.getAs<IntegerAttr>("width").getInt();
    StringRef rows = textOf(output, xf::XfDialect::rowsAttr);
    std::string shape = output.contains(xf::XfDialect::byChoiceAttr) ? "[batch, choices" : "[batch";
    if (rows == "tokens" || rows == "targets")
      shape += rows == "tokens" ? ", seq" : ", target_seq";
    if (output.contains(xf::XfDialect::keptRowsAttr))
      shape = "[length, batch";
    if (!output.contains(xf::XfDialect::squeezedAttr))
      shape += ", " + std::to_string(width) + (rows.ends_with("scores") ? ", seq, seq" : "");
    outputs.push_back({{"name", textOf(output, xf::XfDialect::outputAttr).str()},
                       {"dtype", "f32"},
                       {"shape", shape + "]"},
                       {"width", width}});
  }
  std::vector<LoweredStep> lowered = stepsOf(function);
  Json json = {
      {"name", entryName(function).str()},
      {"form", dense ? "dense" : "packed"},
      {"inputs", inputs},
      {"outputs", outputs},
      {"memory",
       {{"arena_bytes", toJson(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr))},
        {"scratch_bytes_per_thread", toJson(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr))},
        {"edge_bytes", edgeFormula(function)},
        {"counts_rounded_up_to", LATHE_ROW_QUANTUM},
        {"bytes_rounded_up_to", 64}}},
      {"flops", sum(lowered, &LoweredStep::flops)},
      {"weight_bytes", sum(lowered, &LoweredStep::weightBytes)},
      {"steps", describeSteps(lowered)}};
  if (auto limit = function->getAttrOfType<IntegerAttr>(xf::XfDialect::positionLimitAttr))
    json["position_limit"] = limit.getInt();
  if (choices)
    json["choices"] = true;
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr))
    if (textOf(input, xf::XfDialect::inputAttr) == "except_last") // what a padded batch is to have where no token is
      json["padding_id"] = input.getAs<IntegerAttr>(xf::XfDialect::paddingIdAttr).getInt();
    else if (textOf(input, xf::XfDialect::inputAttr) == "except_first") // likewise, lest it end the text
      json["padding_id"] = input.getAs<IntegerAttr>(xf::XfDialect::paddingIdAttr).getInt() ? 0 : 1;
    else if (textOf(input, xf::XfDialect::inputAttr) == "decoder_except_end") // what every text is to end with
      json["end_id"] = input.getAs<IntegerAttr>(xf::XfDialect::paddingIdAttr).getInt();
  return json;
}

/// The entry that runs those which a model compares: it takes what they take, and gives what they give and how alike
/// that is. It has no code of its own.
static Json describeSimilarity(ModuleOp kernels) {
  const xf::SimilarityAttr similarity = xf::similarityOf(kernels);
  Json json = {{"name", xf::similarityEntry.str()},
               {"form", "both"},
               {"runs", Json::array()},
               {"inputs", Json::array()},
               {"outputs", Json::array()},
               {"steps", Json::array()},
               {"scale", similarity.getScale().getValueAsDouble()},
               {"bias", similarity.getBias().getValueAsDouble()}};
  for (auto [name, shape] : {std::pair("logits_per_image", "[images, texts]"), {"logits_per_text", "[texts, images]"}})
    json["outputs"].push_back({{"name", name}, {"dtype", "f32"}, {"shape", shape}});
  for (func::FuncOp compared : comparedEntries(kernels)) {
    const Json entry = describeEntry(compared);
    json["runs"].push_back(entry.at("name"));
    for (const char *list : {"inputs", "outputs"})
      for (const Json &one : entry.at(list))
        json[list].push_back(one);
    for (const char *ofTexts : {"position_limit", "padding_id"})
      if (entry.contains(ofTexts))
        json[ofTexts] = entry.at(ofTexts);
  }
  return json;
}

static Json toJson(const WeightSharing &sharing) {
  Json tensors = Json::array(), equal = Json::array();
  for (const SharedTensor &tensor : sharing.tensors)
    tensors.push_back({{"sources", tensor.sources}, {"uses", tensor.uses}, {"bytes", tensor.bytes}});
  for (const auto &[name, other] : sharing.equal)
    equal.push_back({{"name", name}, {"equals", other}});
  return {{"bytes_saved", sharing.bytesSaved}, {"tensors", tensors}, {"equal", equal}};
}

static Json toJson(const Distance &distance) {
  return {
      {"max", distance.largest}, {"relative", distance.relative}, {"mean", distance.mean}, {"cosine", distance.cosine}};
}

/// The certificate: distances from f32 on named inputs.
static Json driftOf(const ManifestFacts &facts) {
  if (facts.plan == PrecisionPlan())
    return "none: f32 as stored";
  if (!facts.drift)
    return "not measured";
  const DriftReport &report = *facts.drift;
  Json drift = {{"relative", report.drift()},
                {"inputs",
                 {{"what", report.inputs},
                  {"sequences", report.sequences},
                  {"tokens", report.tokens},
                  {"blake3", report.inputsHash}}},
                {"isa_level", "avx512"}};
  for (const auto &[key, lines] : {std::pair("outputs", &report.outputs), {"layers", &report.layers}}) {
    drift[key] = Json::array();
    for (const DriftReport::Line &line : *lines) {
      Json described = toJson(line.distance);
      described["name"] = line.name;
      drift[key].push_back(described);
    }
  }
  return drift;
}

static Json toJson(const PrecisionPlan &plan) {
  Json json = {{"default", plan.precision}, {"overrides", plan.overrides}};
  if (plan.cacheInBytes)
    json["cache"] = "int8";
  if (plan.linearAttention)
    json["attention"] = "linear";
  return json;
}

/// What --max-drift found on its way.
static Json toJson(const SearchReport &search, ArrayRef<uint64_t> bytes) {
  Json measured = Json::array(), sensitivities = Json::array();
  for (const auto &[one, weights] : llvm::zip_equal(search.measured, bytes))
    measured.push_back({{"plan", toJson(one.plan)}, {"relative", one.drift}, {"weights_bytes", weights}});
  for (const SearchReport::Sensitivity &one : search.sensitivities)
    sensitivities.push_back({{"parts", one.units}, {"relative", one.drift}});
  return {{"max_drift", search.bound}, {"measured", measured}, {"sensitivities", sensitivities}};
}

static Json toJson(const TaskMetric &metric) {
  return {{"task", metric.task},
          {"metric", metric.name},
          {"data", {{"what", metric.data}, {"samples", metric.samples}, {"blake3", metric.hash}}},
          {"f32", metric.inF32},
          {"compiled", metric.compiled},
          {"isa_level", "avx512"}};
}

static void describeSentence(const SentenceTransformer &sentence, Json &model) {
  model["pooling"] = model["modules"] = Json::array();
  for (PoolingMode mode : sentence.poolings)
    model["pooling"].push_back(poolingName(mode).str());
  for (const SentenceModule &module : sentence.modules)
    model["modules"].push_back(module.name().str());
  if (!sentence.poolsPrompts)
    model["pools_prompts"] = false;
  for (const Prompt &prompt : sentence.prompts) {
    model["prompts"][prompt.name] = prompt.text;
    if (prompt.isDefault)
      model["default_prompt"] = prompt.name;
  }
}

std::string writeManifest(ModuleOp kernels, const ManifestFacts &facts) {
  Json manifest;
  manifest["lathe_version"] = latheVersion.str();
  manifest["name"] = facts.name;
  manifest["build_id"] = facts.buildId;
  manifest["model"] = {{"model_type", facts.modelType},
                       {"architecture", facts.architecture},
                       {"task", facts.task},
                       {"parameters", facts.parameters}};
  if (const xf::SimilarityAttr similarity = xf::similarityOf(kernels))
    manifest["model"]["similarity"] = xf::stringifyFit(similarity.getFit()).str();
  if (facts.sentence)
    describeSentence(*facts.sentence, manifest["model"]);
  if (facts.features)
    manifest["model"]["features"] = featuresName(*facts.features).str();
  if (facts.score)
    manifest["model"]["score"] = scoreActivationName(*facts.score).str();
  if (!facts.labels.names.empty()) {
    manifest["model"]["labels"] = facts.labels.names;
    if (!facts.labels.problem.empty())
      manifest["model"]["problem_type"] = facts.labels.problem;
  }
  const bool inInt4 = facts.plan.precision == "int4"; // whose weights are multiplied as bytes
  manifest["precision"] = {{"weights", facts.plan.precision},
                           {"compute", inInt4 ? "int8" : facts.plan.precision},
                           {"drift", driftOf(facts)}};
  if (inInt4)
    manifest["precision"]["group_size"] = facts.group;
  manifest["precision"]["plan"] = toJson(facts.plan);
  if (!facts.staticInputs.empty())
    manifest["precision"]["static_inputs"] = facts.staticInputs;
  for (const Smoothing &smoothing : facts.smoothing)
    manifest["precision"]["smoothing"].push_back({{"linears", smoothing.linears},
                                                  {"strength", smoothing.strength},
                                                  {"lost_before", smoothing.before},
                                                  {"lost_after", smoothing.after}});
  if (facts.search)
    manifest["precision"]["search"] = toJson(*facts.search, facts.searchedBytes);
  if (facts.metric)
    manifest["precision"]["metrics"] = Json::array({toJson(*facts.metric)});
  manifest["isa_levels"] = Json::array();
  for (IsaLevel level : facts.levels)
    manifest["isa_levels"].push_back(describe(level).name.str());
  manifest["abi_version"] = LATHE_ABI_VERSION;
  manifest["minimum_glibc"] = minimumGlibc().str();
  manifest["entries"] = Json::array();
  if (xf::similarityOf(kernels))
    manifest["entries"].push_back(describeSimilarity(kernels));
  for (func::FuncOp function : publicEntries(kernels))
    manifest["entries"].push_back(describeEntry(function));
  if (func::FuncOp decode = xf::findDerivedEntry(kernels, "decode"))
    manifest["generation"] = {
        {"cache",
         {{"page_tokens", LATHE_PAGE_TOKENS},
          {"page_bytes", decode->getAttrOfType<IntegerAttr>(xf::XfDialect::pageBytesAttr).getInt()}}},
        {"decoder", describeDecoder(kernels)}};
  if (func::FuncOp source =
          xf::findDerivedEntry(kernels, "source")) // what a text's tokens take for the decoder to read
    manifest["generation"]["cache"]["source_page_bytes"] =
        source->getAttrOfType<IntegerAttr>(xf::XfDialect::pageBytesAttr).getInt();
  if (manifest.contains("generation") && !facts.unsupportedGeneration.empty())
    manifest["generation"]["unsupported"] = facts.unsupportedGeneration;
  if (!facts.noTokenizer.empty())
    manifest["unsupported_tokenizer"] = facts.noTokenizer;
  if (!facts.tokenizerKind.empty())
    manifest["tokenizer"] = {
        {"kind", facts.tokenizerKind}, {"vocabulary", facts.vocabularySize}, {"max_length", facts.maxLength}};
  if (facts.fillingId)
    manifest["tokenizer"]["filling_id"] = *facts.fillingId;
  manifest["weights"] = {{"bytes", facts.weights.header.file_bytes},
                         {"tensors", facts.weights.tensorCount},
                         {"embedded", facts.embedded},
                         {"blake3", llvm::toHex(facts.weights.header.content_hash, /*LowerCase=*/true)}};
  manifest["sharing"] = toJson(facts.sharing);
  manifest["code_bytes"] = facts.codeBytes;
  Json fusions = Json::array();
  for (const FusionRecord &record : facts.fusions) {
    Json fusion = {{"pass", record.pass}, {"where", record.where}, {"what", record.what}, {"made", record.made}};
    if (!record.made)
      fusion["reason"] = record.reason;
    fusions.push_back(fusion);
  }
  manifest["fusions"] = fusions;
  manifest["unknown_weights"] = facts.unknownWeights;
  manifest["unused_weights"] = facts.unusedWeights;
  Json files = Json::array();
  for (const ManifestFacts::File &file : facts.files)
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"blake3", file.hash}});
  manifest["files"] = files;
  return manifest.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

} // namespace lathe
