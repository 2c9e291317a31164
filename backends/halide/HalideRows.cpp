//===- HalideRows.cpp - row programs into Halide pipelines --------------------===//
//
// One call computes one row, so that what a row gives cannot depend on the rows beside it. Widths are known, so all
// loops have fixed bounds: 16 columns at a time, and the columns that are left with a mask. A sum runs in up to 64
// lanes, which are then added as a tree; the order depends on the width alone.
//
//===----------------------------------------------------------------------===//
#include "backends/halide/HalidePipelines.h"
#include "backends/halide/RowMath.h"
#include "backends/halide/RowProgram.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

using namespace Halide;

namespace lathe {
namespace {

constexpr int lanes = 16;

/// Builds the pipeline of one program. Funcs have the numbers of their values.
class RowPipeline {
public:
  explicit RowPipeline(const RowProgram &program) : program(program), column("column"), lane("lane") {
    kept = findKeptRows(program);
  }

  Module compile(const std::string &symbol, const Target &target);

private:
  const RowProgram::Value &valueOf(int index) const { return program.values[index]; }
  std::string nameOf(int index, const std::string &suffix = "") const { return "v" + std::to_string(index) + suffix; }

  /// Elements computed in one loop: the expressions made so far, at one index.
  struct Pass {
    Expr index;
    std::map<int, Expr> elements;
  };
  Expr element(int index, Pass &pass);
  Expr number(int index);
  Func reduce(int index);
  Func storeRow(int index, const std::string &name);

