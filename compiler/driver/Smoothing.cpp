//===- Smoothing.cpp - channels evened out before they are bytes --------------===//
#include "compiler/driver/Smoothing.h"

#include "compiler/driver/JoinedRows.h"
#include "passes/precision/Observed.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace lathe {
namespace {

//===----------------------------------------------------------------------===//
// Who reads what
//===----------------------------------------------------------------------===//

/// Values that are one, as layers hand them on, and the linears that read them.
class ReadValues {
public:
  explicit ReadValues(ModuleOp module) {
    module.walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case<xf::LayerOp, xf::LayersOp>([&](auto call) {
            auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
            Value argument = callee.getArgument(0), returned = callee.front().getTerminator()->getOperand(0);
            join(call.getInputs()[0], argument);
            for (Value result : call->getResults())
              join(result, returned);
            if (isa<xf::LayersOp>(call))
              join(returned, argument);
          })
          .Case([&](xf::LayerNormOp norm) { normed.push_back(norm.getResult()); })
          .Case([&](xf::EmbedOp embed) {
            if (embed.getGain())
              normed.push_back(embed.getResult());
          })
          .Case([&](xf::LinearOp linear) { linears.push_back(linear); });
    });
  }

  /// The linears that read one value which a norm gives, for each such value.
  std::vector<std::vector<xf::LinearOp>> readersOfNorms() const {
    llvm::MapVector<void *, std::vector<xf::LinearOp>> readers;
    for (xf::LinearOp linear : linears)
      readers[leader(linear.getX())].push_back(linear);
    llvm::DenseSet<void *> ofNorms;
    for (Value value : normed)
      ofNorms.insert(leader(value));
    std::vector<std::vector<xf::LinearOp>> found;
    for (auto &[value, group] : readers)
      if (ofNorms.contains(value))
        found.push_back(std::move(group));
    return found;
  }

private:
  void join(Value a, Value b) { same.unionSets(a.getAsOpaquePointer(), b.getAsOpaquePointer()); }
  void *leader(Value value) const {
    auto found = same.findLeader(value.getAsOpaquePointer());
    return found == same.member_end() ? value.getAsOpaquePointer() : *found;
  }

  llvm::EquivalenceClasses<void *> same;
  std::vector<Value> normed;
  std::vector<xf::LinearOp> linears;
};

//===----------------------------------------------------------------------===//
// How much is lost
//===----------------------------------------------------------------------===//

/// A linear of one layer: its weight [N][K], and what it reads.
struct Reader {
  std::string name; ///< of its weight
  JoinedRows weight;
  const FactorStatistics *x;
  std::vector<float> largest;       ///< of each column of the weight, in magnitude
  std::vector<double> columnSquare; ///< the sum of each column's squares

  Reader(std::string name, JoinedRows weight, const FactorStatistics *x)
      : name(std::move(name)), weight(std::move(weight)), x(x), largest(this->weight.width()),
        columnSquare(this->weight.width()) {
    std::vector<float> row(this->weight.width());
    for (int64_t n = 0; n < this->weight.count(); ++n) {
      this->weight.read(n, row);
      for (size_t k = 0; k < row.size(); ++k) {
        largest[k] = std::max(largest[k], std::fabs(row[k]));
        columnSquare[k] += double(row[k]) * row[k];
      }
    }
  }

  /// The mean of squares of x's rounding errors, all columns alike, if x[k] is divided by s[k].
  double errorOfX(ArrayRef<float> s) const {
    const ArrayRef<float> sample = x->sample();
    const size_t rows = sample.size() / s.size();
    double sum = 0;
    for (size_t at = 0; at < rows; ++at) {
      float above = 0, below = 0;
      for (size_t k = 0; k < s.size(); ++k) {
        const float value = sample[at * s.size() + k] / s[k];
        above = std::max(above, value), below = std::min(below, value);
      }
      sum += std::pow((double(above) - below) / 255, 2);
    }
    return rows ? sum / double(rows) / 12 : 0; // of what lies evenly between two steps
  }
};

/// The largest of the numbers in magnitude, each times its factor; lanes, because a compiler keeps the order of one.
float largestOf(ArrayRef<float> values, ArrayRef<float> factors) {
  constexpr size_t lanes = 16;
  float largest[lanes] = {};
  size_t k = 0;
  for (; k + lanes <= values.size(); k += lanes)
    for (size_t lane = 0; lane < lanes; ++lane)
      largest[lane] = std::max(largest[lane], std::fabs(values[k + lane] * factors[k + lane]));
  for (; k < values.size(); ++k)
    largest[0] = std::max(largest[0], std::fabs(values[k] * factors[k]));
  return *std::max_element(std::begin(largest), std::end(largest));
}

