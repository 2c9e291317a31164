#include "runtime/api/Packing.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/api/ImageRows.h"
#include "runtime/api/Memories.h"
#include "runtime/core/Checked.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {

int64_t callerIndex(const TokenAxis &axis, int64_t row, int64_t column) {
  return axis.ragged() ? load<int32_t>(axis.offsets->data, row) + column : row * axis.columns + column;
}

namespace {

bool isDense(const Request &request) { return request.entry->layout == LATHE_DENSE; }

/// Columns of a caller's row, masked ones included.
int64_t columnsOf(const TokenAxis &axis, int64_t row) {
  if (!axis.ragged())
    return axis.columns;
  return load<int32_t>(axis.offsets->data, row + 1) - load<int32_t>(axis.offsets->data, row);
}

/// Columns of a caller's row that may hold tokens: those the mask selects from.
int64_t columnsToVisit(const Request &request, const TokenAxis &axis, int64_t row) {
  const int64_t columns = columnsOf(axis, row);
  if (axis.ragged() || axis.mask || &axis == &request.targets)
    return columns;
  const lathe_entry_input *ids = findInput(*request.entry, LATHE_INPUT_IDS);
  if (!ids || ids->counts != LATHE_COUNTS_IDS)
    return columns;
  int64_t counted = 0;
  for (int64_t column = 0; column < columns; ++column)
    counted += integerAt(*axis.ids, callerIndex(axis, row, column)) != ids->padding_id;
  return counted;
}

/// Whether the mask leaves a column of a caller's row.
bool isUnmasked(const TokenAxis &axis, int64_t row, int64_t column) {
  return !axis.mask || integerAt(*axis.mask, row * axis.columns + column);
}

/// Whether a token of a caller's row exists.
bool isPresent(const Request &request, const TokenAxis &axis, int64_t row, int64_t column) {
  return column < columnsToVisit(request, axis, row) && isUnmasked(axis, row, column);
}

/// The last column of a caller's row whose id is no padding, masked or not; 0 where there is none.
int64_t lastColumn(const TokenAxis &axis, int64_t row, int64_t paddingId) {
  int64_t column = columnsOf(axis, row) - 1;
  while (column > 0 && integerAt(*axis.ids, callerIndex(axis, row, column)) == paddingId)
    --column;
  return column;
}

/// The last column of a caller's row that has this id; -1 where there is none.
int64_t lastColumnOf(const TokenAxis &axis, int64_t row, int64_t id) {
  int64_t column = columnsOf(axis, row) - 1;
  while (column >= 0 && integerAt(*axis.ids, callerIndex(axis, row, column)) != id)
    --column;
  return column;
}

/// The first column of a caller's row that has this id or, where it is negative, the row's greatest, masked or not; 0
/// where there is none.
int64_t firstColumnOf(const TokenAxis &axis, int64_t row, int64_t id) {
  const int64_t columns = columnsOf(axis, row);
  auto idAt = [&](int64_t column) { return integerAt(*axis.ids, callerIndex(axis, row, column)); };
  int64_t greatest = 0;
  for (int64_t column = 0; column < columns; ++column) {
    if (idAt(column) == id)
      return column;
    if (idAt(column) > idAt(greatest))
      greatest = column;
  }
  return id < 0 ? greatest : 0;
}

/// Calls visit(column) for each token of a row, in order. Offsets and mask have been checked.
template <typename Visit> void forEachColumn(const Request &request, const TokenAxis &axis, int64_t row, Visit visit) {
  const int64_t length = columnsToVisit(request, axis, row);
  for (int64_t column = 0; column < length; ++column)
    if (isUnmasked(axis, row, column))
      visit(column);
}

/// Calls visit(row, column) for each token of the first axis, likewise.
template <typename Visit> void forEachToken(const Request &request, Visit visit) {
  if (!request.rows)
    return; // with no columns there may be any number of rows to walk for nothing
  for (int64_t row = 0; row < request.sequences; ++row)
    forEachColumn(request, request, row, [&](int64_t column) { visit(row, column); });
}

/// What stands before the names of an axis' inputs.
const char *prefixOf(const Request &request, const TokenAxis &axis) {
  return &axis == &request.targets ? "decoder_" : "";
}

lathe_status checkOffsets(const Request &request, const TokenAxis &axis, lathe_error *error) {
  const void *offsets = axis.offsets->data;
  const char *prefix = prefixOf(request, axis);
  int64_t limit = request.entry->position_limit;
  int32_t previous = load<int32_t>(offsets, 0);
  if (previous != 0)
    return fail(error, LATHE_INVALID_ARGUMENT, "%scu_seqlens begins with %d; it must begin with 0", prefix, previous);
  for (int64_t row = 0; row < request.sequences; ++row) {
    int32_t next = load<int32_t>(offsets, row + 1);
    if (next < previous)
      return fail(error, LATHE_INVALID_ARGUMENT, "%scu_seqlens falls from %d to %d at index %lld; it must not fall",
                  prefix, previous, next, static_cast<long long>(row) + 1);
    if (limit && next - previous > limit)
      return fail(error, LATHE_TOO_LONG, "sequence %lld has %d tokens; this model has positions for %lld",
                  static_cast<long long>(row), next - previous, static_cast<long long>(limit));
    previous = next;
  }
  const int64_t rows = *prefix ? axis.rows : request.textRows();
  if (previous != rows)
    return fail(error, LATHE_INVALID_ARGUMENT, "%scu_seqlens ends with %d; %sinput_ids has %lld tokens", prefix,
                previous, prefix, static_cast<long long>(rows));
  return LATHE_OK;
}

lathe_status checkPrefixes(const Request &request, lathe_error *error) {
  for (int64_t row = 0; row < request.sequences; ++row)
    if (integerAt(*request.prefixes, row) < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "prefix_lens: %lld at row %lld; accepted: 0 and more",
                  static_cast<long long>(integerAt(*request.prefixes, row)), static_cast<long long>(row));
  return LATHE_OK;
}

/// Where the prefix of the map's sequence `k` ends: the column behind it, or the number of tokens in it.
int64_t prefixEnd(const Request &request, const TokenMap &map, int64_t k, bool countsTokens) {
  const int64_t length = request.prefixes ? integerAt(*request.prefixes, map.rows[k]) : 0;
  const int64_t first = map.columns[map.offsets[k]], behind = int64_t(map.columns[map.offsets[k + 1] - 1]) + 1;
  const int64_t end = length < behind - first ? first + length : behind;
  if (!length || !countsTokens)
    return length ? end : 0;
  int64_t tokens = 0;
  while (map.offsets[k] + tokens < map.offsets[k + 1] && map.columns[map.offsets[k] + tokens] < end)
    ++tokens;
  return tokens;
}

lathe_status checkMask(const Request &request, const TokenAxis &axis, lathe_error *error) {
  const char *prefix = prefixOf(request, axis);
  const int64_t rows = *prefix ? axis.rows : request.textRows();
  const int64_t columns = *prefix ? axis.columns : request.textColumns();
  for (int64_t i = 0; i < rows; ++i) {
    int64_t value = integerAt(*axis.mask, i);
    if (value != 0 && value != 1)
      return fail(error, LATHE_INVALID_ARGUMENT, "%sattention_mask: %lld at row %lld, column %lld; accepted: 0 and 1",
                  prefix, static_cast<long long>(value), static_cast<long long>(i / columns),
                  static_cast<long long>(i % columns));
  }
  return LATHE_OK;
}

/// The column that a caller chose of a row, or the last; -1 with the error set where there is none.
int64_t chosenColumn(const Request &request, int64_t row, lathe_error *error) {
  const int64_t columns = columnsOf(request, row);
  const int64_t column = request.chosen ? integerAt(*request.chosen, row) : columns - 1;
  if (column >= 0 && column < columns)
    return column;
  fail(error, LATHE_INVALID_ARGUMENT, "mc_token_ids: %lld at row %lld is outside [0, %lld)",
       static_cast<long long>(column), static_cast<long long>(row), static_cast<long long>(columns));
  return -1;
}

/// Columns [begin, end) of a caller's row whose tokens are global.
struct GlobalColumns {
  int64_t begin = 0, end = 0;
};

/// Those that `which` says, told by separators of this id.
lathe_status findGlobalColumns(const TokenAxis &axis, int64_t row, int32_t which, int64_t separatorId,
                               GlobalColumns &columns, lathe_error *error) {
  if (which == LATHE_GLOBALS_NONE || which == LATHE_GLOBALS_FIRST_COLUMN) {
    columns.end = which == LATHE_GLOBALS_FIRST_COLUMN;
    return LATHE_OK;
  }
  const int64_t width = columnsOf(axis, row);
  int64_t first = -1, found = 0;
  for (int64_t column = 0; column < width; ++column)
    if (integerAt(*axis.ids, callerIndex(axis, row, column)) == separatorId && !found++)
      first = column;
  if (found != 3)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "input_ids has %lld separators (%lld) in row %lld; without global_attention_mask it must have 3, which "
                "tell what is global",
                static_cast<long long>(found), static_cast<long long>(separatorId), static_cast<long long>(row));
  if (which == LATHE_GLOBALS_BEFORE_SEPARATORS)
    columns.end = first;
  else
    columns = {first + 2, width};
  return LATHE_OK;
}

