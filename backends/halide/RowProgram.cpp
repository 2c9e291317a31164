//===- RowProgram.cpp - programs as text, and what to keep of a row -----------===//
#include "backends/halide/RowProgram.h"

#include "backends/halide/ProgramText.h"

#include <algorithm>
#include <set>

namespace lathe {

namespace {
struct OpInfo {
  std::string_view name;
  int operands;
};
} // namespace

/// By RowOp.
static constexpr OpInfo opTable[] = {
    {"rows", 0},
    {"shared", 0},
    {"constant", 0},
#define LATHE_ROW_OP(NAME, OPERANDS) {#NAME, OPERANDS},
#include "backends/halide/RowOps.def"
};

static const OpInfo &infoOf(RowOp op) { return opTable[static_cast<size_t>(op)]; }

bool findRowOp(std::string_view name, RowOp &op) {
  for (size_t index = 0; index < std::size(opTable); ++index)
    if (opTable[index].name == name)
      return op = static_cast<RowOp>(index), true;
  return false;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

int RowProgram::input(bool shared, int64_t width) {
  values.push_back({.op = shared ? RowOp::Shared : RowOp::Rows, .width = width});
  return int(values.size()) - 1;
}

int RowProgram::constant(float value) {
  values.push_back({.op = RowOp::Constant, .constant = value});
  return int(values.size()) - 1;
}

int RowProgram::apply(RowOp op, std::vector<int> operands) {
  Value value = {.op = op, .operands = std::move(operands)};
  if (op < RowOp::row_sum)
    for (int operand : value.operands)
      value.width = std::max(value.width, values[operand].width);
  values.push_back(std::move(value));
  return int(values.size()) - 1;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string printRowProgram(const RowProgram &program) {
  std::string text;
  for (const RowProgram::Value &value : program.values) {
    text += infoOf(value.op).name;
    if (value.op == RowOp::Constant)
      text += " " + numberText(value.constant);
    else if (value.operands.empty())
      text += " " + numberText(value.width);
    for (int operand : value.operands)
      text += " " + numberText(operand);
    text += "; ";
  }
  text += "result";
  for (int result : program.results)
    text += " " + numberText(result);
  return text;
}

namespace {
/// Reads one text; `problem` is what stands in the way, if anything.
class Parser {
public:
  explicit Parser(RowProgram &program) : program(program) {}
  std::string problem;

  void parse(std::string_view text) {
    bool ended = false;
    while (!text.empty() && problem.empty()) {
      std::string_view item = takeUntil(text, ';');
      item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
      if (ended)
        return fail(item, "nothing may follow 'result'");
      std::string_view arguments = item, name = takeUntil(arguments, ' ');
      ended = name == "result";
      ended ? parseResults(item, arguments) : parseValue(item, name, arguments);
    }
    if (problem.empty() && !ended)
      problem = "a row program ends in 'result' and the numbers of values";
  }

private:
  void fail(std::string_view item, const std::string &why) {
    problem = "row program, value " + std::to_string(program.values.size()) + " '" + std::string(item) + "': " + why;
  }

  /// The number of a value that is there already.
  bool parseIndex(std::string_view item, std::string_view &arguments, int &index) {
    std::string_view word = takeUntil(arguments, ' ');
    if (parseNumber(word, index) && index >= 0 && index < int(program.values.size()))
      return true;
    fail(item, "'" + std::string(word) + "' is no value before it");
    return false;
  }

  void parseResults(std::string_view item, std::string_view arguments) {
    if (arguments.empty())
      return fail(item, "there must be at least one");
    while (!arguments.empty()) {
      int index;
      if (!parseIndex(item, arguments, index))
        return;
      if (std::find(program.results.begin(), program.results.end(), index) != program.results.end())
        return fail(item, "a value is a result once");
      program.results.push_back(index);
    }
  }

  void parseValue(std::string_view item, std::string_view name, std::string_view arguments) {
    RowOp op;
    if (!findRowOp(name, op))
      return fail(item, "unknown op");
    if (op == RowOp::Constant) {
      float value;
      if (!parseNumber(arguments, value))
        return fail(item, "expected a number");
      program.constant(value);
      return;
    }
    if (op == RowOp::Rows || op == RowOp::Shared) {
      int64_t width;
      if (!parseNumber(arguments, width) || width < 1 || width > maxRowWidth)
        return fail(item, "expected a width from 1 to " + std::to_string(maxRowWidth));
      program.input(op == RowOp::Shared, width);
      return;
    }
    std::vector<int> operands(infoOf(op).operands);
    for (int &operand : operands)
      if (!parseIndex(item, arguments, operand))
        return;
    if (!arguments.empty())
      return fail(item, "expected " + std::to_string(operands.size()) + " operands");
    int64_t width = 1;
    for (int operand : operands) {
      int64_t other = program.values[operand].width;
      if (width != 1 && other != 1 && width != other)
        return fail(item, "operands of " + std::to_string(width) + " and " + std::to_string(other) + " elements");
      width = std::max(width, other);
    }
    program.apply(op, std::move(operands));
  }

  RowProgram &program;
};
} // namespace

bool parseRowProgram(std::string_view text, RowProgram &program, std::string &error) {
  program = {};
  Parser parser(program);
  parser.parse(text);
  error = parser.problem;
  return error.empty();
}

//===----------------------------------------------------------------------===//
// What to keep
//===----------------------------------------------------------------------===//

/// About how much one element of it costs, where a load from the first-level cache costs 1.
static double costOf(RowOp op) {
  switch (op) {
  case RowOp::Constant:
    return 0;
  case RowOp::Rows:
  case RowOp::Shared:
    return 1;
  case RowOp::div:
  case RowOp::sqrt:
    return 4;
  case RowOp::rsqrt:
  case RowOp::exp:
  case RowOp::log:
  case RowOp::log1p:
  case RowOp::tanh:
  case RowOp::erf:
  case RowOp::sigmoid:
  case RowOp::gelu:
  case RowOp::pow:
    return 12;
  default:
    return 0.5;
  }
}

std::vector<int> findKeptRows(const RowProgram &program) {
  int count = int(program.values.size());
  // One element of each value, computed from the inputs; what is one number for a row is at hand.
  std::vector<double> cost(count);
  for (int index = 0; index < count; ++index) {
    const RowProgram::Value &value = program.values[index];
    if (value.width == 1)
      continue;
    cost[index] = costOf(value.op);
    for (int operand : value.operands)
      cost[index] += cost[operand];
  }

  // From the last value to the first: which passes need its elements. A pass has the number of what it computes: a
  // reduction, a result, or a row that is kept.
  std::vector<std::set<int>> passes(count);
  std::vector<int> kept;
  for (int index = count; index-- > 0;) {
    const RowProgram::Value &value = program.values[index];
    bool result = std::find(program.results.begin(), program.results.end(), index) != program.results.end();
    if (program.isInput(index) || value.width == 1) {
      if (program.isReduction(index))
        passes[value.operands[0]].insert(index);
      continue;
    }
    // Kept, it costs one computation, a store and a load in every pass but its own; else a computation in each.
    double readers = double(passes[index].size());
    bool keep = !result && readers > 1 && cost[index] * (readers - 1) > readers + 1;
    if (keep)
      kept.insert(kept.begin(), index);
    if (keep || result)
      passes[index] = {index};
    for (int operand : value.operands)
      passes[operand].insert(passes[index].begin(), passes[index].end());
  }
  return kept;
}

} // namespace lathe
