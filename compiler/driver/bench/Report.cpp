//===- Report.cpp - what lathe bench found, for people ------------------------===//
#include "compiler/driver/bench/Report.h"

#include "llvm/Support/FormatVariadic.h"

using llvm::ArrayRef;
using llvm::formatv;

namespace lathe {

MachineRoofs Setting::roofs() const {
  MachineRoofs roofs = probed;
  if (samples.empty())
    return roofs;
  roofs.fmaF32 = spreadOf(samples, &RoofSample::fmaF32).median;
  roofs.readMemory = spreadOf(samples, &RoofSample::readMemory).median;
  return roofs;
}

Rates ratesOf(const Setting &setting, const Row &row) {
  double seconds = row.timing.median;
  Rates rates = {
      setting.tokens / seconds, setting.work.flops / seconds, setting.work.weightBytes / seconds, {}, {}, {}};
  MachineRoofs roofs = setting.roofs();
  if (roofs.f32())
    rates.ofPeak = rates.flopsPerSecond / *roofs.f32();
  if (roofs.readMemory)
    rates.ofBandwidth = rates.weightBytesPerSecond / *roofs.readMemory;
  if (std::optional<double> best = setting.roofline().ofRun(setting.work))
    rates.ofRoofline = *best / seconds;
  return rates;
}

static std::string percentText(std::optional<double> fraction) {
  return fraction ? formatv("{0:F0}%", *fraction * 100).str() : "-";
}

/// "578 GFLOP/s f32; reads 88 GB/s (L3 254, L2 529)"
static std::string roofsText(const MachineRoofs &roofs) {
  if (!roofs.f32() || !roofs.readMemory)
    return "not measured";
  std::string text =
      formatv("{0:F0} GFLOP/s f32, reads {1:F1} GB/s from memory", *roofs.f32() * 1e-9, *roofs.readMemory * 1e-9);
  if (roofs.readL3)
    text += formatv(", {0:F0} from L3", *roofs.readL3 * 1e-9);
  if (roofs.readL2)
    text += formatv(", {0:F0} from L2", *roofs.readL2 * 1e-9);
  return text;
}

/// How far apart the samples of the machine are, where that is wide.
static void printSpread(llvm::raw_ostream &os, const std::vector<RoofSample> &samples) {
  if (samples.empty())
    return;
  RoofSpread peak = spreadOf(samples, &RoofSample::fmaF32), read = spreadOf(samples, &RoofSample::readMemory);
  if (peak.isWide() || read.isWide())
    os << formatv("  medians: while contenders ran, it gave {0:F0} to {1:F0} GFLOP/s and {2:F1} to {3:F1} GB/s\n",
                  peak.least * 1e-9, peak.most * 1e-9, read.least * 1e-9, read.most * 1e-9);
}

void print(llvm::raw_ostream &os, const Setting &setting, ArrayRef<Row> rows) {
  os << formatv("{0}, {1}, {2} threads: {3}\n", setting.cpu, setting.isa, setting.threads, roofsText(setting.roofs()));
  printSpread(os, setting.samples);
  os << formatv("{0} x {1}, {2} tokens: {3:F2} GFLOP, {4:F1} MB of weights, f32\n", setting.batch, setting.seq,
                setting.tokens, setting.work.flops * 1e-9, setting.work.weightBytes * 1e-6)
     << "                min ms   median      p99  tokens/s  GFLOP/s   peak   GB/s   roof  load ms    RSS MB  max "
        "diff\n";
  for (const Row &row : rows) {
    Rates rates = ratesOf(setting, row);
    os << formatv("{0,-13} {1,8:F3} {2,8:F3} {3,8:F3} {4,9:F0} {5,8:F1} {6,6} {7,6:F1} {8,6} {9,8:F1} {10,9:F1}{11}\n",
                  row.contender, row.timing.min * 1e3, row.timing.median * 1e3, row.timing.p99 * 1e3,
                  rates.tokensPerSecond, rates.flopsPerSecond * 1e-9, percentText(rates.ofPeak),
                  rates.weightBytesPerSecond * 1e-9, percentText(rates.ofRoofline), row.loadSeconds * 1e3,
                  row.residentBytes * 1e-6, row.maxAbsDiff ? formatv("  {0:e2}", *row.maxAbsDiff).str() : "");
  }
  for (const Row &row : rows.drop_front())
    os << formatv("lathe is {0:F2} times as fast as {1} (medians)\n", row.timing.median / rows.front().timing.median,
                  row.contender);
}

void print(llvm::raw_ostream &os, const Setting &setting, const Profile &profile) {
  Roofline roofline = setting.roofline();
  double total = profile.stepSeconds();
  os << " share    us/call  GFLOP/s   roof      MB   idle  step                                   kernel\n";
  for (const ProfiledStep &timed : profile.steps) {
    const Work &work = timed.step.work;
    double seconds = timed.seconds / timed.calls;
    std::optional<double> best = roofline.ofStep(work, setting.work.weightBytes);
    llvm::StringRef kernel = timed.step.kernel, name = timed.step.name;
    kernel.consume_front("lathe_");
    name.consume_back(".weight");
    os << formatv("{0,5:F1}% {1,10:F1} {2,8:F1} {3,6} {4,7:F2} {5,6}  {6,-37}  {7}\n", 100 * timed.seconds / total,
                  seconds * 1e6, work.flops / seconds * 1e-9,
                  percentText(best ? std::optional(*best / seconds) : std::nullopt), work.bytes() * 1e-6,
                  percentText(profile.idleShare(timed)), name, kernel);
  }
  os << formatv("threads idle in steps: {0:F1}%; time between steps, in the edge and the clocks: {1:F1}%\n",
                100 * profile.idleShare(), 100 * (1 - total / profile.seconds));
}

} // namespace lathe
