// What keeps keys and values between runs, and attention that reads them: GPT-2's heads, one new token for each text.
#include "Bench.h"

#include "backends/cpu/kernels/attention/CachePages.h"

namespace lathe::bench {

namespace {
constexpr int64_t heads = 12, headDim = 64, width = heads * headDim;

/// Texts of so many tokens, each with one more to come. Values of one stay one under weights that sum to one.
template <typename T> struct Cached {
  Cached(int64_t batch, int64_t tokens)
      : batch(batch), tokens(tokens), rows(std::vector<T>(as<T>(std::vector<float>(batch * width, 1.0f)))),
        starts(std::vector<int32_t>(batch + 1)), cached(std::vector<int32_t>(batch, int32_t(tokens))), tables(batch) {
    const CachePages layout(headDim, std::is_same_v<T, float> ? Words::F32 : Words::Bf16Pairs);
    for (int64_t s = 0; s < batch; ++s) {
      starts[s + 1] = int32_t(s + 1);
      std::vector<uint64_t> pages;
      for (int64_t page = 0; page <= tokens / LATHE_PAGE_TOKENS; ++page) {
        const int64_t elements = heads * layout.headBytes() / int64_t(sizeof(T));
        memory.emplace_back(as<T>(std::vector<float>(elements, 1.0f)));
        pages.push_back(reinterpret_cast<uint64_t>(&memory.back()[0]));
      }
      pageTables.emplace_back(pages);
      tables[s] = reinterpret_cast<uint64_t>(&pageTables.back()[0]);
    }
  }
  double bytes() const { return 2.0 * batch * tokens * width * sizeof(T); }

  int64_t batch, tokens;
  Array<T> rows;
  Array<int32_t> starts, cached;
  Array<uint64_t> tables;
  std::vector<Array<T>> memory;
  std::vector<Array<uint64_t>> pageTables;
};

constexpr std::pair<int64_t, int64_t> shapes[] = {{1, 160}, {16, 160}, {1, 1000}, {16, 1000}};

template <typename T> void addAppend(const std::string &family) {
  for (auto [batch, tokens] : shapes)
    add(family, "{head_dim = 64}", std::to_string(batch) + "x1/cached:" + std::to_string(tokens),
        [=](Run &run, const Kernel &kernel) {
          Cached<T> texts(batch, tokens);
          Array<T> k(as<T>(std::vector<float>(batch * width, 2.0f)));
          run.warmUp(kernel, std::vector<Arg>{k, width, texts.rows, width, texts.starts, batch, heads, texts.tables,
                                              texts.cached, 0});
          const CachePages layout(headDim, std::is_same_v<T, float> ? Words::F32 : Words::Bf16Pairs);
          const int64_t perWord = 4 / sizeof(T), lane = tokens % LATHE_PAGE_TOKENS;
          const T *page = reinterpret_cast<T *>(texts.pageTables.front()[tokens / LATHE_PAGE_TOKENS]);
          run.time(page[lane * perWord] == k[0] && page[layout.keyWords() * perWord + lane / perWord] == texts.rows[0],
                   {0, 4.0 * batch * width * sizeof(T)});
        });
}
} // namespace

void bench_append_cache_f32() { addAppend<float>("append_cache_f32"); }
void bench_append_cache_bf16() { addAppend<uint16_t>("append_cache_bf16"); }

template <typename T> void addPagedAttention(const std::string &family) {
  for (auto [batch, tokens] : shapes)
    add(family, "{head_dim = 64, causal = true, paged = true}",
        std::to_string(batch) + "x1/cached:" + std::to_string(tokens), [=](Run &run, const Kernel &kernel) {
          Cached<T> texts(batch, tokens);
          Array<int32_t> columns(std::vector<int32_t>(batch, int32_t(tokens)));
          Array<float> y(batch * width);
          run.warmUp(kernel, std::vector<Arg>{texts.rows,
                                              width,
                                              texts.tables,
                                              0,
                                              texts.cached,
                                              0,
                                              y,
                                              width,
                                              texts.starts,
                                              batch,
                                              heads,
                                              0.125f,
                                              1,
                                              0,
                                              columns,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0});
          run.time(holdsAt(batch * width, [&](int64_t i) { return isNear(y[i], 1); }),
                   {4.0 * batch * (tokens + 1) * width, texts.bytes()});
        });
}
template void addPagedAttention<float>(const std::string &family);
template void addPagedAttention<uint16_t>(const std::string &family);

} // namespace lathe::bench
