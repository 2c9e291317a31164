// CSV as people write it, and rank correlation against values worked out by hand.
#include "compiler/driver/SentencePairs.h"
#include "tests/driver/Errors.h"

#include <cmath>

namespace lathe::test {
namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> fieldsOf(llvm::StringRef text) {
  std::vector<Fields> all;
  for (CsvRecord &record : llvm::cantFail(parseCsv(text, "f.csv")))
    all.push_back(std::move(record.fields));
  return all;
}

TEST(Csv, SplitsPlainAndQuotedFields) {
  EXPECT_EQ(fieldsOf("a,b,1\nc,,2\n"), (std::vector<Fields>{{"a", "b", "1"}, {"c", "", "2"}}));
  EXPECT_EQ(fieldsOf("\"a, \"\"b\"\"\",\"c\nd\",\"\""), (std::vector<Fields>{{"a, \"b\"", "c\nd", ""}}));
  EXPECT_EQ(fieldsOf("a,"), (std::vector<Fields>{{"a", ""}}));
}

TEST(Csv, TakesEveryLineEndAndAByteOrderMark) {
  EXPECT_EQ(fieldsOf("\xEF\xBB\xBF"
                     "a,b\r\n\r\n\"c\"\r\n\nd"),
            (std::vector<Fields>{{"a", "b"}, {"c"}, {"d"}}));
  EXPECT_EQ(fieldsOf("a\rb,c\r"), (std::vector<Fields>{{"a\rb", "c\r"}}));
  EXPECT_TRUE(fieldsOf("").empty());
}

TEST(Csv, NumbersLinesAcrossQuotedOnes) {
  auto records = llvm::cantFail(parseCsv("\n\"a\nb\"\nc\n", "f.csv"));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].line, 2u);
  EXPECT_EQ(records[1].line, 4u);
}

TEST(Csv, MisplacedQuotesAreErrorsWithTheirLine) {
  expectError(parseCsv("a\n\"b", "f.csv"), {"f.csv", "line 2", "no end"});
  expectError(parseCsv("a\nb\n\"c\"d,e", "f.csv"), {"line 3", "'d,e'"});
  expectError(parseCsv("a b\"c\"", "f.csv"), {"line 1", "quote"});
}

TEST(SentencePairs, TakeAHeaderOnlyFirst) {
  auto pairs = llvm::cantFail(parseSentencePairs("sentence1,sentence2,score\na,b, 2.5 \nc,d,1e-1\n", "f.csv"));
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].a, "a");
  EXPECT_EQ(pairs[1].b, "d");
  EXPECT_EQ(pairs[0].score, 2.5);
  EXPECT_EQ(pairs[1].score, 0.1);
  expectError(parseSentencePairs("a,b,1\na,b,score", "f.csv"), {"line 2", "'score'"});
  expectError(parseSentencePairs("a,b,1\na,b,nan", "f.csv"), {"line 2", "'nan'"});
  expectError(parseSentencePairs("a,b,1\na,b", "f.csv"), {"line 2", "2 columns", "three"});
}

TEST(AverageRanks, ShareTies) {
  EXPECT_EQ(averageRanks({30, 10, 20, 20, 5}), (std::vector<double>{5, 2, 3.5, 3.5, 1}));
  EXPECT_EQ(averageRanks({7, 7, 7}), (std::vector<double>{2, 2, 2}));
  EXPECT_TRUE(averageRanks({}).empty());
}

TEST(Spearman, LooksAtRanksOnly) {
  EXPECT_DOUBLE_EQ(llvm::cantFail(spearman({1, 2, 3}, {10, 1000, 1e6})), 1);
  EXPECT_DOUBLE_EQ(llvm::cantFail(spearman({1, 2, 3}, {3, 2, 1})), -1);
  // Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24).
  EXPECT_DOUBLE_EQ(llvm::cantFail(spearman({1, 2, 3, 4, 5}, {20, 10, 40, 30, 50})), 0.8);
  // Ranks 1.5 1.5 3 against 1 2 3: 1.5 / sqrt(1.5 * 2).
  EXPECT_DOUBLE_EQ(llvm::cantFail(spearman({4, 4, 5}, {1, 2, 3})), std::sqrt(0.75));
}

TEST(Spearman, NeedsDifferentValues) {
  expectError(spearman({1, 1}, {1, 2}), {"2 pairs"});
  expectError(spearman({}, {}), {"0 pairs"});
}

} // namespace
} // namespace lathe::test
