// attention_f32 and attention_bf16, at every level that has code of its own for them, against a naive softmax.
#include "KernelTest.h"

#include "ir/xf/Buckets.h"
#include "runtime/core/Cpu.h"

using namespace lathe;
using namespace lathe::test;

namespace {

/// A family at a level.
struct Form {
  std::string family;
  Target target;
  bool isF32() const { return family == "attention_f32"; }
  /// A number as it is multiplied.
  float factor(double value) const { return isF32() ? float(value) : fromBf16(toBf16(float(value))); }
  /// A distance of rows that the kernel takes, of at least so many elements.
  int64_t stride(int64_t elements) const { return isF32() ? elements : alignTo(elements, 2); }
  /// Relative to max(1, |expected|). A score's rounding errors grow as the root of how many products it sums up. An
  /// exponential that is rounded otherwise, near a tie, is 2^-8 of itself away.
  double tolerance(int64_t headDim) const {
    return isF32() ? 4e-6 * std::max(1.0, std::sqrt(double(headDim) / 128)) : 6e-3;
  }
  const Kernel &kernel(const std::string &params) const { return Kernel::get(family, params, target); }
};

/// What scores get by distance, if anything: see Distances.h.
struct ByDistance {
  int64_t buckets = 0, distance = 0, reach = -1;
  /// The reach counts blocks of so many columns.
  int64_t block = 1;
  /// Terms of queries and keys, for distances up to this many to each side.
  int64_t furthest = 0;
  bool queryTerms = false, keyTerms = false, causal = false, prefixed = false, sloped = false, paired = false;
  /// Of so many tokens one is marked, 0: none, as a global key or, without a window, as a query that is chosen.
  int64_t marked = 0;
  /// Not by distance, but scores have it, too: 0 for none.
  float cap = 0;

  std::string params() const {
    std::string text;
    if (buckets)
      text = ", buckets = " + std::to_string(buckets) + ", distance = " + std::to_string(distance);
    return text + (reach >= 0 ? ", windowed = true" : "") + (queryTerms ? ", query_terms = true" : "") +
           (keyTerms ? ", key_terms = true" : "") + (causal ? ", causal = true" : "") +
           (prefixed ? ", prefixed = true" : "") + (sloped ? ", sloped = true" : "") +
           (paired ? ", paired = true" : "") + (hasGlobals() ? ", globals = true" : "") +
           (block > 1 ? ", block = " + std::to_string(block) : "") + (cap ? ", capped = true" : "") +
           (choosesQueries() ? ", chosen = true" : "");
  }
  bool hasGlobals() const { return marked && reach >= 0; }
  bool choosesQueries() const { return marked && reach < 0; }
  /// The kernel's, in columns.
  int64_t reachSlot() const { return (reach + 1) * block - 1; }
  /// Whether the query in one column sees a key in another, which is perhaps in its sequence's prefix.
  bool sees(int64_t query, int64_t key, bool inPrefix) const {
    if (causal && key > query)
      return inPrefix;
    return reach < 0 || std::abs(key / block - query / block) <= reach;
  }
};

class AttentionTest : public KernelTest, public testing::WithParamInterface<Form> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam().target); !why.empty())
      GTEST_SKIP() << why;
  }
  void expectSameBitsAlone(const ByDistance &rule);
};

/// Queries, keys or values: their numbers, and how the kernel has them. Between rows are NaNs.
class Factors {
public:
  Factors(const Form &form, std::vector<float> numbers, int64_t width, int64_t ld)
      : form(form), numbers(std::move(numbers)), stored(this->numbers.size() * elementBytes()) {
    for (size_t i = 0; i < this->numbers.size(); ++i) {
      float &value = this->numbers[i];
      value = int64_t(i) % ld < width ? form.factor(value) : NAN;
      if (form.isF32())
        std::memcpy(at(i), &value, sizeof value);
      else
        *static_cast<uint16_t *>(at(i)) = toBf16(value);
    }
  }
  void *at(int64_t element) const { return stored.data() + element * elementBytes(); }
  float operator[](int64_t element) const { return numbers[element]; }

private:
  int64_t elementBytes() const { return form.isF32() ? 4 : 2; }

  Form form;
  std::vector<float> numbers;
  Guarded<uint8_t> stored;
};

std::vector<Arg> with(std::vector<Arg> args, const std::vector<Arg> &more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}
/// Where nothing goes by distance.
const std::vector<Arg> noDistances(20, Arg(0)); // nor keys are of another axis, nor queries chosen
/// Where among these the offsets of keys are, if they are.
constexpr size_t keyCuSeqlensArg = 16;
/// Where keys' columns are, where these have others than queries.
constexpr size_t keyColumnsArg = 19;

