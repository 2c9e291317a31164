// append_cache and paged attention: keys and values that come in pieces, each into its place in a page, and queries
// that see all of them, against a naive softmax over the numbers as they were given.
#include "KernelTest.h"

#include "backends/cpu/kernels/attention/CachePages.h"
#include "ir/xf/Buckets.h"

using namespace lathe;
using namespace lathe::test;

namespace {

constexpr int64_t lanes = 16, tokensOfPage = LATHE_PAGE_TOKENS;

struct Form {
  Words words;
  Target target;
  bool inBytes = false;
  /// What pages that hold bytes add to a kernel's parameters.
  std::string params() const { return inBytes ? ", in_bytes = true" : ""; }
  std::string suffix() const { return words == Words::F32 ? "_f32" : "_bf16"; }
  int64_t elementBytes() const { return words == Words::F32 ? 4 : 2; }
  float factor(double value) const { return words == Words::F32 ? float(value) : fromBf16(toBf16(float(value))); }
  double tolerance() const { return words == Words::F32 ? 4e-6 : 6e-3; }
};
void PrintTo(const Form &form, std::ostream *stream) { *stream << form.suffix() << form.params(); }

class CacheTest : public KernelTest, public testing::WithParamInterface<Form> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam().target); !why.empty())
      GTEST_SKIP() << why;
  }
  const Kernel &appendKernel(int64_t headDim) const { // the same at all levels
    return Kernel::get("append_cache" + GetParam().suffix(),
                       "{head_dim = " + std::to_string(headDim) + GetParam().params() + "}");
  }
  const Kernel &attentionKernel(const std::string &params) const {
    return Kernel::get("attention" + GetParam().suffix(), params, GetParam().target);
  }
};

/// Rows as a kernel reads them. Between rows are NaNs.
class RowsOf {
public:
  RowsOf(const Form &form, Gaussian &random, int64_t count, int64_t width)
      : form(form), width(width), stride(width + 2 - width % 2), numbers(random.vector(count * stride)),
        stored(numbers.size() * form.elementBytes()) {
    for (size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = int64_t(i) % stride < width ? form.factor(numbers[i]) : NAN;
      if (form.words == Words::F32)
        std::memcpy(&stored[i * 4], &numbers[i], 4);
      else
        *reinterpret_cast<uint16_t *>(&stored[i * 2]) = toBf16(numbers[i]);
    }
  }
  const void *row(int64_t index) const { return &stored[size_t(index * stride * form.elementBytes())]; }
  float at(int64_t row, int64_t column) const { return numbers[row * stride + column]; }

  /// The numbers that pages give back.
  RowsOf kept(int64_t headDim) const {
    RowsOf copy = *this;
    for (size_t row = 0; form.inBytes && row < numbers.size(); row += stride)
      for (int64_t head = 0; head < width; head += headDim) {
        float *x = &copy.numbers[row + head], largest = 0;
        for (int64_t c = 0; c < headDim; ++c)
          largest = std::max(largest, std::abs(x[c]));
        for (int64_t c = 0; c < headDim; ++c)
          x[c] = form.factor(std::nearbyint(x[c] * (127 / largest)) * (largest / 127));
      }
    return copy;
  }

  Form form;
  int64_t width, stride;

private:
  std::vector<float> numbers;
  std::vector<uint8_t> stored;
};

