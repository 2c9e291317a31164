//===- Roofline.cpp - how fast work can be done at best -----------------------===//
#include "compiler/driver/bench/Roofline.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

namespace lathe {

Roofline::Roofline(const MachineRoofs &roofs, const CacheSizes &caches, int64_t threads) : roofs(roofs) {
  auto add = [&](llvm::StringRef name, double capacity, std::optional<double> rate) {
    if (rate)
      all.push_back({name, capacity, *rate});
  };
  add("L2", double(caches.l2) * threads, roofs.readL2);
  add("L3", double(caches.l3) * llvm::divideCeil(threads, caches.l3Threads), roofs.readL3);
  add("memory", std::numeric_limits<double>::infinity(), roofs.readMemory);
}

const MemoryLevel *Roofline::levelFor(double bytes) const {
  const MemoryLevel *level = llvm::find_if(all, [&](const MemoryLevel &level) { return bytes <= level.capacity; });
  return level == all.end() ? nullptr : level;
}

std::optional<double> Roofline::ofRun(const Work &run, Precision precision) const {
  std::optional<double> flopsPerSecond = peak(precision);
  if (!flopsPerSecond || all.empty() || all.back().name != "memory")
    return std::nullopt;
  return std::max(run.flops / *flopsPerSecond, run.weightBytes / all.back().bytesPerSecond);
}

std::optional<double> Roofline::ofStep(const StepWork &step, double runWeightBytes) const {
  const Work &call = step.work;
  const MemoryLevel *weights = levelFor(runWeightBytes), *activations = levelFor(call.activationBytes);
  std::optional<double> flopsPerSecond = peak(precisionOfKernel(step.kernel));
  if (!flopsPerSecond || !weights || !activations)
    return std::nullopt;
  return std::max({call.flops / *flopsPerSecond, call.weightBytes / weights->bytesPerSecond,
                   call.activationBytes / activations->bytesPerSecond});
}

} // namespace lathe
