//===- SentencePairs.cpp - scored pairs of sentences, and rank correlation ----===//
#include "compiler/driver/SentencePairs.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <numeric>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

class CsvParser {
public:
  CsvParser(StringRef text, StringRef origin) : rest(text), origin(origin) { rest.consume_front("\xEF\xBB\xBF"); }

  Expected<std::vector<CsvRecord>> parse() {
    std::vector<CsvRecord> records;
    while (!rest.empty()) {
      if (endLine())
        continue;
      CsvRecord record{line, {}};
      do {
        Expected<std::string> field = rest.starts_with("\"") ? quotedField() : plainField();
        if (!field)
          return field.takeError();
        record.fields.push_back(std::move(*field));
      } while (rest.consume_front(","));
      if (!rest.empty() && !endLine())
        return error("text behind a closing quote: " + quote(rest.take_until([](char c) { return c == '\n'; })));
      records.push_back(std::move(record));
    }
    return records;
  }

private:
  Error error(const llvm::Twine &what) const {
    return createStringError(quote(origin) + ", line " + llvm::Twine(line) + ": " + what);
  }
  bool endLine() {
    bool ended = rest.consume_front("\r\n") || rest.consume_front("\n");
    line += ended;
    return ended;
  }
  Expected<std::string> plainField() {
    StringRef field = rest.take_front(std::min(rest.find_first_of(",\n"), rest.size()));
    rest = rest.drop_front(field.size());
    if (field.ends_with("\r") && rest.starts_with("\n"))
      field = field.drop_back();
    if (field.contains('"'))
      return error("a quote inside the field " + quote(field) + "; write \"" + field + "\", each quote in it twice");
    return field.str();
  }
  Expected<std::string> quotedField() {
    size_t began = line;
    std::string field;
    rest = rest.drop_front();
    while (true) {
      size_t end = rest.find('"');
      if (end == StringRef::npos) {
        line = began;
        return error("a quoted field has no end");
      }
      line += rest.take_front(end).count('\n');
      field += rest.take_front(end);
      rest = rest.drop_front(end + 1);
      if (!rest.consume_front("\""))
        return field;
      field += '"';
    }
  }

  StringRef rest, origin;
  size_t line = 1;
};

} // namespace

Expected<std::vector<CsvRecord>> parseCsv(StringRef text, StringRef origin) { return CsvParser(text, origin).parse(); }

Expected<std::vector<SentencePair>> parseSentencePairs(StringRef text, StringRef origin) {
  Expected<std::vector<CsvRecord>> records = parseCsv(text, origin);
  if (!records)
    return records.takeError();
  std::vector<SentencePair> pairs;
  for (auto [index, record] : llvm::enumerate(*records)) {
    std::string where = quote(origin) + ", line " + std::to_string(record.line) + ": ";
    if (record.fields.size() != 3)
      return createStringError(where + llvm::Twine(record.fields.size()) +
                               " columns; accepted are three: sentence, sentence, score");
    SentencePair pair{record.fields[0], record.fields[1], 0};
    if (StringRef(record.fields[2]).trim().getAsDouble(pair.score) || !std::isfinite(pair.score)) {
      if (index == 0)
        continue; // a header
      return createStringError(where + "the score " + quote(record.fields[2]) + " is no number");
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::vector<double> averageRanks(ArrayRef<double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    for (size_t at = begin; at < end; ++at)
      ranks[order[at]] = (begin + 1 + end) / 2.0;
  }
  return ranks;
}

Expected<double> spearman(ArrayRef<double> x, ArrayRef<double> y) {
  std::vector<double> ranksX = averageRanks(x), ranksY = averageRanks(y);
  double mean = (x.size() + 1) / 2.0, xy = 0, xx = 0, yy = 0;
  for (auto [a, b] : llvm::zip_equal(ranksX, ranksY)) {
    xy += (a - mean) * (b - mean);
    xx += (a - mean) * (a - mean);
    yy += (b - mean) * (b - mean);
  }
  if (!xx || !yy)
    return createStringError("no rank correlation of " + llvm::Twine(x.size()) +
                             " pairs: at least two different scores and two different cosines are needed");
  return xy / std::sqrt(xx * yy);
}

} // namespace lathe
