// Images that tests/goldens/make_image_goldens.py makes, too.
#ifndef LATHE_TESTS_VISION_SEEDEDIMAGE_H
#define LATHE_TESTS_VISION_SEEDEDIMAGE_H

#include <cstdint>
#include <string_view>

namespace lathe::test {

/// Fills u8 [rows, columns, 3].
inline void fillImage(std::string_view kind, uint64_t seed, int64_t rows, int64_t columns, uint8_t *pixels) {
  uint64_t state = seed;
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        uint64_t z = state += 0x9E3779B97F4A7C15; // splitmix64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        *pixels++ = kind == "steps"   ? uint8_t((x / 5 + y / 3 + c) % 2 * 255)
                    : kind == "waves" ? uint8_t(x * 7 + y * 3 + c * 50)
                                      : uint8_t((z ^ (z >> 31)) >> 56);
      }
}

} // namespace lathe::test

#endif
