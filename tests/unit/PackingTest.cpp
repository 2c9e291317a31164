// What the edge makes of a caller's tokens, input by input.
#include "runtime/api/Packing.h"

#include <gmock/gmock.h>

#include <vector>

using namespace lathe;
using testing::ElementsAre;

namespace {

constexpr int64_t vocabulary = 50;

lathe_tensor tensor(const char *name, std::vector<int32_t> &values, std::vector<int64_t> shape) {
  lathe_tensor result = {};
  result.name = name;
  result.dtype = LATHE_I32;
  result.rank = int32_t(shape.size());
  std::copy(shape.begin(), shape.end(), result.shape);
  result.data = values.data();
  return result;
}

/// Two rows of four columns, or the same ids as sequences of one and of seven.
class Packing : public testing::Test {
protected:
  Packing() {
    entry.layout = LATHE_PACKED;
    request.entry = &entry;
    request.ids = &idsTensor;
    request.batch = request.sequences = 2;
    request.columns = 4;
    request.rows = 8;
  }

  void givesMask() { request.mask = &maskTensor; }
  void isRagged() {
    request.offsets = &offsetsTensor;
    request.columns = 0;
  }

  /// The values of an input of that kind; empty on an error, which `error` then has.
  std::vector<int32_t> filled(lathe_input_kind kind, int64_t omitted = 0) {
    FrameSize size;
    EXPECT_EQ(checkTokens(request, &error), LATHE_OK);
    const Counts counts = countTokens(request);
    EXPECT_EQ(frameSize(request, counts, size, &error), LATHE_OK);
    std::vector<int32_t> starts(counts.sequences + 1), columns(counts.tokens), values(size.tokens);
    std::vector<int64_t> rows(counts.sequences);
    TokenMap map = {starts.data(), rows.data(), columns.data(), 0};
    mapTokens(request, map);
    if (fillInput(request, map, size,
                  {kind, vocabulary, positions, paddingId, omitted, LATHE_AXIS_TOKENS, globals, block, repeats, 0},
                  values.data(), &error))
      values.clear();
    return values;
  }

  std::vector<int32_t> ids = {10, 11, 12, 13, 20, 21, 22, 23}, mask = {1, 1, 0, 1, 0, 1, 1, 0}, offsets = {0, 1, 8};
  lathe_tensor idsTensor = tensor("input_ids", ids, {2, 4}), maskTensor = tensor("attention_mask", mask, {2, 4}),
               offsetsTensor = tensor("cu_seqlens", offsets, {3});
  lathe_entry entry = {};
  lathe_counts positions = LATHE_COUNTS_COLUMNS;
  int64_t paddingId = 0; // or that of separators
  lathe_globals globals = LATHE_GLOBALS_NONE;
  int64_t block = 0, repeats = 0;
  Request request;
  lathe_error error = {};
};

TEST_F(Packing, NeighboursEndWithTheRow) {
  EXPECT_THAT(filled(LATHE_NEXT_IDS), ElementsAre(11, 12, 13, -1, 21, 22, 23, -1));
  EXPECT_THAT(filled(LATHE_PREVIOUS_IDS), ElementsAre(-1, 10, 11, 12, -1, 20, 21, 22));
}

TEST_F(Packing, NeighboursMayBeMasked) {
  givesMask();
  EXPECT_THAT(filled(LATHE_INPUT_IDS), ElementsAre(10, 11, 13, 21, 22));
  EXPECT_THAT(filled(LATHE_NEXT_IDS), ElementsAre(11, 12, -1, 22, 23));
  EXPECT_THAT(filled(LATHE_PREVIOUS_IDS), ElementsAre(-1, 10, 12, 20, 21));
}

TEST_F(Packing, NeighboursEndWithTheSequence) {
  isRagged();
  EXPECT_THAT(filled(LATHE_NEXT_IDS), ElementsAre(-1, 12, 13, 20, 21, 22, 23, -1));
  EXPECT_THAT(filled(LATHE_PREVIOUS_IDS), ElementsAre(-1, -1, 11, 12, 13, 20, 21, 22));
}

TEST_F(Packing, NeighboursOfADenseEntryStayWithTheirTokens) {
  givesMask();
  entry.layout = LATHE_DENSE;
  EXPECT_THAT(filled(LATHE_NEXT_IDS), ElementsAre(11, 12, 0, -1, 0, 22, 23, 0));
}

TEST_F(Packing, NeighboursAreIdsOfTheModel) {
  givesMask();
  ids[7] = vocabulary;
  EXPECT_THAT(filled(LATHE_INPUT_IDS), testing::SizeIs(5));
  EXPECT_THAT(filled(LATHE_NEXT_IDS), testing::IsEmpty());
  EXPECT_STREQ(error.message, "input_ids: 50 at row 1, column 3 is outside [0, 50)");
}

TEST_F(Packing, PositionsMayCountTokens) {
  positions = LATHE_COUNTS_TOKENS;
  givesMask();
  EXPECT_THAT(filled(LATHE_POSITION_IDS), ElementsAre(0, 1, 2, 0, 1));
  entry.layout = LATHE_DENSE;
  EXPECT_THAT(filled(LATHE_POSITION_IDS), ElementsAre(0, 1, 0, 2, 0, 0, 1, 0));
}

TEST_F(Packing, TheLastTokenIsToldByIds) {
  ids[1] = ids[6] = ids[7] = 0;
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), ElementsAre(1, 1, 1, 0, 1, 0, 1, 1));
  givesMask();
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), ElementsAre(1, 1, 0, 0, 1));
  mask[3] = 0;
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), testing::IsEmpty());
  EXPECT_STREQ(error.message,
               "attention_mask is 0 in column 3 of row 0, which the result is computed from: its id is the "
               "last that is no padding (0)");
}

