#include "runtime/core/Job.h"

#include "runtime/core/Clock.h"

namespace lathe {
namespace {

uint64_t bounds(uint64_t begin, uint64_t end) { return begin << 32 | end; }
int64_t beginOf(uint64_t left) { return int64_t(left >> 32); }
int64_t endOf(uint64_t left) { return int64_t(left & 0xffffffff); }

} // namespace

Job::Job(lathe_kernel kernel, const uint64_t *args, int64_t panels, int32_t workers, uint8_t *scratch,
         int64_t scratchBytes, const std::atomic<bool> *cancelled, std::atomic<int64_t> *busyNanoseconds)
    : kernel(kernel), args(args), panels(panels), grain((panels >> 32) + 1), workerCount(workers),
      regionCount(workers < mostRegions ? workers : mostRegions), scratch(scratch), scratchBytes(scratchBytes),
      cancelled(cancelled), busyNanoseconds(busyNanoseconds) {
  int64_t grains = (panels - 1) / grain + 1, share = grains / regionCount, larger = grains % regionCount;
  int64_t begin = 0;
  for (int32_t i = 0; i < regionCount; ++i) {
    int64_t end = begin + share + (i < larger ? 1 : 0);
    regions[i].left.store(bounds(uint64_t(begin), uint64_t(end)), std::memory_order_relaxed);
    begin = end;
  }
}

bool Job::take(Region &region, bool own, int64_t &begin, int64_t &end) {
  uint64_t left = region.left.load(std::memory_order_relaxed);
  while (true) {
    int64_t first = beginOf(left), last = endOf(left), count = last - first;
    if (count <= 0)
      return false;
    // A quarter leaves enough for thieves; half of what is left is a thief's fair share.
    int64_t taken = count / (own ? 4 : 2);
    taken = taken ? taken : 1;
    uint64_t rest =
        own ? bounds(uint64_t(first + taken), uint64_t(last)) : bounds(uint64_t(first), uint64_t(last - taken));
    if (!region.left.compare_exchange_weak(left, rest, std::memory_order_relaxed))
      continue;
    begin = (own ? first : last - taken) * grain;
    end = begin + taken * grain;
    end = end < panels ? end : panels;
    return true;
  }
}

void Job::drain(int32_t index) {
  if (!busyNanoseconds)
    return drainRegions(index);
  int64_t entered = now();
  drainRegions(index);
  busyNanoseconds->fetch_add(now() - entered, std::memory_order_relaxed);
}

void Job::drainRegions(int32_t index) {
  for (int32_t i = 0; i < regionCount; ++i) {
    Region &region = regions[(index + i) % regionCount];
    int64_t begin, end;
    while (!cancelled->load(std::memory_order_relaxed) && take(region, i == 0, begin, end))
      kernel(args, begin, end, scratch + index * scratchBytes);
  }
}

} // namespace lathe
