//===- Machine.cpp - what lathe bench runs on ---------------------------------===//
#include "compiler/driver/bench/Machine.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <sched.h>
#include <unistd.h>

using llvm::StringRef;

namespace lathe {

double residentBytes() {
  auto text = llvm::MemoryBuffer::getFileAsStream("/proc/self/statm");
  uint64_t pages = 0;
  if (text)
    (*text)->getBuffer().split(' ').second.split(' ').first.getAsInteger(10, pages);
  return static_cast<double>(pages) * sysconf(_SC_PAGESIZE);
}

int64_t availableThreads() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::string cpuName() {
  if (auto text = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo"))
    for (StringRef line : llvm::split((*text)->getBuffer(), '\n'))
      if (auto [field, value] = line.split(':'); field.trim() == "model name")
        return value.trim().str();
  return "unknown";
}

} // namespace lathe
