//===- Report.cpp - what lathe bench found, for people and for scripts --------===//
#include "compiler/driver/bench/Report.h"

#include "llvm/Support/FormatVariadic.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using Json = nlohmann::ordered_json;

namespace lathe {

Json toJson(const Setting &setting, ArrayRef<Row> rows, ArrayRef<lathe_profile_step> steps) {
  Json results = Json::array();
  for (const Row &row : rows)
    results.push_back({{"contender", row.contender},
                       {"batch", setting.batch},
                       {"seq", setting.seq},
                       {"precision", "f32"},
                       {"min_ms", row.timing.min * 1e3},
                       {"median_ms", row.timing.median * 1e3},
                       {"p99_ms", row.timing.p99 * 1e3},
                       {"tokens_per_s", setting.tokensPerSecond(row)},
                       {"gflops", setting.gflops(row)},
                       {"rss_mb", row.residentBytes * 1e-6},
                       {"load_ms", row.loadSeconds * 1e3},
                       {"max_abs_diff", row.maxAbsDiff ? Json(*row.maxAbsDiff) : Json(nullptr)}});
  Json json = {{"machine", {{"cpu", setting.cpu}, {"isa", setting.isa}, {"threads", setting.threads}}},
               {"results", results}};
  if (!steps.empty())
    json["profile"] = Json::array();
  for (const lathe_profile_step &step : steps)
    json["profile"].push_back(
        {{"step", step.name}, {"kernel", step.kernel}, {"calls", step.calls}, {"seconds", step.seconds}});
  return json;
}

void print(llvm::raw_ostream &os, const Setting &setting, ArrayRef<Row> rows) {
  os << llvm::formatv("{0}, {1}, {2} threads; {3} x {4}, {5} tokens, {6:F2} GFLOP, f32\n", setting.cpu, setting.isa,
                      setting.threads, setting.batch, setting.seq, setting.tokens, setting.flops * 1e-9)
     << "contender    min ms  median ms    p99 ms    tokens/s   GFLOP/s   load ms    RSS MB   max diff\n";
  for (const Row &row : rows)
    os << llvm::formatv("{0,-9} {1,9:F3}  {2,9:F3} {3,9:F3} {4,11:F0} {5,9:F1} {6,9:F1} {7,9:F0}   {8}\n",
                        row.contender, row.timing.min * 1e3, row.timing.median * 1e3, row.timing.p99 * 1e3,
                        setting.tokensPerSecond(row), setting.gflops(row), row.loadSeconds * 1e3,
                        row.residentBytes * 1e-6, row.maxAbsDiff ? llvm::formatv("{0:e2}", *row.maxAbsDiff).str() : "");
  for (const Row &row : rows.drop_front())
    os << llvm::formatv("lathe is {0:F2} times as fast as {1} (medians)\n",
                        row.timing.median / rows.front().timing.median, row.contender);
}

void print(llvm::raw_ostream &os, ArrayRef<lathe_profile_step> steps) {
  double total = 0;
  for (const lathe_profile_step &step : steps)
    total += step.seconds;
  os << "share     us/call  step                                                kernel\n";
  for (const lathe_profile_step &step : steps)
    os << llvm::formatv("{0,5:F1}% {1,10:F1}  {2,-50}  {3}\n", 100 * step.seconds / total,
                        step.seconds / step.calls * 1e6, step.name, step.kernel);
}

} // namespace lathe
