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
  for (Unit unit : allUnits)
    if (samples.front().*sampleOf(unit) > 0)
      roofs.*roofOf(unit) = spreadOf(samples, sampleOf(unit)).median;
  roofs.readMemory = spreadOf(samples, &RoofSample::readMemory).median;
  return roofs;
}

/// Seconds of a run at least. What is bound by arithmetic in a pass over prompts, and by memory in the others, counts
/// for itself.
static std::optional<double> rooflineOf(const Setting &setting, Precision precision) {
  const Roofline roofline = setting.roofline();
  const Work work = setting.workIn(precision);
  if (!setting.written)
    return roofline.ofRun(work, precision);
  const Work prompt = withWeightsIn(precision, setting.written->prompt, setting.precision);
  const Work others = {work.flops - prompt.flops, work.weightBytes - prompt.weightBytes, 0};
  const std::optional<double> ofPrompt = roofline.ofRun(prompt, precision);
  return ofPrompt ? std::optional(*ofPrompt + *roofline.ofRun(others, precision)) : std::nullopt;
}

Rates ratesOf(const Setting &setting, const Row &row) {
  double seconds = row.timing.median;
  Work work = setting.workIn(row.precision);
  Rates rates = {setting.tokens / seconds, work.flops / seconds, work.weightBytes / seconds, {}, {}, {}};
  MachineRoofs roofs = setting.roofs();
  if (std::optional<double> peak = roofs.peak(row.precision))
    rates.ofPeak = rates.flopsPerSecond / *peak;
  if (roofs.readMemory)
    rates.ofBandwidth = rates.weightBytesPerSecond / *roofs.readMemory;
  if (std::optional<double> best = rooflineOf(setting, row.precision))
    rates.ofRoofline = *best / seconds;
  if (row.first)
    rates.stepSeconds = (seconds - row.first->median) / (setting.written->newTokens - 1);
  return rates;
}

static std::string percentText(std::optional<double> fraction) {
  return fraction ? formatv("{0:F0}%", *fraction * 100).str() : "-";
}

/// The units whose peaks lines are compared with, beside that of f32, and the precision of those lines.
static std::vector<std::pair<Unit, Precision>> otherUnits(const MachineRoofs &roofs, ArrayRef<Row> rows) {
  std::vector<std::pair<Unit, Precision>> units;
  for (const Row &row : rows)
    if (std::optional<Unit> unit = roofs.unitFor(row.precision); unit && unit != Unit::FmaF32)
      if (!llvm::is_contained(llvm::make_first_range(units), *unit))
        units.emplace_back(*unit, row.precision);
  return units;
}

/// "578 GFLOP/s f32, 1012 bf16; reads 88.0 GB/s from memory, 254 from L3, 529 from L2"
static std::string roofsText(const MachineRoofs &roofs, ArrayRef<Row> rows) {
  if (!roofs.fmaF32 || !roofs.readMemory)
    return "not measured";
  std::string text = formatv("{0:F0} GFLOP/s f32", *roofs.fmaF32 * 1e-9);
  for (auto [unit, precision] : otherUnits(roofs, rows))
    text += formatv(", {0:F0} {1}", *(roofs.*roofOf(unit)) * 1e-9, nameOf(precision));
  text += formatv(", reads {0:F1} GB/s from memory", *roofs.readMemory * 1e-9);
  if (roofs.readL3)
    text += formatv(", {0:F0} from L3", *roofs.readL3 * 1e-9);
  if (roofs.readL2)
    text += formatv(", {0:F0} from L2", *roofs.readL2 * 1e-9);
  return text;
}

