// Steps of many texts through the model, of any number of tokens.
#ifndef LATHE_RUNTIME_GENERATE_STEPPER_H
#define LATHE_RUNTIME_GENERATE_STEPPER_H

#include "runtime/generate/Array.h"

namespace lathe {

/// What is put to the model in one step for one row of logits: tokens that a sequence goes on with.
struct Item {
  lathe_sequence *sequence;
  const int32_t *ids;
  int64_t count;
};

/// Runs steps in parts that keep within the context's budget.
class Stepper {
public:
  /// For up to so many rows of logits, and tokens, in a step.
  Stepper(lathe_context &context, int64_t rows, int64_t tokens);
  bool hasMemory() const { return sequences.data && ids.data && offsets.data && logitRows.data && logits.data; }

  /// Logits of what follows each item's last token. Changes the items.
  lathe_status run(Item *items, int64_t count, lathe_error *error);
  float *row(int64_t index) const { return &logits[index * vocabulary]; }

private:
  lathe_status runPart(const Item &item, lathe_error *error);
  lathe_status runTogether(const Item *items, int64_t count, int64_t firstRow, lathe_error *error);

  lathe_context &context;

public:
  const int64_t vocabulary;

private:
  const int64_t most;
  Array<lathe_sequence *> sequences;
  Array<int32_t> ids, offsets, logitRows;
  Array<float> logits;
};

} // namespace lathe

#endif