TEST_F(Packing, WithoutAnIdOfPaddingTheLastTokenIsThatInTheLastColumn) {
  paddingId = -1;
  ids[3] = ids[7] = 0;
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), ElementsAre(1, 1, 1, 0, 1, 1, 1, 0));
  givesMask();
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), testing::IsEmpty());
  EXPECT_STREQ(error.message, "attention_mask is 0 in column 3 of row 1, the last one, which the result is computed "
                              "from; shift the row to the right");
}

TEST_F(Packing, OfPaddingAloneTheFirstTokenIsTheLast) {
  isRagged();
  ids.assign(8, 0);
  EXPECT_THAT(filled(LATHE_EXCEPT_LAST), ElementsAre(0, 0, 1, 1, 1, 1, 1, 1));
}

TEST_F(Packing, WhatEndsATextIsTheFirstOfItsIds) {
  paddingId = 9;
  ids[1] = ids[3] = 9;
  EXPECT_THAT(filled(LATHE_EXCEPT_FIRST), ElementsAre(1, 0, 1, 1, 0, 1, 1, 1)); // without one the first token
  isRagged();
  EXPECT_THAT(filled(LATHE_EXCEPT_FIRST), ElementsAre(0, 0, 1, 1, 1, 1, 1, 1));
}

TEST_F(Packing, WhatEndsATextMayBeTheGreatestId) {
  paddingId = -1;
  ids[6] = ids[7] = 40;
  EXPECT_THAT(filled(LATHE_EXCEPT_FIRST), ElementsAre(1, 1, 1, 0, 1, 1, 0, 1));
  givesMask();
  EXPECT_THAT(filled(LATHE_EXCEPT_FIRST), ElementsAre(1, 1, 0, 1, 0));
  mask[6] = 0;
  EXPECT_THAT(filled(LATHE_EXCEPT_FIRST), testing::IsEmpty());
  EXPECT_STREQ(error.message,
               "attention_mask is 0 in column 2 of row 1, which the result is computed from: its id ends "
               "the text");
}

/// From a row's first token on, whatever is masked behind it, and no further than its last.
TEST_F(Packing, PrefixesEndInColumnsOrTokens) {
  std::vector<int32_t> lengths = {3, 1};
  const lathe_tensor given = tensor("prefix_lens", lengths, {2});
  EXPECT_THAT(filled(LATHE_PREFIX_ENDS), testing::Contains(0).Times(8));
  request.prefixes = &given;
  auto ends = [&] {
    std::vector<int32_t> values = filled(LATHE_PREFIX_ENDS);
    values.resize(2);
    return values;
  };
  EXPECT_THAT(ends(), ElementsAre(3, 1));
  givesMask();
  EXPECT_THAT(ends(), ElementsAre(3, 2));
  positions = LATHE_COUNTS_TOKENS;
  EXPECT_THAT(ends(), ElementsAre(2, 1));
  lengths = {100, 0};
  EXPECT_THAT(ends(), ElementsAre(3, 0));
  positions = LATHE_COUNTS_COLUMNS;
  EXPECT_THAT(ends(), ElementsAre(4, 0));
  lengths = {0, -1};
  EXPECT_EQ(checkTokens(request, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "prefix_lens: -1 at row 1; accepted: 0 and more");
}

TEST_F(Packing, TheCallerMayChooseTokens) {
  EXPECT_THAT(filled(LATHE_EXCEPT_CHOSEN), ElementsAre(1, 1, 1, 0, 1, 1, 1, 0));
  std::vector<int32_t> columns = {1, 2};
  const lathe_tensor given = tensor("mc_token_ids", columns, {2});
  request.chosen = &given;
  EXPECT_THAT(filled(LATHE_EXCEPT_CHOSEN), ElementsAre(1, 0, 1, 1, 1, 1, 0, 1));
  givesMask();
  EXPECT_THAT(filled(LATHE_EXCEPT_CHOSEN), ElementsAre(1, 0, 1, 1, 0));
  columns[0] = 2;
  EXPECT_THAT(filled(LATHE_EXCEPT_CHOSEN), testing::IsEmpty());
  EXPECT_STREQ(error.message, "attention_mask is 0 in column 2 of row 0, which mc_logits are computed from");
  columns[0] = 4;
  EXPECT_THAT(filled(LATHE_EXCEPT_CHOSEN), testing::IsEmpty());
  EXPECT_STREQ(error.message, "mc_token_ids: 4 at row 0 is outside [0, 4)");
}

TEST_F(Packing, GlobalTokensAreTheCallersOrTheTasks) {
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), testing::Each(0));
  globals = LATHE_GLOBALS_FIRST_COLUMN;
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), ElementsAre(1, 0, 0, 0, 1, 0, 0, 0));
  givesMask();
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), ElementsAre(1, 0, 0, 0, 0)) << "column 0 of the second row is masked";
  std::vector<int32_t> given = {0, 0, 0, 1, 1, 0, 1, 0};
  const lathe_tensor givenTensor = tensor("global_attention_mask", given, {2, 4});
  request.globals = &givenTensor;
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), ElementsAre(0, 0, 1, 0, 1));
}