/// How often the tokens in a column count as keys to all tokens of a row of so many columns; see LATHE_BLOCK_GLOBALS.
int64_t blockGlobal(const lathe_entry_input &input, int64_t column, int64_t columns) {
  if (columns <= (3 + 2 * input.repeats) * input.block)
    return 1;
  const int64_t block = column / input.block, last = (columns - 1) / input.block;
  return block == 0 ? input.repeats : block == last;
}

/// Positions that count ids, of a caller's row from left to right (see lathe_counts).
class PositionCounter {
public:
  PositionCounter(const TokenAxis &axis, int64_t row, int64_t paddingId) : axis(axis), row(row), paddingId(paddingId) {}

  /// Columns must rise from call to call.
  int64_t at(int64_t column) {
    int64_t id = paddingId;
    for (; next <= column; ++next) {
      id = integerAt(*axis.ids, callerIndex(axis, row, next));
      counted += id != paddingId;
    }
    return id == paddingId ? paddingId : paddingId + counted;
  }

private:
  const TokenAxis &axis;
  int64_t row, paddingId, next = 0, counted = 0;
};

/// Rows moved from the last to the first, so that none is overwritten before it has moved; rows in between become
/// zeros.
class RowMover {
public:
  RowMover(const void *from, void *to, int64_t rows, int64_t width)
      : from(static_cast<const char *>(from)), to(static_cast<char *>(to)), end(rows),
        rowBytes(width * int64_t(sizeof(float))) {}