/// Sequences that grow: of each, all rows of keys and values that there will be, and pages for them.
struct Texts {
  Texts(const Form &form, Gaussian &random, std::vector<int64_t> lengths, int64_t heads, int64_t headDim)
      : form(form), layout(headDim, form.words, form.inBytes), lengths(lengths), heads(heads), headDim(headDim),
        pageBytes(layer + heads * layout.headBytes() + 64) {
    for (int64_t length : lengths) {
      keys.emplace_back(form, random, length, heads * headDim);
      values.emplace_back(form, random, length, heads * headDim);
      keptKeys.push_back(keys.back().kept(headDim));
      keptValues.push_back(values.back().kept(headDim));
      std::vector<void *> table;
      for (int64_t page = 0; page < (length + tokensOfPage - 1) / tokensOfPage; ++page) {
        pages.push_back(std::make_unique<GuardedBytes>(pageBytes, 64));
        std::memset(pages.back()->data(), 0, pageBytes);
        table.push_back(pages.back()->data());
      }
      table.push_back(nullptr); // a table of no pages has an address, too
      tables.push_back(std::make_unique<std::vector<void *>>(table));
      addresses.push_back(tables.back()->data());
    }
  }
  /// Rows [begin, end) of each sequence, one sequence behind the other.
  std::vector<uint8_t> gathered(const std::vector<RowsOf> &rows, const std::vector<int64_t> &begin,
                                const std::vector<int64_t> &end) const {
    int64_t total = 0, at = 0, bytes = rows[0].stride * form.elementBytes();
    for (size_t s = 0; s < lengths.size(); ++s)
      total += end[s] - begin[s];
    std::vector<uint8_t> all(size_t(std::max<int64_t>(total * bytes, 1)));
    for (size_t s = 0; s < lengths.size(); ++s)
      if (end[s] > begin[s]) {
        std::memcpy(&all[size_t(at)], rows[s].row(begin[s]), size_t((end[s] - begin[s]) * bytes));
        at += (end[s] - begin[s]) * bytes;
      }
    return all;
  }

  static constexpr int64_t layer = 128; ///< where the layer's part begins

  Form form;
  CachePages layout;
  std::vector<int64_t> lengths;
  int64_t heads, headDim, pageBytes;
  std::vector<RowsOf> keys, values, keptKeys, keptValues;
  std::vector<std::unique_ptr<GuardedBytes>> pages;
  std::vector<std::unique_ptr<std::vector<void *>>> tables;
  std::vector<void *> addresses;
};

std::vector<int32_t> startsOf(const std::vector<int64_t> &begin, const std::vector<int64_t> &end) {
  std::vector<int32_t> starts = {0};
  for (size_t s = 0; s < begin.size(); ++s)
    starts.push_back(int32_t(starts.back() + end[s] - begin[s]));
  return starts;
}
std::string dim(int64_t headDim) { return "{head_dim = " + std::to_string(headDim); }

/// Appends rows [begin, end) of every text.
void append(const Kernel &kernel, const Texts &texts, const std::vector<int64_t> &begin,
            const std::vector<int64_t> &end) {
  Guarded<uint8_t> k(texts.gathered(texts.keys, begin, end)), v(texts.gathered(texts.values, begin, end));
  Guarded<int32_t> starts(startsOf(begin, end)), cached(std::vector<int32_t>(begin.begin(), begin.end()));
  Guarded<uint64_t> tables(texts.addresses.size());
  for (size_t s = 0; s < texts.addresses.size(); ++s)
    tables[s] = reinterpret_cast<uint64_t>(texts.addresses[s]);
  kernel.run({k.data(), texts.keys[0].stride, v.data(), texts.values[0].stride, starts.data(), texts.lengths.size(),
              texts.heads, tables.data(), cached.data(), Texts::layer});
}