/// For each choice of s, the part of the products' squares that is lost when x/s and weight*s are rounded, summed over
/// the readers: errors of x and of weights are taken for independent ones.
std::vector<double> lostWith(ArrayRef<Reader> readers, ArrayRef<std::vector<float>> choices) {
  std::vector<double> lost(choices.size());
  for (const Reader &reader : readers) {
    const size_t width = reader.columnSquare.size();
    double all = 0;
    for (size_t k = 0; k < width; ++k)
      all += reader.columnSquare[k] * reader.x->meanSquare(k);
    if (all == 0)
      continue;
    std::vector<double> stepSquares(choices.size()); // summed over rows of the weight
    std::vector<float> row(width);
    for (int64_t n = 0; n < reader.weight.count(); ++n) {
      reader.weight.read(n, row);
      for (auto [choice, s] : llvm::enumerate(choices))
        stepSquares[choice] += std::pow(double(largestOf(row, s)) / 127, 2);
    }
    for (auto [choice, s] : llvm::enumerate(choices)) {
      double weights = 0, factors = 0;
      for (size_t k = 0; k < width; ++k) {
        weights += reader.columnSquare[k] * s[k] * s[k];
        factors += reader.x->meanSquare(k) / (double(s[k]) * s[k]);
      }
      lost[choice] += (reader.errorOfX(s) * weights + stepSquares[choice] / 12 * factors) / all;
    }
  }
  return lost;
}

/// The logarithm of the geometric mean, over readers, of each column's magnitude; of columns of zeros, that of what is
/// next to nothing.
template <typename LargestOf>
std::vector<double> meanLogarithms(ArrayRef<Reader> readers, size_t width, LargestOf largestOf) {
  std::vector<double> sum(width);
  for (const Reader &reader : readers) {
    double most = 0;
    for (size_t k = 0; k < width; ++k)
      most = std::max(most, double(largestOf(reader, k)));
    for (size_t k = 0; k < width; ++k)
      sum[k] += std::log(std::max({double(largestOf(reader, k)), 1e-5 * most, 1e-30})) / double(readers.size());
  }
  return sum;
}

/// The best smoothing of readers of one value; of strength 0 where none is better than nothing by a tenth.
Smoothing choose(ArrayRef<Reader> readers) {
  constexpr int steps = 20;
  constexpr double worthwhile = 0.9;
  const size_t width = readers.front().columnSquare.size();
  const std::vector<double> ofX =
      meanLogarithms(readers, width, [](const Reader &reader, size_t k) { return reader.x->largest(k); });
  const std::vector<double> ofWeights =
      meanLogarithms(readers, width, [](const Reader &reader, size_t k) { return reader.largest[k]; });
  std::vector<std::vector<float>> choices = {std::vector<float>(width, 1)};
  for (int step = 1; step < steps; ++step) {
    const double strength = double(step) / steps;
    std::vector<double> logarithms(width);
    double mean = 0;
    for (size_t k = 0; k < width; ++k) {
      logarithms[k] = strength * ofX[k] - (1 - strength) * ofWeights[k];
      mean += logarithms[k] / double(width);
    }
    choices.emplace_back();
    for (double logarithm : logarithms) // around 1, so that no range of numbers is left
      choices.back().push_back(float(std::exp(logarithm - mean)));
  }
  const std::vector<double> lost = lostWith(readers, choices);
  const size_t best = std::min_element(lost.begin(), lost.end()) - lost.begin();
  Smoothing result;
  const double count = double(readers.size());
  result.before = lost.front() / count, result.after = lost[best] / count;
  result.strength = lost[best] < worthwhile * lost.front() ? double(best) / steps : 0;
  for (float s : choices[best])
    result.factors.push_back(1 / s);
  for (const Reader &reader : readers)
    result.linears.push_back(reader.name);
  return result;
}

void declare(ModuleOp module, ArrayRef<xf::LinearOp> linears, const Smoothing &smoothing) {
  const std::string name = smoothing.linears.front() + ".input_smoothing";
  declareVector(module, name, smoothing.factors);
  for (xf::LinearOp linear : linears)
    linear->setAttr(smoothingAttr, FlatSymbolRefAttr::get(module.getContext(), name));
}

} // namespace

std::vector<Smoothing> smoothFactors(ModuleOp module, const Calibration &calibration) {
  const LayerPrefixes prefixes = prefixesOfCalls(module);
  const llvm::StringSet<> tables = tablesOf(module); // which lookups read as well, unsmoothed
  std::vector<Smoothing> chosen;
  for (const std::vector<xf::LinearOp> &group : ReadValues(module).readersOfNorms()) {
    std::vector<xf::LinearOp> linears;
    std::vector<Reader> readers;
    bool seen = true;
    for (xf::LinearOp linear : group) {
      SmallVector<std::string> names = weightNamesOf(linear);
      if (names.empty() || tables.contains(names.front()))
        continue;
      auto function = linear->getParentOfType<func::FuncOp>();
      const bool inEntry = function->hasAttr(xf::XfDialect::entryAttr);
      for (const std::string &prefix :
           inEntry ? std::vector<std::string>{""} : prefixes.lookup(function.getSymName())) {
        const FactorStatistics *x = calibration.find(prefix + names.front());
        if (!(seen = seen && x))
          break;
        readers.emplace_back(
            prefix + names.front(),
            JoinedRows(llvm::map_to_vector(
                names, [&](const std::string &name) { return module.lookupSymbol<xf::WeightOp>(prefix + name); })),
            x);
      }
      linears.push_back(linear);
    }
    if (!seen || readers.empty())
      continue;
    Smoothing smoothing = choose(readers);
    if (smoothing.strength == 0)
      continue;
    declare(module, linears, smoothing);
    chosen.push_back(std::move(smoothing));
  }
  return chosen;
}

} // namespace lathe
