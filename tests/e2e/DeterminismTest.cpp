// Equal bits and equal bytes. A sequence gives the same bits alone, in any batch, ragged or padded, with any number of
// threads; and the same inputs and flags give the same artifact wherever and whenever it is compiled.
#include "tests/e2e/Lathe.h"

#include <map>

namespace lathe::test {
namespace {

constexpr const char *kPerSequence = "pooler_output"; // the one output without a column dimension

class SameBits : public testing::TestWithParam<GoldenCase> {
protected:
  Path artifact() const { return compiled(GetParam().modelDirectory(), GetParam().flags); }
};

/// One row of a batch, its trailing padding cut off.
Tensors rowAlone(const Tensors &inputs, int64_t row, int64_t columns) {
  Tensors alone;
  for (const auto &[name, tensor] : inputs) {
    const int64_t bytes = static_cast<int64_t>(tensor.bytes.size()) / (tensor.shape[0] * tensor.shape[1]) * columns;
    Tensor part = tensor.slice(row, row + 1);
    part.bytes.resize(bytes);
    part.shape[1] = columns;
    alone[name] = part;
  }
  return alone;
}

/// Of attention's probabilities, [1, heads, columns, columns]: those of so many queries and keys.
std::vector<uint8_t> ofFirstColumns(const Tensor &probabilities, int64_t used) {
  const int64_t heads = probabilities.shape[1], columns = probabilities.shape[2], bytes = sizeof(float);
  std::vector<uint8_t> kept;
  for (int64_t row = 0; row < heads * columns; ++row)
    if (row % columns < used) {
      const auto begin = probabilities.bytes.begin() + row * columns * bytes;
      kept.insert(kept.end(), begin, begin + used * bytes);
    }
  return kept;
}

TEST_P(SameBits, AnyNumberOfThreads) {
  const Tensors inputs = GetParam().inputs();
  const Tensors one = runTensors(artifact(), inputs, {"--threads", "1"});
  for (const char *threads : {"2", "3"})
    EXPECT_TRUE(one == runTensors(artifact(), inputs, {"--threads", threads})) << threads << " threads";
}

TEST_P(SameBits, AloneAndInTheBatch) {
  const Tensors inputs = GetParam().inputs();
  const Tensors batch = runTensors(artifact(), inputs);
  const Tensor mask = maskOf(inputs);
  const int64_t columns = mask.shape[1];
  for (int64_t row = 0; row < mask.shape[0]; ++row) {
    const std::vector<int64_t> rowMask = mask.slice(row, row + 1).integers();
    int64_t used = columns;
    while (used > 1 && !rowMask[used - 1])
      --used;
    for (const auto &[name, value] : runTensors(artifact(), rowAlone(inputs, row, used))) {
      const Tensor inBatch = batch.at(name).slice(row, row + 1);
      std::vector<uint8_t> expected = inBatch.bytes;
      if (name.starts_with("attentions."))
        expected = ofFirstColumns(inBatch, used);
      else if (name != kPerSequence)
        expected.resize(expected.size() / columns * used);
      EXPECT_TRUE(value.bytes == expected) << name << " of sequence " << row;
    }
  }
}

/// Every row is tokens, then padding.
bool isRightPadded(const Tensor &mask) {
  const std::vector<int64_t> values = mask.integers();
  for (size_t i = 1; i < values.size(); ++i)
    if (i % mask.shape[1] && values[i] && !values[i - 1])
      return false;
  return true;
}

class RaggedForm : public SameBits {};

/// A right-padded batch says the same as its tokens in one line with the rows' ends. (With padding on the left or in
/// between, the ragged form would count other positions.)
TEST_P(RaggedForm, GivesTheBitsOfThePaddedForm) {
  const Tensors inputs = GetParam().inputs();
  const Tensor mask = maskOf(inputs);
  const int64_t batch = mask.shape[0], columns = mask.shape[1];
  const std::vector<int64_t> maskValues = mask.integers();
  std::vector<size_t> kept; // positions in [B, S] that are tokens
  std::vector<int32_t> ends = {0};
  for (int64_t row = 0; row < batch; ++row) {
    for (int64_t column = 0; column < columns; ++column)
      if (maskValues[row * columns + column])
        kept.push_back(row * columns + column);
    ends.push_back(static_cast<int32_t>(kept.size()));
  }
  const auto packed = [&](const Tensor &tensor) {
    const size_t width = tensor.bytes.size() / (batch * columns);
    Tensor result{tensor.dtype, tensor.shape, {}};
    result.shape.erase(result.shape.begin());
    result.shape[0] = static_cast<int64_t>(kept.size());
    for (size_t position : kept)
      result.bytes.insert(result.bytes.end(), tensor.bytes.begin() + position * width,
                          tensor.bytes.begin() + (position + 1) * width);
    return result;
  };

  Tensors ragged = {{"cu_seqlens", Tensor::of({batch + 1}, ends)}};
  for (const auto &[name, tensor] : inputs)
    if (name != "attention_mask")
      ragged[name] = packed(tensor);
  const Tensors padded = runTensors(artifact(), inputs);
  const Tensors result = runTensors(artifact(), ragged);
  ASSERT_EQ(result.size(), padded.size());
  for (const auto &[name, value] : padded)
    EXPECT_TRUE(result.at(name) == (name == kPerSequence ? value : packed(value))) << name;
}

/// Sizes and inputs that differ; the other models would only repeat them.
std::vector<GoldenCase> chosenCases() {
  std::vector<GoldenCase> chosen;
  for (const GoldenCase &run : goldenCases("bert"))
    if (run.model == "base-odd" || run.model == "base-no-pooler" || run.model == "base-long" ||
        run.model == "base-wide-heads" || run.model == "mlm-tied" || run.model == "mlm-mish")
      chosen.push_back(run);
  for (const GoldenCase &run : goldenCases("albert"))
    if (run.model == "base-uneven" || run.model == "mlm-equal")
      chosen.push_back(run);
  for (size_t i = 0, count = chosen.size(); i < count; ++i)
    if (chosen[i].model == "base-odd" || chosen[i].model == "mlm-tied" || chosen[i].model == "base-uneven")
      for (const char *precision : {"bf16", "int8", "int4"}) {
        chosen.push_back(chosen[i]);
        chosen.back().flags.insert(chosen.back().flags.end(), {"--precision", precision});
      }
  return chosen;
}

std::vector<GoldenCase> rightPaddedCases() {
  std::vector<GoldenCase> chosen = chosenCases();
  std::erase_if(chosen, [](const GoldenCase &run) { return !isRightPadded(maskOf(run.inputs())); });
  return chosen;
}

INSTANTIATE_TEST_SUITE_P(Tiny, SameBits, testing::ValuesIn(chosenCases()), testName);
INSTANTIATE_TEST_SUITE_P(Tiny, RaggedForm, testing::ValuesIn(rightPaddedCases()), testName);

std::map<std::string, std::string> filesOf(const Path &directory) {
  std::map<std::string, std::string> files;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files[std::filesystem::relative(entry.path(), directory)] = readFile(entry.path());
  return files;
}

class SameBytes : public testing::TestWithParam<const char *> {
protected:
  Path model() const { return goldens() / "bert" / GetParam() / "model"; }
};
// One with kernels of builders alone, one with row groups.
INSTANTIATE_TEST_SUITE_P(Bert, SameBytes, testing::Values("base-odd", "mlm-mish"),
                         [](const auto &info) { return info.index ? "row_groups" : "builders"; });

TEST_P(SameBytes, WhereverItIsCompiled) {
  const ScratchDirectory here, there;
  const Path model = this->model();
  latheOutput({"compile", model, "-o", here / "out", "--name", "twin"}, {.umask = 0022});

  // A copy at another path, named relatively; another umask, locale, time zone and home.
  std::filesystem::copy(model, there / "renamed", std::filesystem::copy_options::recursive);
  std::filesystem::create_directory(there / "deeper");
  ProcessOptions elsewhere;
  elsewhere.workingDirectory = there.path;
  elsewhere.umask = 0077;
  elsewhere.environment = {
      {"LC_ALL", "tr_TR.UTF-8"}, {"TZ", "Asia/Kathmandu"}, {"HOME", "/"}, {"SOURCE_DATE_EPOCH", "1"}};
  latheOutput({"compile", "renamed", "-o", "deeper/out", "--name", "twin"}, elsewhere);

  const auto first = filesOf(here / "out"), second = filesOf(there / "deeper/out");
  ASSERT_GE(first.size(), 5u);
  for (const auto &[name, bytes] : first) {
    ASSERT_TRUE(second.contains(name)) << name;
    EXPECT_TRUE(bytes == second.at(name)) << name << " differs";
  }
  EXPECT_EQ(first.size(), second.size());
}

TEST_P(SameBytes, NoFileNamesWhereItWasMade) {
  const ScratchDirectory scratch;
  latheOutput({"compile", model(), "-o", scratch / "out", "--name", "twin"});
  for (const auto &[name, bytes] : filesOf(scratch / "out"))
    for (const std::string &place : {scratch.path.string(), std::string(LATHE_SOURCE_DIR)})
      EXPECT_EQ(bytes.find(place), std::string::npos) << name << " contains " << place;
}

} // namespace
} // namespace lathe::test