/// Sequences of queries, keys and values; dense when there is a mask.
struct Problem {
  Form form;
  AttentionShape shape;
  bool masked;
  int64_t longest, rows, width, keyWidth, valueWidth, yWidth, ldq, ldk, ldv, ldy;
  float scale;
  std::vector<int32_t> starts; // of each sequence's rows
  std::vector<uint8_t> present;
  Factors q, k, v;
  Guarded<int32_t> cuSeqlens;
  Guarded<uint8_t> mask;
  ByDistance rule;
  Guarded<int32_t> columns;
  Guarded<float> bias;
  static constexpr int64_t terms = 5; // of a head
  int64_t ldTerms;
  int64_t places; // beyond every column
  Guarded<float> queryTerms, keyTerms, index, slopes, pairs;
  Guarded<int32_t> prefix; // of each sequence: a column
  Guarded<int32_t> marks;  // of each row

  Problem(const Form &form, const AttentionShape &shape, bool masked, Gaussian &random, const ByDistance &rule = {})
      : form(form), shape(shape), masked(masked),
        longest(*std::max_element(shape.lengths.begin(), shape.lengths.end())),
        rows(masked ? longest * static_cast<int64_t>(shape.lengths.size()) : prefixSums(shape.lengths).back()),
        width(shape.heads * shape.headDim), keyWidth(width / shape.grouped),
        valueWidth(shape.heads / shape.grouped * shape.valueDim()), yWidth(shape.heads * shape.valueDim()),
        ldq(form.stride(width + random.below(3))), ldk(form.stride(keyWidth + random.below(3))),
        ldv(form.stride(valueWidth + random.below(3))), ldy(form.stride(yWidth + random.below(3))),
        scale((random.below(2) ? 1 : -1) * 2 / std::sqrt(float(shape.headDim))), starts(startsOf(*this)),
        present(presentOf(*this, random)), q(form, random.vector(sizeFor(ldq)), width, ldq),
        k(form, random.vector(sizeFor(ldk)), keyWidth, ldk), v(form, random.vector(sizeFor(ldv)), valueWidth, ldv),
        cuSeqlens(prefixSums(shape.lengths)), mask(present), rule(rule), columns(columnsOf(*this, random)),
        bias(random.vector(rule.buckets * shape.heads, 2)), ldTerms(shape.heads * terms + random.below(3)),
        places(1 + (rows ? *std::max_element(columns.begin(), columns.end()) : 0)),
        queryTerms(random.vector(rule.queryTerms ? rows * ldTerms : 0)),
        keyTerms(random.vector(rule.keyTerms ? rows * ldTerms : 0)), index(2 * rule.furthest + 1),
        slopes(random.vector(rule.sloped ? shape.heads : 0, 0.2f)),
        pairs(random.vector(rule.paired ? shape.heads * places * places : 0, 2)), prefix(prefixOf(*this, random)),
        marks(rule.marked ? rows : 0) {
    for (int32_t &mark : marks)
      mark = random.below(rule.marked) == 0 ? 1 + int32_t(random.below(random.below(2) ? 3 : 300)) : 0;
    for (float &which : index)
      which = float(random.below(terms));
    for (float &slope : slopes) // scores fall: where they rose, far keys would have great ones, and few digits
      slope = std::abs(slope);
  }
  /// What slots say of distances, from a sequence on, that at row `first`.
  std::vector<Arg> distanceArgs(size_t sequence = 0, int64_t first = 0) const {
    return {&columns[first],
            bias.data(),
            rule.reachSlot(),
            rule.queryTerms ? &queryTerms[first * ldTerms] : nullptr,
            ldTerms,
            rule.keyTerms ? &keyTerms[first * ldTerms] : nullptr,
            ldTerms,
            terms,
            index.data(),
            rule.furthest,
            &prefix[sequence],
            slopes.data(),
            pairs.data(),
            places,
            rule.hasGlobals() ? &marks[first] : nullptr,
            rule.cap,
            nullptr,
            0,
            rule.choosesQueries() ? &marks[first] : nullptr,
            nullptr};
  }
  /// Terms of a query and a key.
  double termsOf(int64_t query, int64_t key, int64_t head) const {
    const int64_t away = std::clamp<int64_t>(columns[key] - columns[query], -rule.furthest, rule.furthest);
    const int64_t which = head * terms + int64_t(index[rule.furthest + away]);
    return (rule.queryTerms ? queryTerms[query * ldTerms + which] : 0) +
           (rule.keyTerms ? keyTerms[key * ldTerms + which] : 0);
  }
  /// What is added to a scaled and capped product.
  double added(size_t sequence, int64_t query, int64_t key, int64_t head) const {
    const int64_t away = columns[key] - columns[query];
    if (rule.hasGlobals() && (marks[query] || marks[key]))
      return marks[query] ? -INFINITY : std::log(marks[key]);
    if (!rule.sees(columns[query], columns[key], rule.prefixed && columns[key] < prefix[sequence]))
      return -INFINITY;
    return (rule.buckets ? bias[xf::twoSidedBucket(away, rule.buckets, rule.distance) * shape.heads + head] : 0) +
           (rule.sloped ? double(slopes[head]) * double(away) : 0) +
           (rule.paired ? pairs[(head * places + columns[query]) * places + columns[key]] : 0);
  }

