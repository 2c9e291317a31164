#include "runtime/vision/Resample.h"

#include "runtime/vision/Sine.h"

#include <string.h>

namespace lathe {
namespace {

constexpr int fractionBits = 22;

double sinc(double x) { return x == 0 ? 1 : sineOfPi(x) / (pi * x); }

/// How far from its middle a filter sees, in pixels of the longer of both lines.
double reachOf(lathe_resample filter) {
  switch (filter) {
  case LATHE_BOX:
    return 0.5;
  case LATHE_BILINEAR:
  case LATHE_HAMMING:
    return 1;
  case LATHE_BICUBIC:
    return 2;
  case LATHE_LANCZOS:
    return 3;
  case LATHE_NEAREST:
    return 0;
  }
  return 0;
}

/// What a pixel at distance x counts, before all weights are made to add up to one.
double weightAt(lathe_resample filter, double x) {
  const double distance = x < 0 ? -x : x;
  switch (filter) {
  case LATHE_BOX:
    return x > -0.5 && x <= 0.5 ? 1 : 0;
  case LATHE_BILINEAR:
    return distance < 1 ? 1 - distance : 0;
  case LATHE_HAMMING:
    return distance < 1 ? sinc(distance) * (0.54 + 0.46 * cosineOfPi(distance)) : 0;
  case LATHE_BICUBIC: { // Keys' cubic with a = -1/2
    constexpr double a = -0.5;
    if (distance < 1)
      return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
    return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
  }
  case LATHE_LANCZOS:
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  case LATHE_NEAREST:
    return 0;
  }
  return 0;
}

struct Taps {
  int64_t first, count;
};

/// The pixels that a filter sees from where a pixel of the result lies.
class Footprint {
public:
  explicit Footprint(const ResampledLine &line)
      : in(line.in), scale(double(line.in) / double(line.out)), stretch(scale < 1 ? 1 : scale),
        reach(reachOf(line.filter) * stretch) {}

  double middleOf(int64_t pixel) const { return (double(pixel) + 0.5) * scale; }
  Taps tapsAt(int64_t pixel) const {
    const double middle = middleOf(pixel);
    const int64_t begin = int64_t(middle - reach + 0.5), end = int64_t(middle + reach + 0.5); // rounded to zero
    const int64_t first = begin < 0 ? 0 : begin;
    return {first, (end > in ? in : end) - first};
  }
  double distance(int64_t source, double middle) const { return (double(source) - middle + 0.5) * (1 / stretch); }

private:
  const int64_t in;
  const double scale, stretch, reach;
};

/// Without a change of length, or a filter, one pixel makes one.
bool isOneToOne(const ResampledLine &line) { return line.filter == LATHE_NEAREST || line.in == line.out; }

bool isInside(const ResampledLine &line, int64_t index) {
  return line.begin + index >= 0 && line.begin + index < line.out;
}

/// The places are added up, as Pillow does it, not multiplied.
void tabulateNearest(const ResampledLine &line, int32_t *first, int32_t *weights) {
  const double step = double(line.in) / double(line.out);
  double place = step * 0.5;
  const int64_t end = line.begin + line.count;
  for (int64_t pixel = 0; pixel < end && pixel < line.out; ++pixel, place += step)
    if (pixel >= line.begin) {
      const int64_t source = int64_t(place);
      first[pixel - line.begin] = int32_t(source < line.in ? source : line.in - 1);
      weights[pixel - line.begin] = 1 << fractionBits;
    }
}

} // namespace

int64_t tapsOf(const ResampledLine &line) {
  int64_t most = 1;
  if (isOneToOne(line))
    return most;
  const Footprint footprint(line);
  for (int64_t index = 0; index < line.count; ++index)
    if (isInside(line, index)) {
      const int64_t count = footprint.tapsAt(line.begin + index).count;
      most = count > most ? count : most;
    }
  return most;
}

void tabulate(const ResampledLine &line, int64_t taps, int32_t *first, int32_t *weights, double *exact) {
  memset(first, 0, size_t(line.count) * sizeof *first);
  memset(weights, 0, size_t(line.count * taps) * sizeof *weights);
  if (isOneToOne(line))
    return tabulateNearest(line, first, weights);
  const Footprint footprint(line);
  for (int64_t index = 0; index < line.count; ++index, weights += taps) {
    if (!isInside(line, index))
      continue;
    const Taps seen = footprint.tapsAt(line.begin + index);
    const double middle = footprint.middleOf(line.begin + index);
    double sum = 0;
    for (int64_t tap = 0; tap < seen.count; ++tap)
      sum += exact[tap] = weightAt(line.filter, footprint.distance(seen.first + tap, middle));
    // Taps that do not count stand where the line has room.
    const int64_t room = line.in - taps, begin = seen.first < room ? seen.first : room;
    first[index] = int32_t(begin);
    for (int64_t tap = 0; tap < seen.count; ++tap) {
      const double weight = (sum != 0 ? exact[tap] / sum : exact[tap]) * (1 << fractionBits);
      weights[seen.first - begin + tap] = int32_t(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
}

} // namespace lathe