  /// Targets must fall from call to call.
  void move(int64_t source, int64_t target) {
    zeroFrom(target + 1);
    memmove(to + target * rowBytes, from + source * rowBytes, size_t(rowBytes));
    end = target;
  }
  /// Zeroes what is left in front.
  void finish() { zeroFrom(0); }

private:
  void zeroFrom(int64_t begin) {
    if (begin < end)
      memset(to + begin * rowBytes, 0, size_t((end - begin) * rowBytes));
  }

  const char *from;
  char *to;
  int64_t end; // rows from here on are done
  int64_t rowBytes;
};

} // namespace

lathe_status checkTokens(const Request &request, lathe_error *error) {
  if (request.prefixes)
    if (lathe_status status = checkPrefixes(request, error))
      return status;
  for (int32_t which = 0; which < request.axes(); ++which) {
    const TokenAxis &axis = request.axis(which);
    if (axis.ragged())
      if (lathe_status status = checkOffsets(request, axis, error))
        return status;
    if (axis.mask)
      if (lathe_status status = checkMask(request, axis, error))
        return status;
  }
  return LATHE_OK;
}

Counts countTokens(const Request &request) {
  Counts counts;
  int64_t currentRow = -1, length = 0;
  forEachToken(request, [&](int64_t row, int64_t column) {
    if (row != currentRow) {
      currentRow = row;
      length = 0;
      ++counts.sequences;
      if (column && counts.firstMaskedRow < 0)
        counts.firstMaskedRow = row;
      if (request.axes() > 1 && !request.remembers()) {
        int64_t targets = 0;
        forEachColumn(request, request.targets, row, [&](int64_t) { ++targets; });
        counts.targets += targets;
        counts.longestTargets = targets > counts.longestTargets ? targets : counts.longestTargets;
      }
    }
    ++counts.tokens;
    if (++length > counts.longest)
      counts.longest = length;
  });
  if (request.remembers()) {
    counts.targets = counts.tokens + counts.sequences * request.remembered;
    counts.longestTargets = counts.longest + request.remembered;
  }
  return counts;
}

