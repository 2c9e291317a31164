// The shapes that tests check and benchmarks time: one list, so that nothing is timed that is not checked.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H
#define LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H

#include <cstdint>
#include <random>
#include <vector>

namespace lathe::test {

struct GemmShape {
  int64_t m, n, k;
};

/// Shapes of the models: BERT-base and MiniLM at one text of 128 tokens, a large batch, and few tokens.
inline const std::vector<GemmShape> gemmModelShapes = {
    {128, 768, 768},  {128, 3072, 768}, {128, 768, 3072}, {1024, 768, 768}, {128, 384, 384},
    {128, 1536, 384}, {128, 384, 1536}, {128, 1152, 384}, {1, 768, 768},    {1, 3072, 768},
    {4, 768, 768},    {8, 768, 768},    {16, 768, 768},   {16, 3072, 768},  {16, 768, 3072},
};

/// Odd shapes: every combination of row and column tails, then random ones. The same on every machine.
inline std::vector<GemmShape> gemmOddShapes() {
  std::vector<GemmShape> shapes;
  for (int64_t m = 1; m <= 9; ++m)
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65, 96})
      shapes.push_back({m, n, 1 + (7 * m + n) % 40});
  std::minstd_rand random(1);
  auto below = [&](int64_t limit) { return 1 + static_cast<int64_t>(random() % limit); };
  for (int i = 0; i < 120; ++i)
    shapes.push_back({below(300), below(200), below(150)});
  return shapes;
}

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H
