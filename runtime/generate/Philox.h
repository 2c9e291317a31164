// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1,
// 2, 3" (2011). A number is a function of a key and a counter: there is no state to keep, so what is drawn for a
// sequence cannot depend on what else is drawn.
#ifndef LATHE_RUNTIME_GENERATE_PHILOX_H
#define LATHE_RUNTIME_GENERATE_PHILOX_H

#include <stdint.h>

namespace lathe {

struct PhiloxBlock {
  uint32_t word[4];
};

inline PhiloxBlock philox(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xd2511f53) * counter.word[0], b = uint64_t(0xcd9e8d57) * counter.word[2];
    counter = {{uint32_t(b >> 32) ^ counter.word[1] ^ key0, uint32_t(b), uint32_t(a >> 32) ^ counter.word[3] ^ key1,
                uint32_t(a)}};
    key0 += 0x9e3779b9; // the golden ratio
    key1 += 0xbb67ae85; // the square root of 3
  }
  return counter;
}

} // namespace lathe

#endif