lathe_status frameSize(const Request &request, const Counts &counts, FrameSize &size, lathe_error *error) {
  size = {counts.tokens, counts.sequences, counts.longest, counts.targets, counts.longestTargets};
  if (!isDense(request))
    return LATHE_OK;
  if (!request.ragged())
    size.longest = request.columns;
  if (request.remembers())
    size.longestTargets = size.longest + request.remembered;
  else if (!request.targets.ragged())
    size.longestTargets = request.targets.columns;
  const Checked tokens = Checked(size.batch) * size.longest, targets = Checked(size.batch) * size.longestTargets;
  if (!tokens.valid || !targets.valid)
    return fail(error, LATHE_INVALID_ARGUMENT, "%lld sequences padded to %lld tokens are beyond any memory",
                static_cast<long long>(size.batch),
                static_cast<long long>(tokens.valid ? size.longestTargets : size.longest));
  size.tokens = tokens.value;
  size.targets = targets.value;
  return LATHE_OK;
}

void mapTokens(const Request &request, TokenMap &map) {
  map.sequences = 0;
  int32_t tokens = 0;
  forEachToken(request, [&](int64_t row, int64_t column) {
    if (!map.sequences || map.rows[map.sequences - 1] != row) {
      map.offsets[map.sequences] = tokens;
      map.rows[map.sequences++] = row;
    }
    map.columns[tokens++] = int32_t(column);
  });
  map.offsets[map.sequences] = tokens;
}

void mapTargets(const Request &request, const TokenMap &tokens, TokenMap &map) {
  if (request.remembers())
    return mapMemories(request, tokens, map);
  map.sequences = tokens.sequences;
  map.rows = tokens.rows;
  int32_t targets = 0;
  for (int64_t k = 0; k < map.sequences; ++k) {
    map.offsets[k] = targets;
    forEachColumn(request, request.targets, map.rows[k],
                  [&](int64_t column) { map.columns[targets++] = int32_t(column); });
  }
  map.offsets[map.sequences] = targets;
}

int64_t bytesPerToken(const lathe_entry_input &input) {
  const bool isRow = input.kind == LATHE_INPUT_MODAL || input.kind == LATHE_PIXEL_VALUES ||
                     input.kind == LATHE_GRID_ROWS || input.kind == LATHE_GRID_COLUMNS || input.kind == LATHE_MEMORIES;
  return input.kind == LATHE_ATTENTION_MASK ? 1
         : isRow                            ? input.limit * int64_t(sizeof(float))
                                            : int64_t(sizeof(int32_t));
}

