// Steps of many texts through the model, of any number of tokens.
#ifndef LATHE_RUNTIME_GENERATE_STEPPER_H
#define LATHE_RUNTIME_GENERATE_STEPPER_H

#include "runtime/generate/Array.h"

namespace lathe {

/// What is put to the model in one step for one row of results: tokens that a sequence goes on with.
struct Item {
  lathe_sequence *sequence;
  const int32_t *ids;
  int64_t count;
};

/// Runs steps in parts that keep within the context's budget.
class Stepper {
public:
  /// For up to so many rows, and tokens, in a step. A row is logits or, `onlyBest`, the greatest of them and its id.
  Stepper(lathe_context &context, int64_t rows, int64_t tokens, bool onlyBest);
  bool hasMemory() const { return sequences.data && ids.data && offsets.data && wanted.data && results.data; }

  /// Computes a row of what follows each item's last token. Changes the items.
  lathe_status run(Item *items, int64_t count, lathe_error *error);
  float *row(int64_t index) const { return &results[index * width]; }

private:
  lathe_status runPart(const Item &item, lathe_error *error);
  lathe_status runTogether(const Item *items, int64_t count, int64_t firstRow, lathe_error *error);

  lathe_context &context;
  const bool onlyBest;
  const int64_t width, most;
  Array<lathe_sequence *> sequences;
  Array<int32_t> ids, offsets, wanted;
  Array<float> results;
};

} // namespace lathe

#endif
