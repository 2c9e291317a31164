//===- Manifest.cpp - what an artifact says of itself -------------------------===//
#include "compiler/driver/Manifest.h"

#include "backends/cpu/LoweredEntry.h"
#include "compiler/driver/Link.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

using namespace mlir;
using Json = nlohmann::ordered_json;

namespace lathe {

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// Adds the products of one function's body, `times` over.
static void addFlops(ModuleOp module, func::FuncOp function, int64_t times, ManifestFacts::Flops &flops) {
  bool entry = function->hasAttr(xf::XfDialect::entryAttr);
  // A packed entry's [rows, width] may be tokens or sequences; those behind a pooling are sequences.
  llvm::DenseSet<Value> sequences;
  for (Operation &op : function.getBody().front()) {
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](xf::LayerOp layer) {
          addFlops(module, module.lookupSymbol<func::FuncOp>(layer.getCallee()), times, flops);
        })
        .Case([&](xf::LayersOp layers) {
          addFlops(module, module.lookupSymbol<func::FuncOp>(layers.getCallee()), times * layers.getWeights().size(),
                   flops);
        })
        .Case([&](xf::LinearOp linear) {
          auto weight = cast<RankedTensorType>(linear.getWeight().getType());
          (sequences.contains(linear.getX()) ? flops.perSequence : flops.perToken) +=
              2 * times * weight.getNumElements();
        })
        .Case([&](xf::AttentionOp attention) {
          flops.perTokenPair += 4 * times * cast<RankedTensorType>(attention.getType()).getShape().back();
        })
        .Case([&](xf::MatmulOp product) { // QK^T and PV each: heads * head_dim multiply-adds for a pair
          auto lhs = cast<RankedTensorType>(product.getLhs().getType()),
               type = cast<RankedTensorType>(product.getType());
          flops.perTokenPair +=
              2 * times * lhs.getDimSize(1) * (product.getTransposed() ? lhs.getDimSize(3) : type.getDimSize(3));
        });
    bool pooled = entry && (isa<xf::FirstTokenOp, xf::PoolOp>(op) ||
                            llvm::any_of(op.getOperands(), [&](Value operand) { return sequences.contains(operand); }));
    if (pooled)
      sequences.insert(op.result_begin(), op.result_end());
  }
}

ManifestFacts::Flops countFlops(ModuleOp graph) {
  ManifestFacts::Flops flops;
  for (auto function : graph.getOps<func::FuncOp>())
    if (function->hasAttr(xf::XfDialect::entryAttr))
      addFlops(graph, function, 1, flops);
  return flops;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static Json toJson(DictionaryAttr formula) {
  Json json = Json::object();
  for (StringRef name : {"fixed", "per_token", "per_sequence", "per_longest", "per_score"}) {
    auto value = formula ? formula.getAs<IntegerAttr>(name) : nullptr;
    json[name.str()] = value ? value.getInt() : 0;
  }
  return json;
}

static Json describeEntry(func::FuncOp function) {
  bool dense = function->hasAttr(xf::XfDialect::denseAttr);
  Json inputs = Json::array(), outputs = Json::array(), steps = Json::array();
  inputs.push_back({{"name", "input_ids"}, {"dtype", "i64 or i32"}, {"shape", "[batch, seq] or [tokens]"}});
  inputs.push_back(
      {{"name", "attention_mask"}, {"dtype", "i64 or i32"}, {"shape", "[batch, seq]"}, {"optional", true}});
  inputs.push_back({{"name", "cu_seqlens"},
                    {"dtype", "i32"},
                    {"shape", "[batch + 1], with input_ids [tokens]"},
                    {"optional", true}});
  for (DictionaryAttr input : listOf(function, xf::XfDialect::inputsAttr)) {
    std::string inputName = textOf(input, xf::XfDialect::inputAttr).str();
    auto limit = input.getAs<IntegerAttr>(xf::XfDialect::limitAttr);
    if (inputName == "input_ids")
      inputs[0]["limit"] = limit.getInt();
    else if (limit)
      inputs.push_back({{"name", inputName},
                        {"dtype", "i64 or i32"},
                        {"shape", "as input_ids"},
                        {"optional", true},
                        {"limit", limit.getInt()}});
  }
  for (DictionaryAttr output : listOf(function, xf::XfDialect::outputsAttr)) {
    int64_t width = output.getAs<IntegerAttr>("width").getInt();
    bool tokens = textOf(output, xf::XfDialect::rowsAttr) == "tokens";
    outputs.push_back({{"name", textOf(output, xf::XfDialect::outputAttr).str()},
                       {"dtype", "f32"},
                       {"shape", std::string(tokens ? "[batch, seq, " : "[batch, ") + std::to_string(width) + "]"},
                       {"width", width}});
  }
  for (DictionaryAttr step : listOf(function, xf::XfDialect::stepsAttr))
    steps.push_back({{"name", textOf(step, "name").str()}, {"kernel", textOf(step, "kernel").str()}});
  Json json = {
      {"name", entryName(function).str()},
      {"form", dense ? "dense" : "packed"},
      {"inputs", inputs},
      {"outputs", outputs},
      {"memory",
       {{"arena_bytes", toJson(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr))},
        {"scratch_bytes_per_thread", toJson(function->getAttrOfType<DictionaryAttr>(xf::XfDialect::scratchAttr))},
        {"counts_rounded_up_to", LATHE_ROW_QUANTUM}}},
      {"steps", steps}};
  if (auto limit = function->getAttrOfType<IntegerAttr>(xf::XfDialect::positionLimitAttr))
    json["position_limit"] = limit.getInt();
  return json;
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
  manifest["precision"] = {{"weights", "f32"}, {"compute", "f32"}, {"drift", "none: f32 as stored"}};
  manifest["isa_levels"] = {"avx512"};
  manifest["abi_version"] = LATHE_ABI_VERSION;
  manifest["minimum_glibc"] = minimumGlibc().str();
  manifest["entries"] = Json::array();
  for (auto function : kernels.getOps<func::FuncOp>())
    if (function->hasAttr(xf::XfDialect::entryAttr))
      manifest["entries"].push_back(describeEntry(function));
  manifest["flops"] = {{"per_token", facts.flops.perToken},
                       {"per_sequence", facts.flops.perSequence},
                       {"per_token_pair", facts.flops.perTokenPair}};
  if (!facts.tokenizerKind.empty())
    manifest["tokenizer"] = {
        {"kind", facts.tokenizerKind}, {"vocabulary", facts.vocabularySize}, {"max_length", facts.maxLength}};
  manifest["weights"] = {{"bytes", facts.weights.header.file_bytes},
                         {"tensors", facts.weights.tensorCount},
                         {"embedded", facts.embedded},
                         {"blake3", llvm::toHex(facts.weights.header.content_hash, /*LowerCase=*/true)}};
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
