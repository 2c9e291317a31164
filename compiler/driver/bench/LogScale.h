//===- LogScale.h - a logarithmic axis ----------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_LOGSCALE_H
#define LATHE_COMPILER_DRIVER_BENCH_LOGSCALE_H

#include <cmath>
#include <vector>

namespace lathe {

/// Maps positive values to positions. The ends are 1, 2 or 5 times a power of ten.
class LogScale {
public:
  /// The shortest scale that shows `low` to `high` (0 < low <= high), from position `from` to position `to`.
  LogScale(double low, double high, double from, double to)
      : low(roundDown(low)), high(roundUp(high)), from(from), to(to) {
    if (this->low == this->high)
      this->high = roundUp(1.5 * this->high);
  }

  double first() const { return low; }
  double last() const { return high; }
  /// Values beyond the ends lie at the ends.
  double at(double value) const {
    double share = std::log(value / low) / std::log(high / low);
    return from + (to - from) * (share < 0 ? 0 : share > 1 ? 1 : share);
  }
  /// Every 1, 2 and 5 times a power of ten within the ends, both included.
  std::vector<double> ticks() const {
    std::vector<double> all = {low};
    while (all.back() < 0.9 * high)
      all.push_back(roundUp(1.1 * all.back()));
    return all;
  }

private:
  static double roundUp(double value) {
    constexpr double slack = 1e-9; // a tick, however it was computed, is itself
    double power = std::pow(10, std::floor(std::log10(value) + slack));
    for (double step : {1.0, 2.0, 5.0})
      if (value <= step * power * (1 + slack))
        return step * power;
    return 10 * power;
  }
  static double roundDown(double value) {
    constexpr double slack = 1e-9;
    double power = std::pow(10, std::floor(std::log10(value) + slack));
    for (double step : {5.0, 2.0})
      if (value >= step * power * (1 - slack))
        return step * power;
    return power;
  }

  double low, high, from, to;
};

} // namespace lathe

#endif