  static std::vector<int32_t> startsOf(const Problem &p) {
    if (!p.masked)
      return prefixSums(p.shape.lengths);
    return prefixSums(std::vector<int64_t>(p.shape.lengths.size(), p.longest));
  }
  /// The first `length` columns, some of them knocked out; the shortest sequences end up without any.
  static std::vector<uint8_t> presentOf(const Problem &p, Gaussian &random) {
    std::vector<uint8_t> present(p.rows, 1);
    if (p.masked)
      for (size_t s = 0; s < p.shape.lengths.size(); ++s)
        for (int64_t i = 0; i < p.longest; ++i)
          present[p.starts[s] + i] = i < p.shape.lengths[s] && random.below(5) > 0;
    return present;
  }
  /// Rising in each sequence: by one where padding is kept, else with holes in some sequences.
  static std::vector<int32_t> columnsOf(const Problem &p, Gaussian &random) {
    std::vector<int32_t> columns(p.rows);
    for (size_t s = 0; s + 1 < p.starts.size(); ++s) {
      const int64_t step = p.masked ? 1 : 1 + random.below(3);
      for (int64_t row = p.starts[s], column = random.below(3); row < p.starts[s + 1]; ++row) {
        columns[row] = int32_t(column);
        column += 1 + random.below(step);
      }
    }
    return columns;
  }
  /// From before a sequence's first column to behind its last.
  static std::vector<int32_t> prefixOf(const Problem &p, Gaussian &random) {
    std::vector<int32_t> prefix(p.starts.size() - 1, 0);
    for (size_t s = 0; s < prefix.size() && p.rule.prefixed; ++s)
      if (p.starts[s] < p.starts[s + 1])
        prefix[s] = int32_t(random.below(p.columns[p.starts[s + 1] - 1] + 4));
    return prefix;
  }
  size_t sizeFor(int64_t ld) const { return rows > 0 ? (rows - 1) * ld + std::max(width, yWidth) : 0; }
  std::string params() const {
    return "{head_dim = " + std::to_string(shape.headDim) + (masked ? ", masked = true" : "") + rule.params() +
           (shape.grouped > 1 ? ", grouped = " + std::to_string(shape.grouped) : "") +
           (shape.ownValueDim ? ", value_dim = " + std::to_string(shape.ownValueDim) : "") + "}";
  }

  Guarded<float> &run(Guarded<float> &y, int64_t panelsPerCall) const {
    form.kernel(params()).run(with({q.at(0), ldq, k.at(0), ldk, v.at(0), ldv, y.data(), ldy, cuSeqlens.data(),
                                    shape.lengths.size(), shape.heads, scale, longest, mask.data()},
                                   distanceArgs()),
                              panelsPerCall);
    return y;
  }

  /// One row of one head.
  std::vector<double> expected(size_t sequence, int64_t row, int64_t head) const {
    int64_t first = starts[sequence], length = starts[sequence + 1] - first, d = shape.headDim;
    const int64_t query = (first + row) * ldq + head * d, keyHead = head / shape.grouped * d;
    const int64_t valueDim = shape.valueDim(), valueHead = head / shape.grouped * valueDim;
    std::vector<double> scores(length), result(valueDim, 0.0);
    if (rule.choosesQueries() && (!marks[first + row] || !present[first + row]))
      return result;
    double largest = -INFINITY, total = 0;
    for (int64_t j = 0; j < length; ++j) {
      scores[j] = 0;
      for (int64_t c = 0; c < d; ++c)
        scores[j] += double(q[query + c]) * k[(first + j) * ldk + keyHead + c];
      scores[j] = (scores[j] + termsOf(first + row, first + j, head)) * scale;
      if (rule.cap)
        scores[j] = rule.cap * std::tanh(scores[j] / rule.cap);
      scores[j] += added(sequence, first + row, first + j, head);
      if (!present[first + j])
        scores[j] = -INFINITY;
      largest = std::max(largest, scores[j]);
    }
    for (int64_t j = 0; j < length; ++j) {
      if (std::isinf(scores[j]))
        continue;
      double weight = form.factor(std::exp(scores[j] - largest));
      total += weight;
      for (int64_t c = 0; c < valueDim; ++c)
        result[c] += weight * v[(first + j) * ldv + valueHead + c];
    }
    for (double &value : result)
      value = total > 0 ? value / total : 0;
    return result;
  }
};

