// What the tests of runtime/generate share: scratch memory, options, and loops that write texts with any model.
#ifndef LATHE_TESTS_UNIT_GENERATE_WRITING_H
#define LATHE_TESTS_UNIT_GENERATE_WRITING_H

#include "runtime/core/Cpu.h"
#include "runtime/core/Memory.h"
#include "runtime/generate/Beams.h"
#include "runtime/generate/Continuation.h"
#include "runtime/generate/GenerateOptions.h"

#include <functional>
#include <gtest/gtest.h>
#include <vector>

namespace lathe::test {

using Ids = std::vector<int32_t>;
/// Writes the logits that follow a text.
using Logits = std::function<void(const int32_t *ids, int64_t length, float *row)>;

inline bool hasAvx512() {
  static const bool has = !missingFeature(readCpu(), 0); // virtual machines take 100 us to say what a CPU has
  return has;
}

inline lathe_generate_options defaults() {
  lathe_generate_options options;
  generateDefaults(options);
  return options;
}

struct Text {
  Ids ids;
  double score;
};

inline lathe_status writeOne(const Logits &model, const Ids &prompt, const lathe_generate_options &options,
                             int64_t vocabulary, uint64_t sequence, Text &text, lathe_error &error) {
  Scratch scratch(heapAllocator, hasAvx512());
  Continuation continuation(heapAllocator, scratch);
  lathe_status status =
      continuation.start(prompt.data(), int64_t(prompt.size()), options, vocabulary, sequence, &error);
  std::vector<float> row(size_t(vocabulary), 0.0f);
  while (!status && !continuation.done()) {
    model(continuation.ids(), continuation.length(), row.data());
    status = continuation.advance(row.data(), &error);
  }
  text = {Ids(continuation.ids(), continuation.ids() + continuation.length()), 0};
  return status;
}

/// Checks on the way that beams are what parent() and token() say.
inline lathe_status writeWithBeams(const Logits &model, const Ids &prompt, const lathe_generate_options &options,
                                   int64_t vocabulary, uint64_t sequence, std::vector<Text> &texts, lathe_error &error,
                                   StopStrings *stop = nullptr) {
  Scratch scratch(heapAllocator, hasAvx512());
  BeamSearch search(heapAllocator, scratch);
  if (stop)
    search.setStop(*stop);
  lathe_status status = search.start(prompt.data(), int64_t(prompt.size()), options, vocabulary, sequence, &error);
  const int64_t stride = vocabulary + 3;
  std::vector<float> rows;
  std::vector<Ids> before;
  while (!status && search.live()) {
    rows.assign(size_t(search.live() * stride), 0.0f);
    before.clear();
    for (int64_t i = 0; i < search.live(); ++i) {
      before.emplace_back(search.ids(i), search.ids(i) + search.length());
      model(search.ids(i), search.length(), rows.data() + i * stride);
    }
    status = search.advance(rows.data(), stride, &error);
    for (int64_t i = 0; !status && i < search.live(); ++i) {
      Ids expected = before.at(size_t(search.parent(i)));
      expected.push_back(search.token(i));
      EXPECT_EQ(Ids(search.ids(i), search.ids(i) + search.length()), expected);
    }
  }
  texts.clear();
  for (int64_t i = 0; i < search.results(); ++i)
    texts.push_back(
        {Ids(search.result(i).ids, search.result(i).ids + search.result(i).length), search.result(i).score});
  return status;
}

} // namespace lathe::test

#endif