/// How far apart the samples of the machine are, where that is wide.
static void printSpread(llvm::raw_ostream &os, const Setting &setting, ArrayRef<Row> rows) {
  if (setting.samples.empty())
    return;
  RoofSpread read = spreadOf(setting.samples, &RoofSample::readMemory);
  bool wide = read.isWide();
  std::string peaks;
  auto add = [&](Unit unit, llvm::StringRef words) {
    RoofSpread peak = spreadOf(setting.samples, sampleOf(unit));
    wide |= peak.isWide();
    peaks += formatv("{0:F0} to {1:F0} {2}", peak.least * 1e-9, peak.most * 1e-9, words);
  };
  add(Unit::FmaF32, "GFLOP/s");
  for (auto [unit, precision] : otherUnits(setting.probed, rows)) {
    peaks += ", ";
    add(unit, nameOf(precision));
  }
  if (wide)
    os << formatv("  medians: while contenders ran, it gave {0} and {1:F1} to {2:F1} GB/s\n", peaks, read.least * 1e-9,
                  read.most * 1e-9);
}

/// "256 tokens", "128 tokens written for each by 4 beams"
static std::string tokensText(const Setting &setting) {
  if (!setting.written)
    return formatv("{0} tokens", setting.tokens);
  std::string text = formatv("{0} tokens written for each", setting.written->newTokens);
  if (setting.written->beams > 1)
    text += formatv(" by {0} beams", setting.written->beams);
  return text;
}

void print(llvm::raw_ostream &os, const Setting &setting, ArrayRef<Row> rows) {
  os << formatv("{0}, {1}, {2} threads: {3}\n", setting.cpu, setting.isa, setting.threads,
                roofsText(setting.roofs(), rows));
  printSpread(os, setting, rows);
  os << formatv("{0} x {1}, {2}: {3:F2} GFLOP, {4:F1} MB of weights, {5}\n", setting.batch, setting.seq,
                tokensText(setting), setting.work.flops * 1e-9, setting.work.weightBytes * 1e-6,
                nameOf(setting.precision))
     << "                   min ms   median      p99  tokens/s  GFLOP/s   peak   GB/s   roof  load ms    RSS MB  max "
        "diff\n";
  for (const Row &row : rows) {
    Rates rates = ratesOf(setting, row);
    os << formatv("{0,-16} {1,8:F3} {2,8:F3} {3,8:F3} {4,9:F0} {5,8:F1} {6,6} {7,6:F1} {8,6} {9,8:F1} {10,9:F1}{11}\n",
                  row.contender, row.timing.min * 1e3, row.timing.median * 1e3, row.timing.p99 * 1e3,
                  rates.tokensPerSecond, rates.flopsPerSecond * 1e-9, percentText(rates.ofPeak),
                  rates.weightBytesPerSecond * 1e-9, percentText(rates.ofRoofline), row.loadSeconds * 1e3,
                  row.residentBytes * 1e-6, row.maxAbsDiff ? formatv("  {0:e2}", *row.maxAbsDiff).str() : "");
  }
  for (const Row &row : rows)
    if (row.first)
      os << formatv("{0}: the first token after {1:F3} ms, each other after {2:F3} ms more (medians)\n", row.contender,
                    row.first->median * 1e3, *ratesOf(setting, row).stepSeconds * 1e3);
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
    std::optional<double> best = roofline.ofStep(timed.step, setting.weightBytesOfPass());
    llvm::StringRef kernel = timed.step.kernel, name = timed.step.name;
    kernel.consume_front("lathe_");
    name.consume_back(".weight");
    os << formatv("{0,5:F1}% {1,10:F1} {2,8:F1} {3,6} {4,7:F2} {5,6}  {6,-37}  {7}\n", 100 * timed.seconds / total,
                  seconds * 1e6, work.flops / seconds * 1e-9,
                  percentText(best ? std::optional(*best / seconds) : std::nullopt), work.bytes() * 1e-6,
                  percentText(profile.idleShare(timed)), name, kernel);
  }
  os << formatv("threads idle in steps: {0:F1}%; time between steps, in {1} and the clocks: {2:F1}%\n",
                100 * profile.idleShare(), setting.written ? "choosing tokens, filling frames" : "the edge",
                100 * profile.outsideShare());
}

} // namespace lathe