  const RowProgram &program;
  std::vector<int> kept;
  Var column, lane;
  std::map<int, ImageParam> inputs;
  std::map<int, Func> rows;    ///< wide values in memory: results and kept rows
  std::map<int, Func> numbers; ///< values of one element that are computed
};

/// The element of a value that a pass is at. Values of one element are the same all along the row.
Expr RowPipeline::element(int index, Pass &pass) {
  const RowProgram::Value &value = valueOf(index);
  if (value.width == 1)
    return number(index);
  if (auto input = inputs.find(index); input != inputs.end())
    return input->second(pass.index);
  if (auto row = rows.find(index); row != rows.end())
    return row->second(pass.index);
  Expr &made = pass.elements[index];
  if (!made.defined()) {
    std::vector<Expr> operands;
    for (int operand : value.operands)
      operands.push_back(element(operand, pass));
    made = applyRowOp(value.op, operands);
  }
  return made;
}

/// A value of one element. Each that is computed is a Func, so that it is computed once.
Expr RowPipeline::number(int index) {
  const RowProgram::Value &value = valueOf(index);
  if (value.op == RowOp::Constant)
    return value.constant;
  if (auto input = inputs.find(index); input != inputs.end())
    return input->second(0);
  auto found = numbers.find(index);
  if (found == numbers.end()) {
    Func made;
    if (program.isReduction(index)) {
      made = reduce(index);
    } else {
      std::vector<Expr> operands;
      for (int operand : value.operands)
        operands.push_back(number(operand));
      made = Func(nameOf(index));
      made() = applyRowOp(value.op, operands);
    }
    made.compute_root().store_in(MemoryType::Stack);
    found = numbers.emplace(index, made).first;
  }
  return found->second();
}

/// The value of a reduction, before its schedule as a number.
Func RowPipeline::reduce(int index) {
  const RowProgram::Value &value = valueOf(index);
  int operand = value.operands[0], width = int(valueOf(operand).width);
  bool sum = value.op == RowOp::row_sum || value.op == RowOp::row_mean;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  Expr nothing = sum ? 0.0f : value.op == RowOp::row_max ? -infinity : infinity;
  auto combine = [&](const Expr &a, const Expr &b) {
    return sum ? a + b : value.op == RowOp::row_max ? larger(a, b) : smaller(a, b);
  };
  auto elementAt = [&](const Expr &at) {
    Pass pass = {at, {}};
    return element(operand, pass);
  };

  // Four vectors side by side, since one would wait for itself.
  int side = std::min((width + lanes - 1) / lanes, 4) * lanes, blocks = width / side, left = width % side;
  Func partial(nameOf(index, "_partial"));
  partial(lane) = nothing;
  partial.compute_root().bound(lane, 0, side).store_in(MemoryType::Stack).vectorize(lane, lanes).unroll(lane);
  int updates = 0;
  if (blocks) {
    RDom block(0, blocks, nameOf(index, "_block"));
    partial(lane) = combine(partial(lane), elementAt(block * side + lane));
    partial.update(updates++).reorder(lane, block).vectorize(lane, lanes).unroll(lane);
  }
  if (left) {
    RDom rest(0, left, nameOf(index, "_rest"));
    partial(rest) = combine(partial(rest), elementAt(blocks * side + rest));
    partial.update(updates++).vectorize(rest, lanes, TailStrategy::GuardWithIf).unroll(rest);
  }

  // The vectors, then halves onto halves.
  Func folded = partial;
  for (int size = side; size > 1;) {
    int half = size > lanes ? lanes : size / 2;
    Func next(nameOf(index, "_fold" + std::to_string(half)));
    Expr total = folded(lane);
    for (int from = half; from < size; from += half)
      total = combine(total, folded(lane + from));
    next(lane) = total;
    next.compute_root().bound(lane, 0, half).store_in(MemoryType::Stack);
    if (half > 1)
      next.vectorize(lane, half);
    folded = next;
    size = half;
  }
  Func result(nameOf(index));
  Expr total = folded(0);
  result() = value.op == RowOp::row_mean ? total / float(width) : total;
  return result;
}

/// Computes a wide value along the row into memory that the caller gives.
Func RowPipeline::storeRow(int index, const std::string &name) {
  int width = int(valueOf(index).width);
  Pass pass = {column, {}};
  Expr value = element(index, pass);
  Func row(name);
  row(column) = value;
  row.bound(column, 0, width).vectorize(column, lanes, TailStrategy::GuardWithIf);
  row.output_buffer().dim(0).set_bounds(0, width).set_stride(1);
  return row;
}

Module RowPipeline::compile(const std::string &symbol, const Target &target) {
  std::vector<Argument> arguments;
  for (int index = 0; index < int(program.values.size()); ++index)
    if (program.isInput(index)) {
      ImageParam input(Float(32), 1, nameOf(index));
      input.dim(0).set_bounds(0, int(valueOf(index).width)).set_stride(1);
      inputs.emplace(index, input);
      arguments.push_back(input);
    }
  // In program order, so that each row finds those before it in memory.
  std::vector<int> stored = kept;
  for (int result : program.results)
    if (valueOf(result).width > 1)
      stored.push_back(result);
  std::sort(stored.begin(), stored.end());
  std::map<int, Func> made;
  for (int index : stored) {
    made.emplace(index, storeRow(index, nameOf(index, "_row")));
    if (!program.isInput(index))
      rows.emplace(index, made[index]);
  }
  std::vector<Func> outputs;
  for (int result : program.results) {
    if (valueOf(result).width > 1) {
      outputs.push_back(made[result]);
      continue;
    }
    Func single(nameOf(result, "_number"));
    single() = number(result);
    outputs.push_back(single);
  }
  for (int index : kept)
    outputs.push_back(made[index]);
  // External, and no more: neither a wrapper for untyped arguments nor a description of them.
  return Pipeline(outputs).compile_to_module(arguments, symbol, target, LinkageType::External);
}

} // namespace

Module makeRowPipeline(const std::string &text, const std::string &symbol, const Target &target) {
  RowProgram program;
  if (std::string problem; !parseRowProgram(text, program, problem))
    throw CompileError(problem);
  return RowPipeline(program).compile(symbol, target);
}

} // namespace lathe
