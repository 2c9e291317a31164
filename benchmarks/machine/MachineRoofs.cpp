// Prints what this machine can do at most: the roofs that `lathe bench` and the kernel benchmarks compare with.
//
//   machine-roofs [THREADS]      with one thread and with THREADS (default: as many as the process may use)
#include "compiler/driver/bench/MachineProbe.h"
#include <cstdio>
#include <cstdlib>
#include <sched.h>

using lathe::MachineRoofs;

static void print(const char *name, std::optional<double> one, std::optional<double> all, const char *unit) {
  auto cell = [](std::optional<double> value) { value ? printf(" %10.1f", *value * 1e-9) : printf(" %10s", "absent"); };
  printf("%-28s", name);
  cell(one);
  cell(all);
  if (one && all)
    printf(" %7.2fx", *all / *one);
  printf("  %s\n", unit);
}

int main(int argc, char **argv) {
  cpu_set_t set;
  int threads = argc > 1 ? std::atoi(argv[1]) : sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
  if (argc > 2 || threads < 1 || threads > 1024) {
    fprintf(stderr, "usage: machine-roofs [THREADS], 1 to 1024\n");
    return 2;
  }
  MachineRoofs one = lathe::probeMachine(1), all = lathe::probeMachine(threads);
  if (!one.fmaF32) {
    fprintf(stderr, "skipped: this CPU, or its operating system, has no AVX-512\n");
    return 0;
  }
  lathe::CacheSizes caches = lathe::readCacheSizes();
  printf("caches: L1 %zu KB, L2 %zu KB, L3 %zu KB shared by %zu threads\n\n", caches.l1 >> 10, caches.l2 >> 10,
         caches.l3 >> 10, caches.l3Threads);
  printf("%-28s %10s %6d threads\n", "", "1 thread", threads);
  print("f32 FMA", one.fmaF32, all.fmaF32, "GFLOP/s");
  print("bf16 dot (vdpbf16ps)", one.dotBf16, all.dotBf16, "GFLOP/s");
  print("int8 dot (vpdpbusd)", one.dotInt8, all.dotInt8, "GOP/s");
  print("bf16 tiles (AMX)", one.amxBf16, all.amxBf16, "GFLOP/s");
  print("int8 tiles (AMX)", one.amxInt8, all.amxInt8, "GOP/s");
  print("reading, L1", one.readL1, all.readL1, "GB/s");
  print("reading, L2", one.readL2, all.readL2, "GB/s");
  print("reading, L3", one.readL3, all.readL3, "GB/s");
  print("reading, memory", one.readMemory, all.readMemory, "GB/s");
  return 0;
}