void check(const Form &form, const AttentionShape &shape, bool masked, Gaussian &random, const ByDistance &rule = {}) {
  Problem problem(form, shape, masked, random, rule);
  SCOPED_TRACE(testing::Message() << problem.params() << " heads=" << shape.heads
                                  << " lengths=" << testing::PrintToString(shape.lengths));
  Guarded<float> y(problem.sizeFor(problem.ldy));
  problem.run(y, 0);
  double worst = 0;
  for (size_t s = 0; s < shape.lengths.size(); ++s) {
    int64_t length = problem.starts[s + 1] - problem.starts[s];
    // Every row of short sequences, some of long ones: the reference is slow.
    for (int64_t row = 0; row < length; row += length > 64 ? 1 + random.below(31) : 1)
      for (int64_t head = 0; head < shape.heads; ++head) {
        std::vector<double> expected = problem.expected(s, row, head);
        for (int64_t c = 0; c < shape.valueDim(); ++c)
          worst = std::max(
              worst, errorOf(y[(problem.starts[s] + row) * problem.ldy + head * shape.valueDim() + c], expected[c]));
      }
  }
  EXPECT_LE(worst, form.tolerance(shape.headDim));
  for (int64_t row = 0; row + 1 < problem.rows; ++row)
    for (int64_t gap = problem.yWidth; gap < problem.ldy; ++gap)
      ASSERT_TRUE(std::isnan(y[row * problem.ldy + gap])) << "wrote between rows";
  Guarded<float> split(problem.sizeFor(problem.ldy));
  EXPECT_TRUE(sameBits(y, problem.run(split, 1)));
}

TEST_P(AttentionTest, OddShapesOfEveryHeadDim) {
  Gaussian random(3);
  for (int64_t headDim : {1, 5, 16, 20, 32, 40, 64, 100, 128, 256})
    for (const AttentionShape &shape : attentionOddShapes(headDim, 24))
      check(GetParam(), shape, /*masked=*/false, random);
}

TEST_P(AttentionTest, OddShapesWithMasks) {
  Gaussian random(4);
  for (int64_t headDim : {5, 32, 64})
    for (const AttentionShape &shape : attentionOddShapes(headDim, 70))
      check(GetParam(), shape, /*masked=*/true, random);
}

TEST_P(AttentionTest, HeadsMayShareKeysAndValues) {
  Gaussian random(10);
  for (AttentionShape shape : attentionOddShapes(20, 12)) {
    shape.grouped = 3;
    shape.heads *= shape.grouped;
    for (bool masked : {false, true})
      check(GetParam(), shape, masked, random, ByDistance{.causal = true});
  }
}

TEST_P(AttentionTest, ValuesMayHaveHeadsOfAnotherWidth) {
  Gaussian random(13);
  for (auto [headDim, valueDim] : {std::pair(85, 20), {20, 33}, {840, 64}})
    for (AttentionShape shape : attentionOddShapes(headDim, headDim > 100 ? 3 : 12)) {
      shape.ownValueDim = valueDim;
      for (bool masked : {false, true})
        check(GetParam(), shape, masked, random);
      shape.grouped = 2;
      shape.heads *= shape.grouped;
      check(GetParam(), shape, /*masked=*/false, random, ByDistance{.causal = true});
    }
}

/// Long sequences reach beyond the largest distance of the buckets and beyond several blocks of keys.
TEST_P(AttentionTest, OddShapesByDistance) {
  Gaussian random(9);
  for (const ByDistance &rule :
       {ByDistance{.buckets = 32, .distance = 128}, ByDistance{.buckets = 6, .distance = 3}, ByDistance{.reach = 5},
        ByDistance{.reach = 64}, ByDistance{.buckets = 32, .distance = 128, .reach = 20}, ByDistance{.causal = true},
        ByDistance{.reach = 9, .causal = true}, ByDistance{.causal = true, .sloped = true},
        ByDistance{.buckets = 32, .distance = 128, .causal = true}, ByDistance{.causal = true, .prefixed = true},
        ByDistance{.reach = 9, .causal = true, .prefixed = true}, ByDistance{.paired = true}})
    for (bool masked : {false, true})
      for (const AttentionShape &shape : attentionOddShapes(20, 16))
        check(GetParam(), shape, masked, random, rule);
}

