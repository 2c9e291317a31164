//===- RoofSampler.cpp - what the machine can do while contenders are timed ---===//
#include "compiler/driver/bench/RoofSampler.h"

#include "compiler/driver/bench/ProbeTeam.h"

#include <algorithm>
#include <iterator>

namespace lathe {

using Clock = std::chrono::steady_clock;

/// The rate at which the team does `amount` per call of body(thread, call) for `seconds`: the sum of what each thread
/// did over the time that it took, so that none waits for a slower one.
static double sustainedRate(ProbeTeam &team, double seconds, double amount,
                            const std::function<void(int, int64_t)> &body) {
  std::vector<double> rates(team.threads);
  team.run([&](int thread) {
    Clock::time_point began = Clock::now();
    double elapsed = 0;
    int64_t calls = 0;
    while (elapsed < seconds) {
      body(thread, calls++);
      elapsed = std::chrono::duration<double>(Clock::now() - began).count();
    }
    rates[thread] = amount * static_cast<double>(calls) / elapsed;
  });
  double sum = 0;
  for (double rate : rates)
    sum += rate;
  return sum;
}

double RoofSample::*sampleOf(Unit unit) {
  switch (unit) {
  case Unit::FmaF32:
    return &RoofSample::fmaF32;
  case Unit::DotBf16:
    return &RoofSample::dotBf16;
  case Unit::DotInt8:
    return &RoofSample::dotInt8;
  case Unit::AmxBf16:
    return &RoofSample::amxBf16;
  case Unit::AmxInt8:
    return &RoofSample::amxInt8;
  }
  return nullptr;
}

RoofSampler::RoofSampler(int threads, const std::vector<Unit> &others) : threads(threads), units{Unit::FmaF32} {
  for (Unit unit : others)
    if (std::find(units.begin(), units.end(), unit) == units.end())
      units.push_back(unit);
  bytesPerThread = chooseBuffers(readCacheSizes(), threads).memory;
  if (!hasUnit(Unit::FmaF32))
    return;
  ProbeTeam team(threads);
  memory = std::make_unique<ProbeMemory>(team, bytesPerThread);
}

RoofSampler::~RoofSampler() = default;

void RoofSampler::take() {
  if (!memory || !memory->complete())
    return;
  constexpr double warmUpSeconds = 0.005, sampleSeconds = 0.04;
  ProbeTeam team(threads);

  constexpr int64_t steps = 20000; // a call lasts so long that to look at the clock is nothing beside it
  RoofSample sample = {};
  for (Unit unit : units) {
    auto compute = [unit](int, int64_t) { runUnit(unit, steps); };
    double operations = steps * operationsPerStep(unit);
    sustainedRate(team, warmUpSeconds, operations, compute); // clocks rise, as in a contender's run that is not timed
    sample.*sampleOf(unit) = sustainedRate(team, sampleSeconds, operations, compute);
  }

  // In parts of which all threads read many in their time: who ends last has the memory for itself for a moment only.
  size_t part = std::min(bytesPerThread, size_t(4) << 20), parts = bytesPerThread / part;
  for (ReadPattern pattern : readPatterns)
    sample.readMemory =
        std::max(sample.readMemory, sustainedRate(team, sampleSeconds / std::size(readPatterns),
                                                  static_cast<double>(part), [&](int thread, int64_t call) {
                                                    readOnce(pattern, (*memory)[thread] + call % parts * part, part);
                                                  }));
  taken.push_back(sample);
}

bool RoofSpread::isWide() const {
  constexpr double tolerance = 0.05;
  return most - least > tolerance * most;
}

RoofSpread spreadOf(const std::vector<RoofSample> &samples, double RoofSample::*roof) {
  std::vector<double> values;
  for (const RoofSample &sample : samples)
    values.push_back(sample.*roof);
  std::sort(values.begin(), values.end());
  return {values.front(), values[(values.size() - 1) / 2], values.back()};
}

} // namespace lathe