TEST_P(CacheTest, AppendedRowsLieWhereTheLayoutSays) {
  Gaussian random(1);
  for (int64_t headDim : {1, 5, 20, 64, 100}) {
    Texts texts(GetParam(), random, {60, 0, 17, 3}, 2, headDim);
    const Kernel &kernel = appendKernel(headDim);
    std::vector<int64_t> done(4, 0);
    for (int64_t most : {1, 5, 16, 40}) {
      std::vector<int64_t> end;
      for (size_t s = 0; s < 4; ++s)
        end.push_back(std::min(texts.lengths[s], done[s] + most));
      append(kernel, texts, done, end);
      done = end;
    }
    ASSERT_EQ(done, texts.lengths);
    const int64_t perWord = elementsPerWord(GetParam().words);
    const CachePages &layout = texts.layout;
    auto floatAt = [](const uint8_t *at) {
      float value;
      return std::memcpy(&value, at, 4), value;
    };
    // An element of a line, of which in bytes so many `steps` are one.
    auto number = [&](const uint8_t *line, int64_t element, const uint8_t *step) {
      const uint8_t *at = line + element * (layout.inBytes ? 1 : GetParam().elementBytes());
      if (layout.inBytes)
        return float(int8_t(*at)) * floatAt(step);
      if (GetParam().words == Words::F32)
        return floatAt(at);
      uint16_t half;
      return std::memcpy(&half, at, 2), fromBf16(half);
    };
    for (size_t s = 0; s < 4; ++s)
      for (int64_t token = 0; token < texts.lengths[s]; ++token)
        for (int64_t head = 0; head < 2; ++head)
          for (int64_t c = 0; c < headDim; ++c) {
            const int64_t in = token % tokensOfPage, column = head * headDim + c;
            const uint8_t *part = static_cast<uint8_t *>((*texts.tables[s])[token / tokensOfPage]) + Texts::layer +
                                  head * layout.headBytes();
            const uint8_t *values = part + layout.keyBytes(), *steps = values + layout.valueBytes();
            ASSERT_EQ(number(part + c / perWord * layout.lineBytes(), in * perWord + c % perWord, steps + 4 * in),
                      texts.keptKeys[s].at(token, column));
            const int64_t line = c / lanes * layout.valueLines() + in / perWord;
            ASSERT_EQ(number(values + line * layout.lineBytes(), c % lanes * perWord + in % perWord,
                             steps + 4 * (tokensOfPage + in)),
                      texts.keptValues[s].at(token, column));
          }
    for (const auto &page : texts.pages) {
      EXPECT_TRUE(page->intact());
      EXPECT_EQ(std::count(page->data(), page->data() + Texts::layer, 0), Texts::layer) << "another layer's part";
    }
  }
}

struct Rule {
  int64_t grouped = 1, reach = -1, buckets = 0;
  bool sloped = false, prefixed = false;
  float cap = 0; ///< 0: none
  static constexpr int64_t distance = 128;
  std::string params() const {
    return (buckets ? ", buckets = " + std::to_string(buckets) + ", distance = " + std::to_string(distance) : "") +
           ", causal = true" + (grouped > 1 ? ", grouped = " + std::to_string(grouped) : "") +
           (reach >= 0 ? ", windowed = true" : "") + (sloped ? ", sloped = true" : "") +
           (prefixed ? ", prefixed = true" : "") + (cap ? ", capped = true" : "") + ", paged = true}";
  }
};

/// What goes with a rule: biases [buckets][heads], slopes [heads], and where each text's prefix ends.
struct RuleNumbers {
  Guarded<float> bias, slopes;
  Guarded<int32_t> prefix;
};

/// One query's result, from the numbers themselves.
std::vector<double> expected(const Texts &texts, const RowsOf &queries, size_t s, int64_t query, int64_t head,
                             float scale, const Rule &rule, const RuleNumbers &numbers) {
  const int64_t keyHead = head / rule.grouped, first = rule.reach < 0 ? 0 : std::max<int64_t>(0, query - rule.reach);
  const int64_t last = rule.prefixed ? std::max<int64_t>(query, numbers.prefix[s] - 1) : query;
  std::vector<double> scores, result(texts.headDim, 0.0);
  double largest = -INFINITY, total = 0;
  for (int64_t key = first; key <= last; ++key) {
    double score = 0;
    for (int64_t c = 0; c < texts.headDim; ++c)
      score +=
          double(queries.at(query, head * texts.headDim + c)) * texts.keptKeys[s].at(key, keyHead * texts.headDim + c);
    score *= scale;
    if (rule.cap)
      score = rule.cap * std::tanh(score / rule.cap);
    if (rule.buckets) {
      const int64_t bucket = lathe::xf::twoSidedBucket(key - query, rule.buckets, Rule::distance);
      score += numbers.bias[bucket * texts.heads * rule.grouped + head];
    }
    if (rule.sloped)
      score += double(numbers.slopes[head]) * double(key - query);
    scores.push_back(score);
    largest = std::max(largest, scores.back());
  }
  for (int64_t key = first; key <= last; ++key) {
    const double weight = texts.form.factor(std::exp(scores[key - first] - largest));
    total += weight;
    for (int64_t c = 0; c < texts.headDim; ++c)
      result[c] += weight * texts.keptValues[s].at(key, keyHead * texts.headDim + c);
  }
  for (double &value : result)
    value /= total;
  return result;
}

