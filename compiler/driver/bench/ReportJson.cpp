//===- ReportJson.cpp - what lathe bench found, for scripts -------------------===//
//
// Names and nesting are a contract: scripts read them. What is not known is null.
//
//===----------------------------------------------------------------------===//
#include "compiler/driver/bench/Report.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {

static Json orNull(std::optional<double> value, double factor = 1) { return value ? Json(*value * factor) : Json(); }
static Json giga(std::optional<double> value) { return orNull(value, 1e-9); }

static Json machineJson(const Setting &setting) {
  MachineRoofs roofs = setting.roofs();
  Json probes = Json::array();
  for (const RoofSample &sample : setting.samples) {
    Json probe = {{"f32_gflops", giga(sample.fmaF32)}, {"read_gb_per_s", giga(sample.readMemory)}};
    for (Precision precision : {Precision::BF16, Precision::Int8}) // as far as a row needed it
      if (std::optional<Unit> unit = roofs.unitFor(precision); unit && unit != Unit::FmaF32)
        if (double taken = sample.*sampleOf(*unit); taken > 0)
          probe[std::string(nameOf(precision)) + "_gflops"] = giga(taken);
    probes.push_back(probe);
  }
  return {{"cpu", setting.cpu},
          {"isa", setting.isa},
          {"threads", setting.threads},
          {"peak_gflops",
           {{"f32", giga(roofs.peak(Precision::F32))},
            {"bf16", giga(roofs.peak(Precision::BF16))},
            {"int8", giga(roofs.peak(Precision::Int8))}}},
          {"read_gb_per_s", giga(roofs.readMemory)},
          {"cache_gb_per_s", {{"l1", giga(roofs.readL1)}, {"l2", giga(roofs.readL2)}, {"l3", giga(roofs.readL3)}}},
          {"unit_gflops",
           {{"fma_f32", giga(roofs.fmaF32)},
            {"dot_bf16", giga(roofs.dotBf16)},
            {"dot_int8", giga(roofs.dotInt8)},
            {"amx_bf16", giga(roofs.amxBf16)},
            {"amx_int8", giga(roofs.amxInt8)}}},
          {"probes", probes}};
}

static Json rowJson(const Setting &setting, const Row &row) {
  Rates rates = ratesOf(setting, row);
  Json json = {{"contender", row.contender},
               {"batch", setting.batch},
               {"seq", setting.seq},
               {"precision", nameOf(row.precision)},
               {"min_ms", row.timing.min * 1e3},
               {"median_ms", row.timing.median * 1e3},
               {"p99_ms", row.timing.p99 * 1e3},
               {"tokens_per_s", rates.tokensPerSecond},
               {"gflops", rates.flopsPerSecond * 1e-9},
               {"fraction_of_peak", orNull(rates.ofPeak)},
               {"weight_gb_per_s", rates.weightBytesPerSecond * 1e-9},
               {"fraction_of_bandwidth", orNull(rates.ofBandwidth)},
               {"fraction_of_roofline", orNull(rates.ofRoofline)},
               {"rss_mb", row.residentBytes * 1e-6},
               {"load_ms", row.loadSeconds * 1e3},
               {"max_abs_diff", orNull(row.maxAbsDiff)}};
  if (!setting.written)
    return json;
  json["new_tokens"] = setting.written->newTokens;
  json["num_beams"] = setting.written->beams;
  json["first_ms"] = row.first ? row.first->median * 1e3 : row.timing.median * 1e3;
  json["step_ms"] = orNull(rates.stepSeconds, 1e3);
  return json;
}

static Json profileJson(const Setting &setting, const Profile &profile) {
  Roofline roofline = setting.roofline();
  Json steps = Json::array();
  for (const ProfiledStep &timed : profile.steps) {
    const Work &work = timed.step.work;
    double seconds = timed.seconds / timed.calls;
    std::optional<double> best = roofline.ofStep(timed.step, setting.weightBytesOfPass());
    steps.push_back({{"step", timed.step.name},
                     {"kernel", timed.step.kernel},
                     {"calls", timed.calls},
                     {"seconds", timed.seconds},
                     {"share", timed.seconds / profile.stepSeconds()},
                     {"precision", nameOf(precisionOfKernel(timed.step.kernel))},
                     {"gflops", work.flops / seconds * 1e-9},
                     {"fraction_of_roofline", best ? Json(*best / seconds) : Json()},
                     {"weight_bytes", work.weightBytes},
                     {"activation_bytes", work.activationBytes},
                     {"idle_share", profile.idleShare(timed)}});
  }
  return steps;
}

Json toJson(const Setting &setting, ArrayRef<Row> rows, const Profile *profile) {
  Json results = Json::array();
  for (const Row &row : rows)
    results.push_back(rowJson(setting, row));
  Json json = {{"machine", machineJson(setting)}, {"results", results}};
  if (profile) {
    json["profile"] = profileJson(setting, *profile);
    json["profile_total"] = {{"runs", profile->runs},
                             {"seconds", profile->seconds},
                             {"step_seconds", profile->stepSeconds()},
                             {"idle_share", profile->idleShare()},
                             {"outside_share", profile->outsideShare()}};
  }
  return json;
}

} // namespace lathe