lathe_status fillInput(const Request &request, const TokenMap &map, const FrameSize &size,
                       const lathe_entry_input &input, void *values, lathe_error *error) {
  const bool dense = isDense(request), ofTargets = input.axis == LATHE_AXIS_TARGETS;
  const TokenAxis &axis = request.axis(input.axis);
  const int64_t longest = ofTargets ? size.longestTargets : size.longest;
  int32_t *integers = static_cast<int32_t *>(values);
  if (input.kind == LATHE_CU_SEQLENS) {
    for (int64_t k = 0; k <= map.sequences; ++k)
      integers[k] = dense ? int32_t(k * longest) : map.offsets[k];
    return LATHE_OK;
  }
  if (ofTargets && request.remembers()) {
    fillMemories(request, map, size, input, values);
    return LATHE_OK;
  }
  if (input.kind == LATHE_PREFIX_ENDS) {
    for (int64_t k = 0; k < map.sequences; ++k)
      integers[k] = int32_t(prefixEnd(request, map, k, input.counts == LATHE_COUNTS_TOKENS));
    return LATHE_OK;
  }
  if (input.kind == LATHE_ROW_COLUMNS) {
    for (int64_t k = 0; k < map.sequences; ++k)
      integers[k] = int32_t(columnsOf(axis, map.rows[k]));
    return LATHE_OK;
  }
  const int64_t by = input.kind == LATHE_NEXT_IDS ? 1 : input.kind == LATHE_PREVIOUS_IDS ? -1 : 0; // columns
  const lathe_tensor *given = input.kind == LATHE_INPUT_IDS || by  ? axis.ids
                              : input.kind == LATHE_TOKEN_TYPE_IDS ? axis.types
                              : input.kind == LATHE_LANGS          ? axis.langs
                              : input.kind == LATHE_POSITION_IDS   ? axis.positions
                              : input.kind == LATHE_PROMPT_MASK    ? axis.prompts
                              : input.kind == LATHE_GLOBAL_MASK    ? request.globals
                                                                   : nullptr;
  const int32_t counts = given ? LATHE_COUNTS_COLUMNS : input.counts;
  const bool defaultsToColumn = input.kind == LATHE_POSITION_IDS || input.kind == LATHE_COLUMNS;
  const int64_t limit = idLimit(input);
  if (dense) // rows without a token have a valid value
    memset(values, 0, size_t(ofTargets ? size.targets : size.tokens) * size_t(bytesPerToken(input)));
  for (int64_t k = 0; k < map.sequences; ++k) {
    PositionCounter positions(axis, map.rows[k], input.padding_id);
    const int64_t columns = columnsOf(axis, map.rows[k]);
    const bool exceptEnd = input.kind == LATHE_EXCEPT_END, exceptChosen = input.kind == LATHE_EXCEPT_CHOSEN;
    const bool exceptFirst = input.kind == LATHE_EXCEPT_FIRST;
    const bool exceptOne = exceptEnd || exceptChosen || exceptFirst || input.kind == LATHE_EXCEPT_LAST;
    const int64_t last = exceptEnd      ? lastColumnOf(request, map.rows[k], input.padding_id)
                         : exceptChosen ? chosenColumn(request, map.rows[k], error)
                         : exceptFirst  ? firstColumnOf(axis, map.rows[k], input.padding_id)
                         : exceptOne    ? lastColumn(axis, map.rows[k], input.padding_id)
                                        : -1;
    const bool isTold = counts == LATHE_COUNTS_SEPARATORS, isQuestion = input.kind == LATHE_QUESTION_MASK;
    const int64_t separator = isTold ? firstColumnOf(axis, map.rows[k], input.padding_id) : 0;
    GlobalColumns globals;
    if (input.kind == LATHE_GLOBAL_MASK && !given)
      if (lathe_status status = findGlobalColumns(axis, map.rows[k], input.globals, input.padding_id, globals, error))
        return status;
    if (exceptChosen && last < 0)
      return LATHE_INVALID_ARGUMENT;
    if (exceptEnd && last < 0)
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "input_ids has no %lld in row %lld, the end of texts, in whose column the result is computed",
                  static_cast<long long>(input.padding_id), static_cast<long long>(map.rows[k]));
    if (exceptChosen && !isPresent(request, axis, map.rows[k], last))
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "attention_mask is 0 in column %lld of row %lld, which mc_logits are computed from",
                  static_cast<long long>(last), static_cast<long long>(map.rows[k]));
    if (exceptFirst && !isPresent(request, axis, map.rows[k], last))
      return fail(
          error, LATHE_INVALID_ARGUMENT,
          "attention_mask is 0 in column %lld of row %lld, which the result is computed from: its id ends the text",
          static_cast<long long>(last), static_cast<long long>(map.rows[k]));
    if (exceptOne && input.padding_id < 0 && !isPresent(request, axis, map.rows[k], last))
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "%sattention_mask is 0 in column %lld of row %lld, the last one, which the result is computed from; "
                  "shift the row to the right",
                  prefixOf(request, axis), static_cast<long long>(last), static_cast<long long>(map.rows[k]));
    if (exceptOne && !isPresent(request, axis, map.rows[k], last))
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "%sattention_mask is 0 in column %lld of row %lld, which the result is computed from: its id is the "
                  "last that is %s (%lld)",
                  prefixOf(request, axis), static_cast<long long>(last), static_cast<long long>(map.rows[k]),
                  exceptEnd ? "the end" : "no padding", static_cast<long long>(input.padding_id));
    for (int32_t t = map.offsets[k]; t < map.offsets[k + 1]; ++t) {
      int64_t column = map.columns[t];
      int64_t target = dense ? k * longest + column : t;
      column += by;
      if (column < 0 || column >= columns) {
        integers[target] = -1;
        continue;
      }
      if (input.kind == LATHE_ATTENTION_MASK) {
        static_cast<uint8_t *>(values)[target] = 1;
        continue;
      }
      if (request.entry->image && fillImageRow(request, lathe_input_kind(input.kind), map.rows[k], column,
                                               static_cast<char *>(values) + target * bytesPerToken(input)))
        continue;
      if (exceptOne) {
        integers[target] = column != last;
        continue;
      }
      const int32_t vector = request.vectorOf ? request.vectorOf[callerIndex(axis, map.rows[k], column)] : -1;
      if (input.kind == LATHE_INPUT_MODAL) {
        const int64_t bytes = bytesPerToken(input);
        char *row = static_cast<char *>(values) + target * bytes;
        if (vector >= 0)
          memcpy(row, static_cast<const char *>(request.modal->data) + vector * bytes, size_t(bytes));
        else
          memset(row, 0, size_t(bytes));
        continue;
      }
      if (input.kind == LATHE_MODAL_IDS || (input.kind == LATHE_INPUT_IDS && vector >= 0)) {
        integers[target] = input.kind == LATHE_MODAL_IDS && vector >= 0 ? 0 : -1;
        continue;
      }
      if (input.kind == LATHE_CLUSTER_IDS) { // input_ids has them all, and their limit
        const int64_t within = integerAt(*axis.ids, callerIndex(axis, map.rows[k], column)) - input.number;
        integers[target] = within >= 0 && within < input.limit ? int32_t(within) : -1;
        continue;
      }
      if (input.kind == LATHE_GLOBAL_MASK && !given) {
        integers[target] = column >= globals.begin && column < globals.end;
        continue;
      }
      int64_t value = given                               ? integerAt(*given, callerIndex(axis, map.rows[k], column))
                      : counts == LATHE_COUNTS_IDS        ? positions.at(column)
                      : counts == LATHE_COUNTS_TOKENS     ? t - map.offsets[k]
                      : defaultsToColumn                  ? column
                      : isTold && isQuestion              ? column > 0 && column <= separator
                      : isTold                            ? column > separator
                      : input.kind == LATHE_BLOCK_GLOBALS ? blockGlobal(input, column, columns)
                                                          : input.omitted;
      if (value >= limit || (given && value < 0))
        return fail(error, LATHE_INVALID_ARGUMENT, "%s: %lld at row %lld, column %lld is outside [0, %lld)",
                    given ? given->name : "positions", static_cast<long long>(value),
                    static_cast<long long>(map.rows[k]), static_cast<long long>(column), static_cast<long long>(limit));
      integers[target] = int32_t(value);
    }
  }
  return LATHE_OK;
}

