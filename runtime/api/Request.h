// What a caller asks of an entry: tensors matched by name, checked in type and shape. Their values are Packing's
// concern.
#ifndef LATHE_RUNTIME_API_REQUEST_H
#define LATHE_RUNTIME_API_REQUEST_H

#include "lathe/program.h"

namespace lathe {

/// What the caller gives of one token axis.
struct TokenAxis {
  const lathe_tensor *ids = nullptr;
  const lathe_tensor *mask = nullptr;      // padded only; null: all ones, or see lathe_counts
  const lathe_tensor *types = nullptr;     // null: lathe_entry_input.omitted
  const lathe_tensor *langs = nullptr;     // likewise
  const lathe_tensor *positions = nullptr; // null: columns
  const lathe_tensor *prompts = nullptr;   // prompt_mask; null: zeros
  const lathe_tensor *offsets = nullptr;   // cu_seqlens: the axis is ragged
  int64_t columns = 0;                     // S, padded
  int64_t rows = 0;                        // sequences*S padded, T ragged: rows of an output of the axis
  int64_t longest = 0; // S padded; ragged that of cu_seqlens, read only where an output's shape goes by it

  bool ragged() const { return offsets != nullptr; }
};

/// Its own axis is the first one, of tokens.
struct Request : TokenAxis {
  const lathe_entry *entry = nullptr;
  const lathe_tensor *prefixes = nullptr; // prefix_lens, one for each sequence; null: zeros
  const lathe_tensor *chosen = nullptr;   // mc_token_ids, likewise; null: last columns
  const lathe_tensor *globals = nullptr;  // global_attention_mask; null: see lathe_globals
  const lathe_tensor *inputs = nullptr;   // all that are given
  size_t inputCount = 0;
  TokenAxis targets; // the second one, where the entry has it; its sequences are those of the first
  // Of models that read vectors of an image before each text (JoinModal.h):
  const lathe_tensor *modal = nullptr, *modalStart = nullptr, *modalEnd = nullptr;
  const lathe_tensor *modalTypes = nullptr, *modalPositions = nullptr;
  // Of entries whose tokens are of images (ImageRows.h), one of them: pixel_values, or images of bytes.
  const lathe_tensor *pixels = nullptr, *images = nullptr;
  int64_t lead = 0;                  // columns before each text, of which inputs for texts know nothing
  const int32_t *vectorOf = nullptr; // [rows], once joined: the row of `modal` that stands there, or -1
  // Of entries with memories (Memories.h): rows before each sequence's first token.
  int64_t remembered = 0;
  int64_t batch = 0;     // B of a padded request
  int64_t sequences = 0; // B, or B*choices, with those that have no token

  const TokenAxis &axis(int32_t which) const { return which == LATHE_AXIS_TARGETS ? targets : *this; }
  int32_t axes() const { return entry->has_targets ? LATHE_AXES : 1; }
  /// decoder_input_ids are to be made of input_ids (ShiftTargets.h).
  bool shiftsTargets() const { return entry->has_targets && !targets.ids && !remembers(); }
  /// The second axis is what tokens attend to, some of it from before the run.
  bool remembers() const { return entry->memories != 0; }
  /// What the longest sequence attends to.
  int64_t longestKeys() const { return remembers() ? targets.columns : longest; }
  /// What says how many tokens there are.
  const lathe_tensor &given() const { return images ? *images : entry->image ? *pixels : *ids; }
  int64_t textColumns() const { return columns - lead; }
  int64_t textRows() const { return rows - sequences * lead; }
  int64_t vectors() const { return modal->shape[1]; } // of each image
};

/// The entry called `name` (null: the first), or null with the error set.
const lathe_entry *findEntry(const lathe_program &program, const char *name, lathe_error *error);

/// Index of an output, or -1.
int32_t findOutput(const lathe_entry &entry, const char *name);

lathe_status readRequest(const lathe_entry &entry, const lathe_tensor *inputs, size_t count, Request &request,
                         lathe_error *error);

/// How many numbers the caller's array for an output has; their bytes are within any memory's.
int64_t elementsOf(const Request &request, const lathe_entry_output &output);

/// What the caller gives for an input of rotations, or null.
const lathe_tensor *findRotations(const Request &request, const lathe_entry_input &input);

/// Every given tensor that has elements must have data.
lathe_status checkData(const Request &request, lathe_error *error);

/// Sets dtype, rank and shape of each output by its name. Duplicates are an error.
lathe_status shapeOutputs(const Request &request, lathe_tensor *outputs, size_t count, lathe_error *error);

/// Accepts an output that has what `wanted` has, and data where it has elements; then all of those of an entry, by what
/// shapeOutputs would give.
lathe_status checkOutput(const lathe_tensor &output, const lathe_tensor &wanted, lathe_error *error);
lathe_status checkOutputs(const Request &request, const lathe_tensor *outputs, size_t count, lathe_error *error);

} // namespace lathe

#endif
