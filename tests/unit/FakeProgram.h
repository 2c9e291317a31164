// A model in hand-written C++ in the place of generated code: what it computes is simple enough to be predicted
// exactly, and it checks what the runtime promises to generated code. With FakeTokenizer.cpp it makes the runtime
// testable without a compiler.
#ifndef LATHE_TESTS_UNIT_FAKEPROGRAM_H
#define LATHE_TESTS_UNIT_FAKEPROGRAM_H

#include "runtime/core/Model.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace lathe::test {

inline constexpr int64_t vocabulary = 64, tokenTypes = 2, positionLimit = 32, width = 8;
inline constexpr char fakeBuildId[] = "0123456789abcdef0123456789abcdef";
inline constexpr char otherBuildId[] = "fedcba9876543210fedcba9876543210";

/// What a token is worth in component `w`: small integers, so that sums are exact in any order.
inline float tokenValue(int64_t id, int64_t type, int64_t position, int64_t column, int64_t w) {
  return float(id + 1000 * type + 3 * position + 100 * column + w);
}

inline constexpr int64_t heads = 3;
/// What head `head` of the dense entry makes of a query's and a key's values.
inline float pairValue(float query, float key, int64_t head) { return query + 2 * key + float(10000 * head); }

/// The entry "modal" gives back what it was given of each token: the vector that stands there, then the id, the type,
/// the position and 0 or -1.
inline constexpr int64_t vectorWidth = 4;
static_assert(width == vectorWidth + 4);

/// The entry "remembering" gives back of each token its id and type, how many rows it attends to and the column of the
/// first; and of each of these rows, in both layers, what it was given, of tokens id, column, type and layer.
inline constexpr int64_t omittedMemory = 2, keptMemory = 3;

/// Set by generated code when the runtime broke a promise (alignment, private scratch, no empty sequence, MXCSR ...).
extern std::atomic<const char *> brokenPromise;

/// The entry "slow" has this many panels of about this many microseconds each.
inline constexpr int64_t slowPanels = 4000, slowMicroseconds = 500;
/// How many of them have run since a test set this to 0.
inline std::atomic<int64_t> slowPanelsRun = 0;

struct FreeDeleter {
  void operator()(void *memory) const { std::free(memory); }
};

/// A sound weights file of the fake program.
struct WeightsImage {
  std::unique_ptr<uint8_t, FreeDeleter> data;
  size_t bytes;

  lathe_weights_header &header() { return *reinterpret_cast<lathe_weights_header *>(data.get()); }
};
WeightsImage makeWeights();

/// A CPU that has everything, so that tests run on any.
Host capableHost();

/// A model and a context over it, closed at the end.
class FakeModel {
public:
  explicit FakeModel(lathe_context_options options = contextOptions(1));
  ~FakeModel();
  FakeModel(const FakeModel &) = delete;
  FakeModel &operator=(const FakeModel &) = delete;

  static lathe_context_options contextOptions(int threads);

  WeightsImage weights;
  lathe_model *model = nullptr;
  lathe_context *context = nullptr;
};

/// A tensor over a vector's elements.
template <typename T> lathe_dtype dtypeOf();
template <> inline lathe_dtype dtypeOf<float>() { return LATHE_F32; }
template <> inline lathe_dtype dtypeOf<int32_t>() { return LATHE_I32; }
template <> inline lathe_dtype dtypeOf<int64_t>() { return LATHE_I64; }
template <> inline lathe_dtype dtypeOf<uint8_t>() { return LATHE_U8; }

template <typename T> lathe_tensor tensor(const char *name, std::vector<T> &values, const std::vector<int64_t> &shape) {
  lathe_tensor made = {};
  made.name = name;
  made.dtype = dtypeOf<T>();
  made.rank = int32_t(shape.size());
  std::copy(shape.begin(), shape.end(), made.shape);
  made.data = values.data();
  return made;
}

} // namespace lathe::test

#endif