TEST_F(Packing, GlobalTokensAreToldBySeparators) {
  isRagged();
  paddingId = 7;
  globals = LATHE_GLOBALS_BEFORE_SEPARATORS;
  offsets = {0, 0, 8};
  ids[2] = ids[3] = ids[6] = 7;
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), ElementsAre(1, 1, 0, 0, 0, 0, 0, 0));
  globals = LATHE_GLOBALS_BEHIND_SEPARATORS;
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  ids[7] = 7;
  EXPECT_THAT(filled(LATHE_GLOBAL_MASK), testing::IsEmpty());
  EXPECT_STREQ(error.message, "input_ids has 4 separators (7) in row 1; without global_attention_mask it must have 3, "
                              "which tell what is global");
}

/// The caller's rows are what counts, not the tokens that a mask leaves.
TEST_F(Packing, BlocksAreGlobalByTheirPlaceInTheRow) {
  block = 1;
  repeats = 0; // rows of up to 3 columns are short
  EXPECT_THAT(filled(LATHE_BLOCK_GLOBALS), ElementsAre(0, 0, 0, 1, 0, 0, 0, 1));
  repeats = 2; // 7
  EXPECT_THAT(filled(LATHE_BLOCK_GLOBALS), testing::Each(1));
  repeats = 0;
  givesMask();
  EXPECT_THAT(filled(LATHE_BLOCK_GLOBALS), ElementsAre(0, 0, 1, 0, 0));
}

TEST_F(Packing, RaggedRowsHaveBlocksOfTheirOwn) {
  isRagged();
  block = 1;
  repeats = 2;
  offsets = {0, 8, 8};
  EXPECT_THAT(filled(LATHE_BLOCK_GLOBALS), ElementsAre(2, 0, 0, 0, 0, 0, 0, 1));
  offsets = {0, 1, 8};
  EXPECT_THAT(filled(LATHE_BLOCK_GLOBALS), testing::Each(1));
}

/// Masked or not.
TEST_F(Packing, QuestionsEndWithTheFirstSeparator) {
  positions = LATHE_COUNTS_SEPARATORS;
  paddingId = 12;
  EXPECT_THAT(filled(LATHE_QUESTION_MASK), ElementsAre(0, 1, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(filled(LATHE_TOKEN_TYPE_IDS), ElementsAre(0, 0, 0, 1, 0, 1, 1, 1));
  givesMask();
  EXPECT_THAT(filled(LATHE_QUESTION_MASK), ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(filled(LATHE_TOKEN_TYPE_IDS), ElementsAre(0, 0, 1, 1, 1));
  request.types = &maskTensor;
  EXPECT_THAT(filled(LATHE_TOKEN_TYPE_IDS), ElementsAre(1, 1, 1, 1, 1));
}

TEST_F(Packing, WhatIsOmittedMayBeNone) {
  givesMask();
  EXPECT_THAT(filled(LATHE_TOKEN_TYPE_IDS), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(filled(LATHE_LANGS, -1), ElementsAre(-1, -1, -1, -1, -1));
  request.langs = &maskTensor;
  EXPECT_THAT(filled(LATHE_LANGS, -1), ElementsAre(1, 1, 1, 1, 1));
}

/// As many tokens from the first column on as ids are no padding, wherever those stand.
TEST_F(Packing, AnOmittedMaskMayBeCounted) {
  const lathe_entry_input input = {LATHE_INPUT_IDS,   vocabulary,         1, 11, 0,
                                   LATHE_AXIS_TOKENS, LATHE_GLOBALS_NONE, 0, 0,  0};
  entry.inputs = &input;
  entry.n_inputs = 1;
  ids[6] = ids[7] = 11;
  EXPECT_THAT(filled(LATHE_INPUT_IDS), ElementsAre(10, 11, 12, 20, 21));
  givesMask();
  EXPECT_THAT(filled(LATHE_INPUT_IDS), ElementsAre(10, 11, 13, 21, 11));
}

} // namespace