TEST_P(AttentionTest, ScoresMayHaveACap) {
  Gaussian random(12);
  for (const ByDistance &rule : {ByDistance{.cap = 1.5f}, ByDistance{.reach = 9, .causal = true, .cap = 0.7f}})
    for (bool masked : {false, true})
      for (const AttentionShape &shape : attentionOddShapes(20, 16))
        check(GetParam(), shape, masked, random, rule);
}

TEST_P(AttentionTest, ModelShapes) {
  Gaussian random(5);
  for (const AttentionShape &shape : attentionModelShapes)
    check(GetParam(), shape, /*masked=*/false, random);
}

/// Global keys in windows and far from them, one, some or more than a block of them; and likewise queries that are
/// chosen.
TEST_P(AttentionTest, TokensMayBeMarked) {
  Gaussian random(14);
  for (int64_t marked : {1, 9, 400})
    for (int64_t reach : {5, -1})
      for (bool masked : {false, true})
        for (const AttentionShape &shape : attentionOddShapes(20, 6))
          check(GetParam(), shape, masked, random, ByDistance{.reach = reach, .marked = marked});
  for (int64_t headDim : {5, 64})
    for (int64_t reach : {5, -1})
      for (const AttentionShape &shape : attentionOddShapes(headDim, 4))
        check(GetParam(), shape, /*masked=*/false, random, ByDistance{.reach = reach, .marked = 3});
}

/// Windows of blocks, the query's own or more of them, with and without global keys.
TEST_P(AttentionTest, WindowsMayBeOfBlocks) {
  Gaussian random(15);
  for (int64_t marked : {0, 9})
    for (const ByDistance &rule :
         {ByDistance{.reach = 1, .block = 7, .marked = marked}, ByDistance{.reach = 1, .block = 64, .marked = marked},
          ByDistance{.reach = 0, .block = 7, .marked = marked}})
      for (bool masked : {false, true})
        for (const AttentionShape &shape : attentionOddShapes(20, 8))
          check(GetParam(), shape, masked, random, rule);
}

/// Where no token is left that is not global, all rows are zeros.
TEST_P(AttentionTest, GlobalQueriesSeeNoKeyInAWindow) {
  Gaussian random(16);
  for (const AttentionShape &shape : attentionOddShapes(20, 6))
    check(GetParam(), shape, /*masked=*/false, random, ByDistance{.reach = 5, .marked = 1});
}