void spreadOutput(const Request &request, const TokenMap &map, const FrameSize &size, const lathe_entry_output &output,
                  const void *from, void *to) {
  if (isOfMemories(request, output))
    return spreadMemories(request, map, size, output, from, to);
  if (output.rows == LATHE_ROWS_SEQUENCES) {
    RowMover mover(from, to, request.sequences, output.width);
    for (int64_t k = map.sequences - 1; k >= 0; --k)
      if (output.first_column != LATHE_FIRST_COLUMN_ZERO || map.columns[map.offsets[k]] == 0)
        mover.move(k, map.rows[k]);
    mover.finish();
    return;
  }
  if (output.rows == LATHE_ROWS_SCORES) { // a row for each head and query
    const int64_t seq = size.longest;
    RowMover mover(from, to, request.sequences * output.width * seq, request.longestKeys());
    for (int64_t k = map.sequences - 1; k >= 0; --k)
      for (int64_t head = output.width - 1; head >= 0; --head)
        for (int64_t t = int64_t(map.offsets[k + 1]) - 1; t >= map.offsets[k]; --t)
          mover.move((k * output.width + head) * seq + map.columns[t],
                     (map.rows[k] * output.width + head) * seq + map.columns[t]);
    mover.finish();
    return;
  }
  const bool dense = isDense(request), ofTargets = output.rows == LATHE_ROWS_TARGETS;
  const TokenAxis &axis = request.axis(ofTargets ? LATHE_AXIS_TARGETS : LATHE_AXIS_TOKENS);
  const int64_t longest = ofTargets ? size.longestTargets : size.longest;
  RowMover mover(from, to, axis.rows, output.width);
  for (int64_t k = map.sequences - 1; k >= 0; --k)
    for (int64_t t = int64_t(map.offsets[k + 1]) - 1; t >= map.offsets[k]; --t) {
      int64_t column = map.columns[t];
      mover.move(dense ? k * longest + column : t, callerIndex(axis, map.rows[k], column));
    }
  mover.finish();
}

} // namespace lathe
