// The shapes that tests check and benchmarks time: one list, so that nothing is timed that is not checked.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H
#define LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H

#include <cstdint>
#include <iterator>
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

/// Odd shapes: every combination of row and column tails, long rows, then random ones. The same on every machine.
inline std::vector<GemmShape> gemmOddShapes() {
  std::vector<GemmShape> shapes;
  for (int64_t m = 1; m <= 9; ++m)
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65, 96})
      shapes.push_back({m, n, 1 + (7 * m + n) % 40});
  for (int64_t k : {1023, 1024, 1025, 2049, 3100}) // around the blocks in which long rows are summed
    for (int64_t m : {5, 16, 70})
      shapes.push_back({m, 50, k});
  std::minstd_rand random(1);
  auto below = [&](int64_t limit) { return 1 + static_cast<int64_t>(random() % limit); };
  for (int i = 0; i < 120; ++i)
    shapes.push_back({below(300), below(200), below(150)});
  return shapes;
}

/// Those and small random ones, 500 together.
inline std::vector<GemmShape> gemm500Shapes() {
  std::vector<GemmShape> shapes = gemmOddShapes();
  std::minstd_rand random(3);
  auto below = [&](int64_t limit) { return 1 + static_cast<int64_t>(random() % limit); };
  while (shapes.size() < 500)
    shapes.push_back({below(40), below(90), below(90)});
  return shapes;
}

struct AttentionShape {
  int64_t headDim, heads;
  std::vector<int64_t> lengths;
  int64_t grouped = 1;     ///< heads of queries that share one of keys and values
  int64_t ownValueDim = 0; ///< of a head's values; 0: headDim

  int64_t valueDim() const { return ownValueDim ? ownValueDim : headDim; }
};

/// MiniLM and BERT-base: one text, a batch, long texts.
inline const std::vector<AttentionShape> attentionModelShapes = {
    {32, 12, {128}},
    {32, 12, std::vector<int64_t>(8, 128)},
    {64, 12, {128}},
    {64, 12, {512}},
    {64, 12, {2048}},
    {64, 12, {16}},
    {64, 12, std::vector<int64_t>(8, 128)},
    {64, 12, std::vector<int64_t>(8, 512)},
};

/// Lengths around every boundary: vectors, tiles, query blocks and key blocks; empty sequences among them.
inline std::vector<AttentionShape> attentionOddShapes(int64_t headDim, int count) {
  std::vector<AttentionShape> shapes = {{headDim, 1, {1}}, {headDim, 2, {513}}, {headDim, 1, {1100, 0, 3}}};
  const int64_t edges[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 47, 48, 49, 127, 128, 129, 300};
  std::minstd_rand random(static_cast<unsigned>(headDim));
  while (static_cast<int>(shapes.size()) < count) {
    AttentionShape shape = {headDim, 1 + static_cast<int64_t>(random() % 3), {}};
    for (unsigned i = 0, batch = 1 + random() % 3; i < batch; ++i)
      shape.lengths.push_back(edges[random() % std::size(edges)]);
    shapes.push_back(shape);
  }
  return shapes;
}

/// Rows and columns of row-wise kernels.
struct RowShape {
  int64_t rows, width;
};
/// MiniLM, BERT-base and BERT-large.
inline const std::vector<RowShape> rowModelShapes = {{128, 384}, {128, 768}, {16, 1024}, {3, 3072}};

/// Of rows that are looked up: whether an id may be none, and how wide they are.
inline std::vector<std::pair<bool, int64_t>> orZerosAndWidths() {
  std::vector<std::pair<bool, int64_t>> all;
  for (bool orZeros : {false, true})
    for (int64_t width : {1, 2, 3, 15, 16, 17, 100, 131})
      all.emplace_back(orZeros, width);
  return all;
}

/// The models', no rows, and every combination of row and column tails.
inline std::vector<RowShape> rowOddShapes() {
  std::vector<RowShape> shapes = rowModelShapes;
  shapes.push_back({0, 16});
  for (int64_t width : {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 312})
    for (int64_t rows : {1, 7, 8, 9, 23})
      shapes.push_back({rows, width});
  return shapes;
}

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_SHAPES_H
