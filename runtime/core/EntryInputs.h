// Which inputs an entry has, and what their values must lie below.
#ifndef LATHE_RUNTIME_CORE_ENTRYINPUTS_H
#define LATHE_RUNTIME_CORE_ENTRYINPUTS_H

#include "lathe/program.h"

namespace lathe {

/// The entry's input of that kind, or null.
inline const lathe_entry_input *findInput(const lathe_entry &entry, lathe_input_kind kind,
                                          int32_t axis = LATHE_AXIS_TOKENS) {
  for (int32_t i = 0; i < entry.n_inputs; ++i)
    if (entry.inputs[i].kind == kind && entry.inputs[i].axis == axis)
      return &entry.inputs[i];
  return nullptr;
}

/// What the values of an input must lie below; any int32 will do where it says nothing, or there is no such input.
inline int64_t idLimit(const lathe_entry_input &input) { return input.limit ? input.limit : int64_t(INT32_MAX) + 1; }
inline int64_t idLimit(const lathe_entry &entry, lathe_input_kind kind) {
  const lathe_entry_input *input = findInput(entry, kind);
  return input ? idLimit(*input) : int64_t(INT32_MAX) + 1;
}

/// Tokens that a sequence may have: positions of the entry, or as many as there can be.
inline int64_t placesOf(const lathe_entry &entry) {
  const int64_t columns = entry.position_limit ? entry.position_limit : INT32_MAX;
  const int64_t positions = idLimit(entry, LATHE_POSITION_IDS);
  return positions < columns ? positions : columns;
}

} // namespace lathe

#endif
