//===- RowProgram.h - what is computed from each row --------------------------===//
//
// A row group as plain C++: the interface between the back end, which is built as MLIR is, and the module that knows
// Halide, which is built as Halide is. A program is a list of values; each row of the inputs gives one row of the
// results, by the same instructions, and no row sees another. As text, one value behind the other, "; " between them:
//
//   rows 768; shared 768; constant 1e-06; mul 0 0; row_mean 3; add 4 2; rsqrt 5; mul 0 6; mul 7 1; result 8
//
// is RMSNorm: value 0 is a row of 768 elements, value 1 a vector that all rows share, value 3 = value 0 * value 0.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_HALIDE_ROWPROGRAM_H
#define LATHE_BACKENDS_HALIDE_ROWPROGRAM_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

enum class RowOp : uint8_t {
  Rows,     ///< an input: `width` elements of each row
  Shared,   ///< an input: `width` elements that are the same for all rows
  Constant, ///< one number
#define LATHE_ROW_OP(NAME, OPERANDS) NAME,
#include "backends/halide/RowOps.def"
};

/// The widest row: far beyond any model, and small enough that indices of a row never overflow 32 bits.
constexpr int64_t maxRowWidth = 1 << 26;

struct RowProgram {
  struct Value {
    RowOp op;
    std::vector<int> operands; ///< indices of earlier values
    float constant = 0;
    int64_t width = 1; ///< elements; operands of width 1 meet every element of a wider one
  };
  std::vector<Value> values;
  std::vector<int> results; ///< indices of values, each once

  bool isInput(int index) const { return values[index].op == RowOp::Rows || values[index].op == RowOp::Shared; }
  bool isReduction(int index) const { return values[index].op >= RowOp::row_sum; }

  /// Appends a value and returns its index. An instruction's width follows from its operands.
  int input(bool shared, int64_t width);
  int constant(float value);
  int apply(RowOp op, std::vector<int> operands);
};

std::string printRowProgram(const RowProgram &program);

/// Reads what `printRowProgram` writes. A text that is no program leaves a message in `error`: operands that are not
/// there yet or whose widths do not meet, an unknown op, no results.
bool parseRowProgram(std::string_view text, RowProgram &program, std::string &error);

/// The op of that name ("add", "row_sum"), unless there is none.
bool findRowOp(std::string_view name, RowOp &op);

/// The values whose rows are worth keeping while a row is worked on, in program order: those that several passes over
/// the row read and that are dearer to compute than to load. Results are kept anyway and are not among them. Each
/// needs `width` floats of memory that nobody reads afterwards.
std::vector<int> findKeptRows(const RowProgram &program);

} // namespace lathe

#endif