/// Gives y [queries][heads * head_dim] of the queries [begin, end) of every text, whose keys and values are appended.
void attend(const Kernel &kernel, const Texts &texts, const std::vector<RowsOf> &queries,
            const std::vector<int64_t> &begin, const std::vector<int64_t> &end, const Rule &rule,
            const RuleNumbers &numbers, float scale, Guarded<float> &y, int64_t panelsPerCall) {
  const Guarded<uint8_t> q(texts.gathered(queries, begin, end));
  Guarded<int32_t> bounds(startsOf(begin, end)), cached(std::vector<int32_t>(begin.begin(), begin.end()));
  std::vector<int32_t> places;
  int64_t longest = 0;
  for (size_t s = 0; s < end.size(); ++s) {
    longest = std::max(longest, end[s] - begin[s]);
    for (int64_t place = begin[s]; place < end[s]; ++place)
      places.push_back(int32_t(place));
  }
  Guarded<int32_t> columns(places);
  Guarded<uint64_t> tables(texts.addresses.size());
  for (size_t s = 0; s < texts.addresses.size(); ++s)
    tables[s] = reinterpret_cast<uint64_t>(texts.addresses[s]);
  const int64_t heads = texts.heads * rule.grouped;
  kernel.run({q.data(),
              queries[0].stride,
              tables.data(),
              Texts::layer,
              cached.data(),
              0,
              y.data(),
              heads * texts.headDim,
              bounds.data(),
              texts.lengths.size(),
              heads,
              scale,
              longest,
              nullptr,
              columns.data(),
              numbers.bias.data(),
              rule.reach,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              numbers.prefix.data(),
              numbers.slopes.data(),
              nullptr,
              0,
              nullptr,
              rule.cap,
              0,
              0,
              0,
              0},
             panelsPerCall);
}

TEST_P(CacheTest, QueriesSeeWhatIsCached) {
  Gaussian random(2);
  const int64_t keyHeads = 2;
  for (auto [headDim, rule] : {std::pair<int64_t, Rule>{1, {}},
                               {5, {}},
                               {20, {}},
                               {64, {}},
                               {100, {}},
                               {20, {.grouped = 3}},
                               {20, {.reach = 9}},
                               {20, {.buckets = 32}},
                               {20, {.grouped = 3, .sloped = true}},
                               {20, {.reach = 9, .cap = 0.9f}},
                               {20, {.prefixed = true}},
                               {20, {.reach = 9, .prefixed = true}}}) {
    SCOPED_TRACE(dim(headDim) + rule.params());
    const std::vector<int64_t> lengths = {3, 700, 16, 33, 150};
    Texts texts(GetParam(), random, lengths, keyHeads, headDim);
    const int64_t heads = keyHeads * rule.grouped, width = heads * headDim;
    std::vector<RowsOf> queries;
    for (int64_t length : lengths)
      queries.emplace_back(GetParam(), random, length, width);
    const float scale = 1.5f / std::sqrt(float(headDim));
    // Prefixes end in what the first call appends: of all of it, of a part, of nothing.
    const RuleNumbers numbers = {Guarded<float>(random.vector(rule.buckets * heads, 2)),
                                 Guarded<float>(random.vector(heads, 0.1f)),
                                 Guarded<int32_t>(std::vector<int32_t>{2, 517, 0, 20, 0})};
    std::vector<int64_t> done(lengths.size(), 0);
    // A prompt; one token each; some sequences wait; the rest, more than a block of queries.
    for (const std::vector<int64_t> &added :
         {std::vector<int64_t>{2, 517, 1, 31, 0}, {1, 1, 1, 1, 1}, {0, 7, 0, 1, 0}, {0, 175, 14, 0, 149}}) {
      std::vector<int64_t> end = done;
      for (size_t s = 0; s < end.size(); ++s)
        end[s] += added[s];
      append(appendKernel(headDim), texts, done, end);
      const std::vector<int32_t> starts = startsOf(done, end);
      auto run = [&](Guarded<float> &y, int64_t panelsPerCall) {
        attend(attentionKernel(dim(headDim) + GetParam().params() + rule.params()), texts, queries, done, end, rule,
               numbers, scale, y, panelsPerCall);
      };
      Guarded<float> y(size_t(starts.back() * width)), split(y.size());
      run(y, 0);
      run(split, 1);
      EXPECT_TRUE(sameBits(y, split));
      double worst = 0;
      for (size_t s = 0; s < end.size(); ++s)
        for (int64_t i = 0; i < added[s]; i += added[s] > 40 ? 1 + random.below(23) : 1)
          for (int64_t head = 0; head < heads; ++head) {
            const std::vector<double> wanted = expected(texts, queries[s], s, done[s] + i, head, scale, rule, numbers);
            for (int64_t c = 0; c < headDim; ++c)
              worst = std::max(worst, errorOf(y[(starts[s] + i) * width + head * headDim + c], wanted[c]));
          }
      EXPECT_LE(worst, GetParam().tolerance());
      done = end;
    }
    EXPECT_EQ(done, lengths);
  }
}

