// What keeps keys and values between runs, and attention that reads them: GPT-2's heads, one new token for each text.
#include "Bench.h"

#include "backends/cpu/kernels/attention/CachePages.h"

namespace lathe::bench {

namespace {
constexpr int64_t heads = 12, headDim = 64, width = heads * headDim;

/// Texts of so many tokens, each with one more to come. Values of one stay one under weights that sum to one.
template <typename T> struct Cached {
  Cached(int64_t batch, int64_t tokens, bool inBytes)
      : batch(batch), tokens(tokens),
        layout(headDim, std::is_same_v<T, float> ? Words::F32 : Words::Bf16Pairs, inBytes),
        rows(std::vector<T>(as<T>(std::vector<float>(batch * width, 1.0f)))), starts(std::vector<int32_t>(batch + 1)),
        cached(std::vector<int32_t>(batch, int32_t(tokens))), tables(batch) {
    for (int64_t s = 0; s < batch; ++s) {
      starts[s + 1] = int32_t(s + 1);
      std::vector<uint64_t> pages;
      for (int64_t page = 0; page <= tokens / LATHE_PAGE_TOKENS; ++page) {
        memory.emplace_back(ones());
        pages.push_back(reinterpret_cast<uint64_t>(&memory.back()[0]));
      }
      pageTables.emplace_back(pages);
      tables[s] = reinterpret_cast<uint64_t>(&pageTables.back()[0]);
    }
  }
  int64_t elementBytes() const { return layout.inBytes ? 1 : int64_t(sizeof(T)); }
  double bytes() const { return 2.0 * batch * tokens * width * elementBytes(); }

  int64_t batch, tokens;
  CachePages layout;
  Array<T> rows;
  Array<int32_t> starts, cached;
  Array<uint64_t> tables;
  std::vector<Array<T>> memory;
  std::vector<Array<uint64_t>> pageTables;

private:
  std::vector<T> ones() const {
    std::vector<T> page = as<T>(std::vector<float>(heads * layout.headBytes() / sizeof(T), 1.0f));
    if (!layout.inBytes)
      return page;
    const std::vector<float> steps(2 * CachePages::tokens, 1.0f / 127);
    for (int64_t head = 0; head < heads; ++head) {
      char *part = reinterpret_cast<char *>(page.data()) + head * layout.headBytes();
      const int64_t bytes = layout.keyBytes() + layout.valueBytes();
      std::memset(part, 127, bytes);
      std::memcpy(part + bytes, steps.data(), steps.size() * sizeof(float));
    }
    return page;
  }
};

constexpr std::pair<int64_t, int64_t> shapes[] = {{1, 160}, {16, 160}, {1, 1000}, {16, 1000}};

template <typename T> void addAppend(const std::string &family, bool inBytes) {
  for (auto [batch, tokens] : shapes)
    add(family, inBytes ? "{head_dim = 64, in_bytes = true}" : "{head_dim = 64}",
        std::to_string(batch) + "x1/cached:" + std::to_string(tokens), [=](Run &run, const Kernel &kernel) {
          Cached<T> texts(batch, tokens, inBytes);
          Array<T> k(as<T>(std::vector<float>(batch * width, 2.0f)));
          run.warmUp(kernel, std::vector<Arg>{k, width, texts.rows, width, texts.starts, batch, heads, texts.tables,
                                              texts.cached, 0});
          const CachePages &layout = texts.layout;
          const int64_t perWord = 4 / sizeof(T), lane = tokens % LATHE_PAGE_TOKENS;
          const char *page = reinterpret_cast<char *>(texts.pageTables.front()[tokens / LATHE_PAGE_TOKENS]);
          auto holds = [&](int64_t at, T value, int64_t row) {
            float step;
            T stored;
            std::memcpy(&stored, page + at, sizeof stored);
            std::memcpy(&step, page + layout.keyBytes() + layout.valueBytes() + row * sizeof(float), sizeof step);
            return inBytes ? page[at] == 127 && isNear(step, double(as<T>({1})[0] == value ? 1 : 2) / 127)
                           : stored == value;
          };
          run.time(
              holds(lane * perWord * texts.elementBytes(), k[0], lane) &&
                  holds(layout.keyBytes() + lane / perWord * layout.lineBytes() + lane % perWord * texts.elementBytes(),
                        texts.rows[0], CachePages::tokens + lane),
              {0, 2.0 * batch * width * (sizeof(T) + texts.elementBytes())});
        });
}
} // namespace

void bench_append_cache_f32() {
  for (bool inBytes : {false, true})
    addAppend<float>("append_cache_f32", inBytes);
}
void bench_append_cache_bf16() { addAppend<uint16_t>("append_cache_bf16", false); }

template <typename T> static void addPagedAttention(const std::string &family, bool inBytes) {
  for (auto [batch, tokens] : shapes)
    add(family,
        inBytes ? "{head_dim = 64, in_bytes = true, causal = true, paged = true}"
                : "{head_dim = 64, causal = true, paged = true}",
        std::to_string(batch) + "x1/cached:" + std::to_string(tokens), [=](Run &run, const Kernel &kernel) {
          Cached<T> texts(batch, tokens, inBytes);
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
template <typename T> void addPagedAttention(const std::string &family) {
  addPagedAttention<T>(family, false);
  if (std::is_same_v<T, float>)
    addPagedAttention<T>(family, true);
}
template void addPagedAttention<float>(const std::string &family);
template void addPagedAttention<uint16_t>(const std::string &family);

} // namespace lathe::bench