/// The rows of sequence `index` of a packed problem, as a problem of its own, must have the same bits; and a dense one
/// whose mask only cuts off the tail as well.
void AttentionTest::expectSameBitsAlone(const ByDistance &rule) {
  Gaussian random(6);
  AttentionShape shape = {64, 2, {37, 700, 0, 129}};
  Problem batch(GetParam(), shape, /*masked=*/false, random, rule);
  Guarded<float> all(batch.sizeFor(batch.ldy));
  batch.run(all, 0);

  int64_t longest = batch.longest, sequences = 4, width = batch.width;
  auto padded = [&](const Factors &packed, int64_t ld) {
    std::vector<float> rows(sequences * longest * width, 1.0f);
    for (int64_t s = 0; s < sequences; ++s)
      for (int64_t i = 0; i < shape.lengths[s]; ++i)
        for (int64_t c = 0; c < width; ++c)
          rows[(s * longest + i) * width + c] = packed[(batch.starts[s] + i) * ld + c];
    return Factors(GetParam(), std::move(rows), width, width);
  };
  const Factors q = padded(batch.q, batch.ldq), k = padded(batch.k, batch.ldk), v = padded(batch.v, batch.ldv);
  std::vector<uint8_t> mask(sequences * longest, 0);
  for (int64_t s = 0; s < sequences; ++s)
    std::fill_n(mask.begin() + s * longest, shape.lengths[s], 1);
  Guarded<uint8_t> guardedMask(mask);
  Guarded<int32_t> denseColumns(sequences * longest);
  Guarded<float> denseQueryTerms(sequences * longest * batch.ldTerms), denseKeyTerms(denseQueryTerms.size());
  Guarded<int32_t> denseMarks(std::vector<int32_t>(sequences * longest, 0));
  for (int64_t s = 0; s < sequences; ++s)
    for (int64_t i = 0; i < longest; ++i) {
      const int64_t to = s * longest + i, from = batch.starts[s] + i;
      denseColumns[to] = i < shape.lengths[s] ? batch.columns[from] : 0;
      denseMarks[to] = i < shape.lengths[s] && rule.marked ? batch.marks[from] : 0;
      for (int64_t c = 0; c < batch.ldTerms; ++c) {
        const bool exists = i < shape.lengths[s];
        denseQueryTerms[to * batch.ldTerms + c] =
            exists && rule.queryTerms ? batch.queryTerms[from * batch.ldTerms + c] : 0;
        denseKeyTerms[to * batch.ldTerms + c] = exists && rule.keyTerms ? batch.keyTerms[from * batch.ldTerms + c] : 0;
      }
    }
  Guarded<float> dense(sequences * longest * width);
  GetParam()
      .kernel("{head_dim = 64, masked = true" + rule.params() + "}")
      .run(with({q.at(0), width, k.at(0), width, v.at(0), width, dense.data(), width, nullptr, sequences, shape.heads,
                 batch.scale, longest, guardedMask.data()},
                {denseColumns.data(),
                 batch.bias.data(),
                 rule.reachSlot(),
                 denseQueryTerms.data(),
                 batch.ldTerms,
                 denseKeyTerms.data(),
                 batch.ldTerms,
                 Problem::terms,
                 batch.index.data(),
                 rule.furthest,
                 batch.prefix.data(),
                 batch.slopes.data(),
                 batch.pairs.data(),
                 batch.places,
                 denseMarks.data(),
                 rule.cap,
                 nullptr,
                 0,
                 denseMarks.data(),
                 nullptr}));

  for (int64_t s = 0; s < sequences; ++s) {
    int64_t length = shape.lengths[s], first = batch.starts[s];
    Guarded<int32_t> bounds(std::vector<int32_t>{0, static_cast<int32_t>(length)});
    Guarded<float> alone(length * width);
    GetParam()
        .kernel("{head_dim = 64" + rule.params() + "}")
        .run(with({batch.q.at(first * batch.ldq), batch.ldq, batch.k.at(first * batch.ldk), batch.ldk,
                   batch.v.at(first * batch.ldv), batch.ldv, alone.data(), width, bounds.data(), 1, shape.heads,
                   batch.scale, length, nullptr},
                  batch.distanceArgs(s, first)));
    for (int64_t row = 0; row < length; ++row) {
      size_t bytes = width * sizeof(float);
      ASSERT_EQ(std::memcmp(&alone[row * width], &all[(first + row) * batch.ldy], bytes), 0) << s << " row " << row;
      ASSERT_EQ(std::memcmp(&alone[row * width], &dense[(s * longest + row) * width], bytes), 0) << s << " row " << row;
    }
  }
}

TEST_P(AttentionTest, ASequenceHasTheSameBitsAloneAndInAnyBatch) { expectSameBitsAlone({}); }

TEST_P(AttentionTest, ASequenceHasTheSameBitsAloneByDistance) {
  expectSameBitsAlone({.buckets = 32, .distance = 128});
  expectSameBitsAlone({.reach = 64});
  expectSameBitsAlone({.causal = true});
  expectSameBitsAlone({.causal = true, .prefixed = true, .sloped = true, .cap = 2});
  expectSameBitsAlone({.paired = true});
  expectSameBitsAlone({.furthest = 100, .queryTerms = true, .keyTerms = true});
  expectSameBitsAlone({.reach = 64, .marked = 9});
  expectSameBitsAlone({.reach = 1, .block = 64, .marked = 9});
  expectSameBitsAlone({.marked = 9});
}

TEST_P(AttentionTest, WeightsOfEachRowSumToOne) {
  // Values of 1 come back as 1 when they do, also where scores are far apart.
  Gaussian random(7);
  int64_t length = 600, width = 32;
  const Factors q(GetParam(), random.vector(length * width, 8), width, width);
  const Factors k(GetParam(), random.vector(length * width, 8), width, width);
  const Factors v(GetParam(), std::vector<float>(length * width, 1.0f), width, width);
  Guarded<float> y(length * width);
  Guarded<int32_t> bounds(std::vector<int32_t>{0, static_cast<int32_t>(length)});
  GetParam()
      .kernel("{head_dim = 32}")
      .run(with(
          {q.at(0), width, k.at(0), width, v.at(0), width, y.data(), width, bounds.data(), 1, 1, 1.0f, length, nullptr},
          noDistances));
  for (float value : y)
    ASSERT_NEAR(value, 1.0f, 2e-6);
}

