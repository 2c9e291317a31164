//===- PlanFile.cpp - precision plans, in files and for people ----------------===//
#include "compiler/driver/PlanFile.h"

#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

std::string readPrecision(JsonFields &fields, StringRef name) {
  std::string precision = fields.getString(name);
  if (!llvm::is_contained(precisionLadder(), precision))
    fields.reject(name, "is " + quote(precision) + "; accepted are " + acceptedPrecisions());
  return precision;
}

void readFields(JsonFields &fields, PrecisionPlan &plan) {
  plan.precision = readPrecision(fields, "default");
  fields.readObject("overrides", [&](JsonFields &units) {
    for (StringRef unit : units.names())
      plan.set(unit, readPrecision(units, unit));
  });
  if (fields.has("cache")) {
    const std::string cache = fields.getString("cache");
    if (cache != "int8")
      fields.reject("cache", "is " + quote(cache) + "; accepted is int8, or none");
    plan.cacheInBytes = true;
  }
  if (fields.has("attention")) {
    const std::string attention = fields.getString("attention");
    if (attention != "linear")
      fields.reject("attention", "is " + quote(attention) + "; accepted is linear, or none");
    plan.linearAttention = true;
  }
  for (StringRef name : fields.names())
    if (!llvm::is_contained({"default", "overrides", "cache", "attention"}, name))
      fields.reject(name, "is no part of a plan; accepted are default, overrides, cache and attention");
}

/// A unit's name without its number, and the number; -1 where it has none.
std::pair<StringRef, int64_t> splitUnit(StringRef unit) {
  auto [kind, number] = unit.rsplit(' ');
  int64_t index;
  return number.getAsInteger(10, index) ? std::pair(unit, int64_t(-1)) : std::pair(kind, index);
}

/// "head", "bert_layer 3 to 5".
std::string unitsText(std::vector<StringRef> units) {
  llvm::sort(units, [](StringRef a, StringRef b) { return splitUnit(a) < splitUnit(b); });
  std::vector<std::string> parts;
  for (size_t begin = 0, end; begin < units.size(); begin = end) {
    const auto [kind, first] = splitUnit(units[begin]);
    for (end = begin + 1; end < units.size() && first >= 0; ++end)
      if (splitUnit(units[end]) != std::pair(kind, first + int64_t(end - begin)))
        break;
    const int64_t last = first + int64_t(end - begin) - 1;
    parts.push_back(last > first ? (units[begin] + " to " + llvm::Twine(last)).str() : units[begin].str());
  }
  return llvm::join(parts, ", ");
}

} // namespace

Expected<PrecisionPlan> readPlan(const std::string &path) {
  Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  PrecisionPlan plan;
  JsonFields fields(*document);
  if (fields.has("build_id")) // a manifest
    fields.readObject("precision", [&](JsonFields &precision) {
      if (!precision.has("plan"))
        precision.reject("plan", "is missing; compile the model again");
      precision.readObject("plan", [&](JsonFields &inside) { readFields(inside, plan); });
    });
  else
    readFields(fields, plan);
  if (Error error = fields.takeError())
    return std::move(error);
  return plan;
}

std::string overridesText(const PrecisionPlan &plan) {
  std::map<std::string, std::vector<StringRef>> units; // by precision
  for (const auto &[unit, precision] : plan.overrides)
    units[precision].push_back(unit);
  std::vector<std::string> parts;
  for (const auto &[precision, names] : units)
    parts.push_back(precision + ": " + unitsText(names));
  return llvm::join(parts, "; ");
}

std::string planText(const PrecisionPlan &plan) {
  std::string text = plan.computesInF32()      ? "f32 throughout"
                     : plan.precision == "f32" ? "f32"
                                               : plan.precision + " products and tables, f32 between them";
  if (!plan.overrides.empty())
    text += "; but " + overridesText(plan);
  if (plan.cacheInBytes)
    text += "; a cache in int8";
  return plan.linearAttention ? text + "; linear attention in place of softmax" : text;
}

} // namespace lathe