// A few queries read keys and values where they lie, many have them brought together.
TEST_P(CacheTest, OneQueryAndManyGiveTheSameBits) {
  Gaussian random(3);
  for (auto [headDim, rule] :
       {std::pair<int64_t, Rule>{1, {}}, {20, {.grouped = 3}}, {20, {.buckets = 32}}, {64, {}}, {100, {}}}) {
    SCOPED_TRACE(dim(headDim) + rule.params());
    Texts texts(GetParam(), random, {530}, 1, headDim);
    const int64_t width = texts.heads * rule.grouped * headDim;
    std::vector<RowsOf> queries = {RowsOf(GetParam(), random, 530, width)};
    const Kernel &kernel = attentionKernel(dim(headDim) + GetParam().params() + rule.params());
    append(appendKernel(headDim), texts, {0}, {530});
    const RuleNumbers numbers = {Guarded<float>(random.vector(rule.buckets * rule.grouped, 2)),
                                 Guarded<float>(random.vector(rule.grouped, 0.1f)),
                                 Guarded<int32_t>(std::vector<int32_t>{0})};
    for (auto [begin, end] : {std::pair<int64_t, int64_t>{0, 40}, {500, 530}}) {
      Guarded<float> together(size_t((end - begin) * width));
      attend(kernel, texts, queries, {begin}, {end}, rule, numbers, 0.3f, together, 0);
      for (int64_t few : {1, 3})
        for (int64_t query = begin; query + few <= end; query += few) {
          Guarded<float> alone(size_t(few * width));
          attend(kernel, texts, queries, {query}, {query + few}, rule, numbers, 0.3f, alone, 0);
          ASSERT_EQ(std::memcmp(&alone[0], &together[(query - begin) * width], alone.size() * sizeof(float)), 0)
              << few << " from " << query;
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, CacheTest,
                         testing::Values(Form{Words::F32, IsaLevel::Avx512}, Form{Words::Bf16Pairs, IsaLevel::Avx512},
                                         Form{Words::Bf16Pairs, IsaLevel::Avx512Bf16},
                                         Form{Words::Bf16Pairs, Target::emulatedAmx()},
                                         Form{Words::Bf16Pairs, IsaLevel::Amx},
                                         Form{Words::F32, IsaLevel::Avx512, true}),
                         [](const auto &info) {
                           return (info.param.words == Words::F32 ? "f32_" : "bf16_") + info.param.target.name() +
                                  (info.param.inBytes ? "_in_bytes" : "");
                         });

} // namespace
