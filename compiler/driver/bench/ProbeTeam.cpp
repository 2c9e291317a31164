//===- ProbeTeam.cpp - threads that do the same at the same time --------------===//
#include "compiler/driver/bench/ProbeTeam.h"

#include "runtime/core/Memory.h"

#include <algorithm>
#include <sched.h>
#include <sys/mman.h>

namespace lathe {

ProbeTeam::ProbeTeam(int threads) : threads(threads), begins(threads), ends(threads) {
  for (int index = 1; index < threads; ++index)
    others.emplace_back([this, index] {
      for (meet(); body; meet())
        work(index);
    });
}

ProbeTeam::~ProbeTeam() {
  body = nullptr;
  meet(); // the others see that there is nothing more to do
  for (std::thread &other : others)
    other.join();
}

double ProbeTeam::run(const std::function<void(int)> &newBody) {
  body = &newBody;
  meet();
  work(0);
  return std::chrono::duration<double>(*std::max_element(ends.begin(), ends.end()) -
                                       *std::min_element(begins.begin(), begins.end()))
      .count();
}

void ProbeTeam::work(int index) {
  Clock::time_point begin = Clock::now();
  (*body)(index);
  begins[index] = begin;
  ends[index] = Clock::now();
  meet();
}

/// Returns when all are here. They wait awake, so as to start together, and give way only where there are more threads
/// than cores.
void ProbeTeam::meet() {
  unsigned turn = turns.load();
  if (arrived.fetch_add(1) + 1 == threads) {
    arrived.store(0);
    turns.store(turn + 1);
    return;
  }
  for (int spins = 0; turns.load() == turn; ++spins)
    if (spins > 20000)
      sched_yield();
}

static constexpr size_t hugePage = size_t(2) << 20;

ProbeMemory::ProbeMemory(ProbeTeam &team, size_t bytes)
    : mappedBytes(bytes + hugePage), mappings(team.threads), memory(team.threads) {
  team.run([&](int thread) {
    void *mapped =
        mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
    if (mapped == MAP_FAILED)
      return;
    mappings[thread] = mapped;
    size_t beyond = reinterpret_cast<uintptr_t>(mapped) % hugePage;
    memory[thread] = static_cast<uint8_t *>(mapped) + (beyond ? hugePage - beyond : 0);
    preferHugePages(memory[thread], bytes);
    constexpr size_t page = 4096;
    for (size_t offset = 0; offset < bytes; offset += page)
      memory[thread][offset] = 1;
  });
}

ProbeMemory::~ProbeMemory() {
  for (void *mapped : mappings)
    if (mapped)
      munmap(mapped, mappedBytes);
}

bool ProbeMemory::complete() const { return std::find(memory.begin(), memory.end(), nullptr) == memory.end(); }

} // namespace lathe
