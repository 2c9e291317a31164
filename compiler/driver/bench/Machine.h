//===- Machine.h - what lathe bench runs on -----------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_MACHINE_H
#define LATHE_COMPILER_DRIVER_BENCH_MACHINE_H

#include <cstdint>
#include <string>

namespace lathe {

/// Bytes of this process that are in memory.
double residentBytes();
/// CPUs that this process may run on.
int64_t availableThreads();
/// The CPU's name, as the operating system gives it.
std::string cpuName();

} // namespace lathe

#endif
