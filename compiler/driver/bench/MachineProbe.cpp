//===- MachineProbe.cpp - what this machine can do at most, measured ----------===//
#include "compiler/driver/bench/MachineProbe.h"

#include "compiler/driver/bench/ProbeTeam.h"

#include <algorithm>
#include <chrono>
#include <cpuid.h>
#include <functional>
#include <initializer_list>

namespace lathe {

using Clock = std::chrono::steady_clock;

//===----------------------------------------------------------------------===//
// Roofs
//===----------------------------------------------------------------------===//

std::optional<double> MachineRoofs::*roofOf(Unit unit) {
  switch (unit) {
  case Unit::FmaF32:
    return &MachineRoofs::fmaF32;
  case Unit::DotBf16:
    return &MachineRoofs::dotBf16;
  case Unit::DotInt8:
    return &MachineRoofs::dotInt8;
  case Unit::AmxBf16:
    return &MachineRoofs::amxBf16;
  case Unit::AmxInt8:
    return &MachineRoofs::amxInt8;
  }
  return nullptr;
}

std::optional<Unit> MachineRoofs::unitFor(Precision precision) const {
  auto fastest = [&](std::initializer_list<Unit> units) {
    std::optional<Unit> best;
    for (Unit unit : units)
      if (this->*roofOf(unit) && (!best || this->*roofOf(unit) > this->*roofOf(*best)))
        best = unit;
    return best;
  };
  switch (precision) {
  case Precision::F32:
    return fastest({Unit::FmaF32});
  case Precision::BF16:
    return fastest({Unit::FmaF32, Unit::DotBf16, Unit::AmxBf16});
  case Precision::Int8:
  case Precision::Int4:
    return fastest({Unit::DotInt8, Unit::AmxInt8});
  }
  return std::nullopt;
}

std::optional<double> MachineRoofs::peak(Precision precision) const {
  std::optional<Unit> unit = unitFor(precision);
  return unit ? this->*roofOf(*unit) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

CacheSizes readCacheSizes() {
  CacheSizes sizes;
  uint32_t eax, ebx, ecx, edx;
  // AMD has the same description in a leaf of its own, once it says that it has (TopologyExtensions).
  bool amd = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx >> 22 & 1);
  for (uint32_t index = 0; __get_cpuid_count(amd ? 0x8000001d : 4, index, &eax, &ebx, &ecx, &edx); ++index) {
    uint32_t type = eax & 31, level = eax >> 5 & 7;
    if (type == 0) // no more
      break;
    if (type == 2) // instructions
      continue;
    size_t bytes = size_t((ebx >> 22) + 1) * ((ebx >> 12 & 1023) + 1) * ((ebx & 4095) + 1) * (size_t(ecx) + 1);
    if (level == 1)
      sizes.l1 = bytes;
    else if (level == 2)
      sizes.l2 = bytes;
    else if (level == 3) {
      sizes.l3 = bytes;
      sizes.l3Threads = (eax >> 14 & 4095) + 1;
    }
  }
  return sizes;
}

ProbeBuffers chooseBuffers(const CacheSizes &sizes, int threads) {
  auto whole = [](size_t bytes) { return bytes / readGrain * readGrain; };
  ProbeBuffers buffers = {};
  buffers.l1 = whole(sizes.l1 / 2);
  // Well beyond the level before, since caches that hold no copies of each other's lines hold more than the larger.
  if (size_t bytes = whole(sizes.l2 / 2); bytes > 2 * sizes.l1)
    buffers.l2 = bytes;
  size_t sharing = std::min<size_t>(threads, sizes.l3Threads);
  size_t share = sizes.l3 / sharing;
  if (size_t bytes = whole(std::min(share / 2, 4 * sizes.l2)); bytes >= 2 * sizes.l2)
    buffers.l3 = bytes;
  // All threads' together: four times what all the caches that they may use can hold, within what a machine has.
  size_t caches = sizes.l3 * ((threads + sharing - 1) / sharing);
  size_t all = std::clamp<size_t>(4 * caches, size_t(256) << 20, size_t(2) << 30);
  buffers.memory = std::max(whole(all / threads), 4 * sizes.l2);
  return buffers;
}

namespace {

/// The best rate, over `seconds` and twice at least, at which the team does `amount` per thread and repetition of
/// `body`(thread). So many repetitions make a run that it lasts long beside the threads' meeting, and not long beside
/// the time for which a neighbour leaves the machine alone.
double bestRate(ProbeTeam &team, double seconds, double amount, const std::function<void(int)> &body) {
  constexpr double shortestRun = 1e-3;
  int64_t repetitions = 1;
  auto run = [&] {
    return team.run([&](int thread) {
      for (int64_t repetition = 0; repetition < repetitions; ++repetition)
        body(thread);
    });
  };
  Clock::time_point began = Clock::now();
  double shortest = run();
  while (shortest < shortestRun) {
    repetitions *= 2;
    shortest = run();
  }
  do
    shortest = std::min(shortest, run());
  while (std::chrono::duration<double>(Clock::now() - began).count() < seconds);
  return amount * repetitions * team.threads / shortest;
}

std::optional<double> computeRate(ProbeTeam &team, Unit unit, double seconds) {
  if (!hasUnit(unit))
    return std::nullopt;
  constexpr int64_t steps = 1000;
  return bestRate(team, seconds, steps * operationsPerStep(unit), [unit](int) { runUnit(unit, steps); });
}

/// The best of all ways to read `bytes` of each thread's buffer.
std::optional<double> readRate(ProbeTeam &team, const ProbeMemory &buffers, size_t bytes, double seconds) {
  if (!bytes || !buffers.complete())
    return std::nullopt;
  size_t passes = std::max<size_t>(1, (size_t(1) << 20) / bytes); // the first level's take no longer than a call
  double best = 0;
  for (ReadPattern pattern : readPatterns) {
    auto read = [&](int thread) {
      for (size_t pass = 0; pass < passes; ++pass)
        readOnce(pattern, buffers[thread], bytes);
    };
    best = std::max(best, bestRate(team, seconds / std::size(readPatterns), static_cast<double>(passes * bytes), read));
  }
  return best;
}

} // namespace

MachineRoofs probeMachine(int threads, double seconds) {
  MachineRoofs roofs;
  if (!hasUnit(Unit::FmaF32))
    return roofs;
  ProbeTeam team(threads);
  for (Unit unit : allUnits)
    roofs.*roofOf(unit) = computeRate(team, unit, (unit == Unit::FmaF32 ? 0.3 : 0.08) * seconds);
  ProbeBuffers sizes = chooseBuffers(readCacheSizes(), threads);
  {
    ProbeMemory buffers(team, std::max({sizes.l1, sizes.l2, sizes.l3, readGrain}));
    roofs.readL1 = readRate(team, buffers, sizes.l1, 0.06 * seconds);
    roofs.readL2 = readRate(team, buffers, sizes.l2, 0.08 * seconds);
    roofs.readL3 = readRate(team, buffers, sizes.l3, 0.1 * seconds);
  }
  roofs.readMemory = readRate(team, ProbeMemory(team, sizes.memory), sizes.memory, 0.3 * seconds);
  return roofs;
}

std::optional<double> probeUnit(int threads, Unit unit, double seconds) {
  ProbeTeam team(threads);
  return computeRate(team, unit, seconds);
}

std::optional<double> probeRead(int threads, size_t bytesPerThread, double seconds) {
  if (!hasUnit(Unit::FmaF32))
    return std::nullopt;
  ProbeTeam team(threads);
  size_t bytes = std::max(bytesPerThread / readGrain, size_t(1)) * readGrain;
  return readRate(team, ProbeMemory(team, bytes), bytes, seconds);
}

} // namespace lathe