/// The same numbers, rounded; what lies between rows stays as it was.
TEST_P(AttentionTest, ResultsCanBeStoredInBf16) {
  if (GetParam().isF32())
    GTEST_SKIP() << "attention_f32 stores f32";
  Gaussian random(8);
  for (int64_t headDim : {20, 64}) {
    const Problem problem(GetParam(), {headDim, 3, {5, 0, 131}}, /*masked=*/false, random);
    Guarded<float> y(problem.sizeFor(problem.ldy));
    problem.run(y, 0);
    Guarded<uint16_t> narrow(problem.sizeFor(problem.ldy));
    std::fill(narrow.begin(), narrow.end(), 0xABCD);
    GetParam()
        .kernel("{head_dim = " + std::to_string(headDim) + ", y_bf16 = true}")
        .run(with({problem.q.at(0), problem.ldq, problem.k.at(0), problem.ldk, problem.v.at(0), problem.ldv,
                   narrow.data(), problem.ldy, problem.cuSeqlens.data(), problem.shape.lengths.size(),
                   problem.shape.heads, problem.scale, problem.longest, nullptr},
                  noDistances));
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(narrow[i], int64_t(i) % problem.ldy < problem.width ? toBf16(y[i]) : 0xABCD) << i;
  }
}

/// Keys of another axis than queries: sequences of other lengths, of which some have no queries, or one query for each.
TEST_P(AttentionTest, KeysMayBeOfAnotherAxis) {
  Gaussian random(9);
  struct Queries {
    bool masked, single;
    std::vector<int64_t> counts;
  };
  for (const auto &[masked, single, queries] :
       {Queries{false, false, {3, 0, 130, 1}}, {true, false, {3, 0, 130, 1}}, {false, true, {1, 1, 1, 1}}})
    for (int64_t grouped : {1, 2}) {
      const std::vector<int64_t> keys =
          masked ? std::vector<int64_t>{17, 5, 600, 1} : std::vector<int64_t>{17, 5, 600, 0};
      const int64_t headDim = 20, heads = 4, width = heads * headDim, keyWidth = width / grouped;
      const int64_t longest = single ? 1 : 130, longestKeys = 600, batch = int64_t(queries.size());
      const std::vector<int32_t> begins = prefixSums(masked ? std::vector<int64_t>(size_t(batch), longest) : queries);
      const std::vector<int32_t> keyBegins =
          prefixSums(masked ? std::vector<int64_t>(size_t(batch), longestKeys) : keys);
      const int64_t rows = begins.back(), keyRows = keyBegins.back();
      const Factors q(GetParam(), random.vector(rows * width), width, width),
          k(GetParam(), random.vector(keyRows * keyWidth), keyWidth, keyWidth),
          v(GetParam(), random.vector(keyRows * keyWidth), keyWidth, keyWidth);
      Guarded<int32_t> offsets(begins), keyOffsets(keyBegins);
      Guarded<uint8_t> mask(std::vector<uint8_t>(size_t(batch * longestKeys), 0));
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t key = 0; key < keys[size_t(b)]; ++key)
          mask[b * longestKeys + key] = key % 7 != 3;
      const float scale = 0.3f;
      Guarded<float> y(rows * width);
      std::vector<Arg> args = {q.at(0),
                               width,
                               k.at(0),
                               keyWidth,
                               v.at(0),
                               keyWidth,
                               y.data(),
                               width,
                               single ? nullptr : offsets.data(),
                               batch,
                               heads,
                               scale,
                               longest,
                               masked ? mask.data() : nullptr};
      const size_t firstDistance = args.size();
      args = with(args, noDistances);
      args[firstDistance + keyCuSeqlensArg] = keyOffsets.data();
      args[firstDistance + keyCuSeqlensArg + 1] = longestKeys;
      GetParam()
          .kernel("{head_dim = 20, crossed = true" + std::string(masked ? ", masked = true" : "") +
                  (single ? ", single = true" : "") + (grouped > 1 ? ", grouped = 2}" : "}"))
          .run(args);
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t row = 0; row < queries[size_t(b)]; ++row)
          for (int64_t head = 0; head < heads; ++head) {
            const int64_t at = (begins[size_t(b)] + row) * width + head * headDim, of = head / grouped * headDim;
            std::vector<double> weights, expected(headDim, 0.0);
            double total = 0;
            for (int64_t key = 0; key < keys[size_t(b)]; ++key) {
              double score = 0;
              for (int64_t c = 0; c < headDim; ++c)
                score += double(q[at + c]) * k[(keyBegins[size_t(b)] + key) * keyWidth + of + c];
              const bool present = !masked || mask[b * longestKeys + key];
              weights.push_back(present ? std::exp(score * double(scale)) : 0);
              total += weights.back();
            }
            for (int64_t key = 0; key < keys[size_t(b)]; ++key)
              for (int64_t c = 0; c < headDim; ++c)
                expected[size_t(c)] +=
                    weights[size_t(key)] / total * v[(keyBegins[size_t(b)] + key) * keyWidth + of + c];
            for (int64_t c = 0; c < headDim; ++c)
              ASSERT_NEAR(y[at + c], expected[size_t(c)],
                          GetParam().tolerance(headDim) * std::max(1.0, std::abs(expected[size_t(c)])))
                  << "sequence " << b << " query " << row << " head " << head;
          }
    }
}

