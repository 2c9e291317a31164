// What the two sides of a model that writes have in common: limits of an entry's inputs, and places in working memory.
#ifndef LATHE_RUNTIME_GENERATE_ENTRYINPUTS_H
#define LATHE_RUNTIME_GENERATE_ENTRYINPUTS_H

#include "lathe/program.h"
#include "runtime/core/FrameSize.h"

namespace lathe {

inline const lathe_entry_input *findInput(const lathe_entry &entry, lathe_input_kind kind) {
  for (int32_t i = 0; i < entry.n_inputs; ++i)
    if (entry.inputs[i].kind == kind)
      return &entry.inputs[i];
  return nullptr;
}

/// Below which an input's values lie.
inline int64_t limitOf(const lathe_entry_input *input) { return input && input->limit ? input->limit : INT64_MAX; }

/// Tokens that a sequence may have: positions of the entry, or as many as there can be.
inline int64_t placesOf(const lathe_entry &entry) {
  const int64_t columns = entry.position_limit ? entry.position_limit : INT32_MAX;
  const int64_t positions = limitOf(findInput(entry, LATHE_POSITION_IDS));
  return positions < columns ? positions : columns;
}

/// One array behind the other.
struct Places {
  Checked total = 0;

  int64_t place(Checked bytes) {
    const int64_t offset = total.value;
    total += bytes.roundUp(cacheLine);
    return offset;
  }
};

} // namespace lathe

#endif
