//===- SentencePairs.h - scored pairs of sentences, and rank correlation ------===//
#ifndef LATHE_COMPILER_DRIVER_SENTENCEPAIRS_H
#define LATHE_COMPILER_DRIVER_SENTENCEPAIRS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace lathe {

/// A record of a CSV file, and the line that it begins on.
struct CsvRecord {
  size_t line;
  std::vector<std::string> fields;
};

/// Splits CSV as RFC 4180 has it: fields in quotes hold commas, newlines and doubled quotes; lines end with LF or CRLF.
/// A byte order mark is skipped, and so are empty lines. A quote that is out of place is an error that names the line.
llvm::Expected<std::vector<CsvRecord>> parseCsv(llvm::StringRef text, llvm::StringRef origin);

struct SentencePair {
  std::string a, b;
  double score;
};

/// The columns a, b, score of a CSV file; the first record may be a header. Errors name file and line.
llvm::Expected<std::vector<SentencePair>> parseSentencePairs(llvm::StringRef text, llvm::StringRef origin);

/// Ranks from 1; equal values share the average of theirs.
std::vector<double> averageRanks(llvm::ArrayRef<double> values);

/// Spearman's rank correlation. An error where one side has no two different values: there is none then.
llvm::Expected<double> spearman(llvm::ArrayRef<double> x, llvm::ArrayRef<double> y);

} // namespace lathe

#endif