/// The last queries of each sequence alone, whose keys are those of all of them.
TEST_P(AttentionTest, KeysMayStandBeforeQueries) {
  Gaussian random(11);
  for (const ByDistance &rule :
       {ByDistance{.causal = true}, ByDistance{.reach = 40, .causal = true}, ByDistance{.reach = 9},
        ByDistance{.furthest = 7, .queryTerms = true, .causal = true}, ByDistance{.furthest = 7, .queryTerms = true}})
    for (bool masked : {false, true}) {
      const Problem all(GetParam(), {20, 3, {17, 5, 600, 1}}, masked, random, rule);
      std::vector<int64_t> before = {4, 5, 130, 0}, lengths; // of which the second has no queries
      if (masked)
        before.assign(4, 5);
      std::vector<float> queries, terms;
      std::vector<int32_t> columns;
      for (size_t s = 0; s < before.size(); ++s) {
        lengths.push_back(all.starts[s + 1] - all.starts[s] - before[s]);
        for (int64_t row = all.starts[s] + before[s]; row < all.starts[s + 1]; ++row) {
          for (int64_t c = 0; c < all.ldq; ++c)
            queries.push_back(c < all.width ? all.q[row * all.ldq + c] : 0);
          for (int64_t term = 0; rule.queryTerms && term < all.ldTerms; ++term)
            terms.push_back(all.queryTerms[row * all.ldTerms + term]);
          columns.push_back(all.columns[row]);
        }
      }
      const std::vector<int32_t> starts = prefixSums(lengths);
      const Factors q(GetParam(), queries, all.width, all.ldq);
      Guarded<int32_t> offsets(starts), keyOffsets(all.starts), ofQueries(columns);
      Guarded<float> queryTerms(terms), y(starts.back() * all.ldy);
      std::vector<Arg> byDistance = all.distanceArgs();
      byDistance[0] = ofQueries.data();
      byDistance[3] = queryTerms.data();
      byDistance[keyCuSeqlensArg] = keyOffsets.data();
      byDistance[keyCuSeqlensArg + 1] = all.longest;
      byDistance[keyColumnsArg] = all.columns.data();
      const std::string params = "{head_dim = 20, crossed = true, key_columns = true" +
                                 std::string(masked ? ", masked = true" : "") + rule.params() + "}";
      SCOPED_TRACE(params);
      GetParam().kernel(params).run(with({q.at(0), all.ldq, all.k.at(0), all.ldk, all.v.at(0), all.ldv, y.data(),
                                          all.ldy, offsets.data(), lengths.size(), all.shape.heads, all.scale,
                                          *std::max_element(lengths.begin(), lengths.end()), all.mask.data()},
                                         byDistance));
      for (size_t s = 0; s < before.size(); ++s)
        for (int64_t row = 0; row < lengths[s]; row += lengths[s] > 64 ? 1 + random.below(31) : 1)
          for (int64_t head = 0; head < all.shape.heads; ++head) {
            const std::vector<double> expected = all.expected(s, before[s] + row, head);
            for (int64_t c = 0; c < all.shape.headDim; ++c)
              ASSERT_LE(errorOf(y[(starts[s] + row) * all.ldy + head * all.shape.headDim + c], expected[size_t(c)]),
                        GetParam().tolerance(20))
                  << "sequence " << s << " query " << row << " head " << head;
          }
    }
}

INSTANTIATE_TEST_SUITE_P(Forms, AttentionTest,
                         testing::Values(Form{"attention_f32", IsaLevel::Avx512},
                                         Form{"attention_bf16", IsaLevel::Avx512},
                                         Form{"attention_bf16", IsaLevel::Avx512Bf16},
                                         Form{"attention_bf16", Target::emulatedAmx()},
                                         Form{"attention_bf16", IsaLevel::Amx}),
                         [](const auto &info) { return info.param.family + "_" + info.param.target.name(); });

} // namespace
