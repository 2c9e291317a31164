//===- Plot.cpp - a roofline picture ------------------------------------------===//
#include "compiler/driver/bench/Plot.h"

#include "compiler/driver/bench/LogScale.h"
#include "compiler/driver/bench/Svg.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::ArrayRef;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

namespace lathe {

std::vector<KernelPoint> mergeByKernel(const Setting &setting, const Profile &profile) {
  std::vector<KernelPoint> points;
  Roofline roofline = setting.roofline();
  for (const ProfiledStep &timed : profile.steps) {
    auto found = llvm::find_if(points, [&](const KernelPoint &point) { return point.kernel == timed.step.kernel; });
    KernelPoint &point = found != points.end() ? *found : points.emplace_back();
    point.kernel = timed.step.kernel;
    point.steps.push_back(timed.step.name);
    point.seconds += timed.seconds;
    point.share += timed.seconds / profile.stepSeconds();
    point.rooflineSeconds += timed.calls * roofline.ofStep(timed.step, setting.weightBytesOfPass()).value_or(0);
    for (double Work::*amount : {&Work::flops, &Work::weightBytes, &Work::activationBytes})
      point.work.*amount += timed.calls * (timed.step.work.*amount);
  }
  llvm::sort(points, [](const KernelPoint &a, const KernelPoint &b) {
    return std::tie(b.seconds, a.kernel) < std::tie(a.seconds, b.kernel);
  });
  return points;
}

namespace {

constexpr StringRef style = R"(
text{font:12px system-ui,"Segoe UI","DejaVu Sans",sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.soft{fill:#59636e}
.paper{fill:#ffffff}.frame{fill:none;stroke:#818b98}.grid{stroke:#e2e6ea}
.roof{fill:none;stroke:#0969da;stroke-width:2}.roofname{fill:#0550ae}
.step{fill:#d9730d;fill-opacity:.7;stroke:#ffffff}.leader{stroke:#818b98}
.own{fill:#1a7f37;stroke:#ffffff}.other{fill:#6e40c9;stroke:#ffffff}.whole{stroke:#818b98;stroke-dasharray:3 4}
.label{paint-order:stroke;stroke:#ffffff;stroke-width:3px}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.soft{fill:#9198a1}
.paper{fill:#0d1117}.frame{stroke:#656c76}.grid{stroke:#21262d}
.roof{stroke:#4493f8}.roofname{fill:#79c0ff}
.step{fill:#f0883e;stroke:#0d1117}.leader{stroke:#656c76}
.own{fill:#3fb950;stroke:#0d1117}.other{fill:#a371f7;stroke:#0d1117}.whole{stroke:#656c76}
.label{stroke:#0d1117}
}
)";

constexpr double giga = 1e-9;

std::string tickText(double tick) { return llvm::formatv(tick < 1 ? "{0:F2}" : "{0:F0}", tick).str(); }

/// The steps and runs to be shown, in GFLOP/s or GB/s by FLOP/byte, and the axes that hold all of them.
class RooflinePlot {
public:
  RooflinePlot(const Setting &setting, ArrayRef<Row> rows, const Profile &profile)
      : setting(setting), rows(rows), kernels(mergeByKernel(setting, profile)), roofline(setting.roofline()),
        peaks(findPeaks()), peak(peaks.back().second) {}

  std::string draw(StringRef title);

private:
  static constexpr double width = 1040, height = 660, top = 84, bottom = 560, stripLeft = 70, stripRight = 260,
                          right = 1010, runRadius = 7;

  struct Axes {
    LogScale x, y;
    LabelPlacer labels, stripLabels;
    LabelPlacer &labelsFor(bool multiplies) { return multiplies ? labels : stripLabels; }
  };

  static bool multiplies(const KernelPoint &point) { return point.work.flops > 0; }
  /// GFLOP/s where there are products, else GB/s.
  static double rateOf(const KernelPoint &point) {
    return (multiplies(point) ? point.work.flops : point.work.bytes()) / point.seconds * giga;
  }
  static double radiusOf(const KernelPoint &point) { return 4 + 22 * std::sqrt(point.share); }
  double intensityOf(const Row &row) const {
    Work work = setting.workIn(row.precision);
    return work.flops / work.weightBytes;
  }
  double left() const { return hasStrip() ? stripRight + 60 : stripLeft; }
  bool hasStrip() const { return !llvm::all_of(kernels, multiplies); }
  double ofRoofline(const Row &row) const { return ratesOf(setting, row).ofRoofline.value_or(0); }
  static SvgBox around(SvgPoint place, double radius) {
    return {place.x - radius, place.y - radius, place.x + radius, place.y + radius};
  }
  SvgPoint placeOf(const KernelPoint &point, const Axes &axes) const;
  SvgPoint placeOf(const Row &row, const Axes &axes) const {
    return {axes.x.at(intensityOf(row)), axes.y.at(setting.work.flops / row.timing.median * giga)};
  }

  std::vector<std::pair<Precision, double>> findPeaks() const;
  LogScale chooseX() const;
  LogScale chooseY() const;
  void drawAxes(Svg &svg, const Axes &axes) const;
  void drawRoofs(Svg &svg, Axes &axes) const;
  void drawRuns(Svg &svg, Axes &axes) const;
  void drawKernels(Svg &svg, Axes &axes) const;
  void drawLabels(Svg &svg, Axes &axes) const;
  void drawLegend(Svg &svg) const;

  const Setting &setting;
  ArrayRef<Row> rows;
  std::vector<KernelPoint> kernels;
  Roofline roofline;
  std::vector<std::pair<Precision, double>> peaks; ///< in GFLOP/s, of what runs and kernels compute in, ascending
  double peak;                                     ///< the highest
};

std::vector<std::pair<Precision, double>> RooflinePlot::findPeaks() const {
  llvm::SmallVector<Precision> used = {Precision::F32};
  for (const Row &row : rows)
    used.push_back(row.precision);
  for (const KernelPoint &point : kernels)
    if (multiplies(point))
      used.push_back(precisionOfKernel(point.kernel));
  std::vector<std::pair<Precision, double>> found;
  for (Precision precision : allPrecisions)
    if (std::optional<double> rate = roofline.peak(precision); rate && llvm::is_contained(used, precision))
      found.emplace_back(precision, *rate * giga);
  llvm::sort(found, llvm::less_second());
  return found;
}

LogScale RooflinePlot::chooseX() const {
  double low = intensityOf(rows.front()), high = low;
  auto show = [&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const KernelPoint &point : kernels)
    if (multiplies(point))
      show(point.work.flops / point.work.bytes());
  for (const Row &row : rows)
    show(intensityOf(row));
  for (const MemoryLevel &level : roofline.levels())
    show(peak / (level.bytesPerSecond * giga)); // where its roof ends
  return LogScale(low / 1.5, 1.5 * high, left(), right);
}

LogScale RooflinePlot::chooseY() const {
  double low = peaks.front().second / 2, high = peak;
  auto show = [&](double value) {
    low = std::min(low, std::max(value, peak * 1e-4)); // what is farther down lies on the edge
    high = std::max(high, value);
  };
  for (const KernelPoint &point : kernels)
    show(rateOf(point));
  for (const Row &row : rows)
    show(setting.work.flops / row.timing.median * giga);
  if (hasStrip())
    for (const MemoryLevel &level : roofline.levels())
      show(level.bytesPerSecond * giga);
  return LogScale(low / 1.2, 1.2 * high, bottom, top);
}

SvgPoint RooflinePlot::placeOf(const KernelPoint &point, const Axes &axes) const {
  return {multiplies(point) ? axes.x.at(point.work.flops / point.work.bytes()) : (stripLeft + stripRight) / 2 - 50,
          axes.y.at(rateOf(point))};
}

void RooflinePlot::drawAxes(Svg &svg, const Axes &axes) const {
  const auto &[x, y, labels, stripLabels] = axes;
  std::vector<std::pair<double, double>> panels = {{left(), right}};
  if (hasStrip())
    panels.push_back({stripLeft, stripRight});
  for (auto [from, to] : panels) {
    for (double tick : y.ticks()) {
      svg.line("grid", {from, y.at(tick)}, {to, y.at(tick)});
      svg.text("soft", {from - 6, y.at(tick) + 4}, Svg::Anchor::End, tickText(tick));
    }
    if (from == left())
      for (double tick : x.ticks()) {
        svg.line("grid", {x.at(tick), top}, {x.at(tick), bottom});
        svg.text("soft", {x.at(tick), bottom + 18}, Svg::Anchor::Middle, tickText(tick));
      }
    svg.path("frame", {{from, top}, {to, top}, {to, bottom}, {from, bottom}, {from, top}});
  }
  svg.text("soft", {left(), top - 8}, Svg::Anchor::Middle, "GFLOP/s");
  svg.text("soft", {right, bottom + 36}, Svg::Anchor::End, "FLOP per byte of weights and activations");
  if (hasStrip()) {
    svg.text("soft", {stripLeft, top - 8}, Svg::Anchor::Middle, "GB/s");
    svg.text("soft", {(stripLeft + stripRight) / 2, bottom + 18}, Svg::Anchor::Middle, "without products");
  }
}

void RooflinePlot::drawRoofs(Svg &svg, Axes &axes) const {
  auto &[x, y, labels, stripLabels] = axes;
  auto name = [](StringRef what, double value, StringRef unit) {
    return formatv("{0} {1:F0} {2}", what, value, unit).str();
  };
  double fastestRead = 0;
  for (const MemoryLevel &level : roofline.levels()) {
    double rate = level.bytesPerSecond * giga;
    double begin = std::max(x.first(), y.first() / rate), ridge = peak / rate;
    fastestRead = std::max(fastestRead, rate);
    SvgPoint from = {x.at(begin), y.at(begin * rate)}, to = {x.at(ridge), y.at(peak)};
    svg.line("roof", from, to);
    // Along the line and above it; the lines are parallel, so the names stay apart.
    double degrees = std::atan2(to.y - from.y, to.x - from.x) * 180 / M_PI;
    constexpr double along = 0.12;
    SvgPoint place = {from.x + along * (to.x - from.x) - 4, from.y + along * (to.y - from.y) - 5};
    svg.text("roofname", place, Svg::Anchor::Start, name(level.name, rate, "GB/s"), degrees);
    if (hasStrip()) {
      svg.line("roof", {stripLeft, y.at(rate)}, {stripRight, y.at(rate)});
      svg.text("roofname", {stripRight - 4, y.at(rate) - 5}, Svg::Anchor::End, level.name);
      stripLabels.block(
          {stripRight - 4 - Svg::textWidth(level.name), y.at(rate) - 5 - Svg::textHeight, stripRight, y.at(rate) + 1});
    }
  }
  for (auto [precision, rate] : peaks) {
    svg.line("roof", {x.at(rate / fastestRead), y.at(rate)}, {right, y.at(rate)});
    std::string words = name((llvm::Twine(nameOf(precision)) + " peak").str(), rate, "GFLOP/s");
    SvgPoint place = {right - 6, y.at(rate) - 6};
    svg.text("roofname", place, Svg::Anchor::End, words);
    labels.block({place.x - Svg::textWidth(words), place.y - Svg::textHeight, place.x, place.y + 4});
  }
}

void RooflinePlot::drawRuns(Svg &svg, Axes &axes) const {
  for (Precision precision : allPrecisions) {
    const Row *row = llvm::find_if(rows, [&](const Row &row) { return row.precision == precision; });
    if (row != rows.end())
      svg.line("whole", {axes.x.at(intensityOf(*row)), top}, {axes.x.at(intensityOf(*row)), bottom});
  }
  for (const Row &row : llvm::reverse(rows)) { // the artifact's own on top
    SvgPoint place = placeOf(row, axes);
    axes.labels.block(around(place, runRadius));
    svg.diamond(&row == rows.begin() ? "own" : "other", place, runRadius,
                formatv("{0}: {1:F3} ms, {2:F0}% of the roofline", row.contender, row.timing.median * 1e3,
                        100 * ofRoofline(row))
                    .str());
  }
}

void RooflinePlot::drawKernels(Svg &svg, Axes &axes) const {
  for (const KernelPoint &point : kernels) {
    SvgPoint place = placeOf(point, axes);
    svg.circle("step", place, radiusOf(point),
               formatv("{0}: {1:F1}% of the time, {2:F1} {3}, {4:F0}% of its roofline; {5}", point.kernel,
                       100 * point.share, rateOf(point), multiplies(point) ? "GFLOP/s" : "GB/s",
                       100 * point.rooflineSeconds / point.seconds, llvm::join(point.steps, ", "))
                   .str());
    axes.labelsFor(multiplies(point)).block(around(place, radiusOf(point)));
  }
}

void RooflinePlot::drawLabels(Svg &svg, Axes &axes) const {
  for (const Row &row : rows)
    axes.labels.label(svg, placeOf(row, axes), runRadius,
                      formatv("{0} {1:F0}%", row.contender, 100 * ofRoofline(row)).str());
  for (const KernelPoint &point : kernels) {
    StringRef name = point.kernel;
    name.consume_front("lathe_");
    // The strip is narrow; a variant's parameters are in the words that a pointer brings up.
    if (!multiplies(point))
      name = kernelStem(name);
    axes.labelsFor(multiplies(point)).label(svg, placeOf(point, axes), radiusOf(point), name);
  }
}

void RooflinePlot::drawLegend(Svg &svg) const {
  constexpr double y = 630;
  svg.circle("step", {stripLeft + 8, y}, 8, "a kernel");
  svg.text("soft", {stripLeft + 22, y + 4}, Svg::Anchor::Start, "a kernel, its area the share of the time");
  svg.diamond("own", {370, y}, 7, "the artifact");
  svg.diamond("other", {388, y}, 7, "another contender");
  svg.text("soft", {402, y + 4}, Svg::Anchor::Start,
           "a whole run, per byte of weights, and its fraction of the roofline");
  svg.line("roof", {800, y}, {824, y});
  svg.text("soft", {832, y + 4}, Svg::Anchor::Start, "measured on this machine");
}

std::string RooflinePlot::draw(StringRef title) {
  Svg svg(width, height, title, style);
  svg.text("title", {stripLeft - 40, 30}, Svg::Anchor::Start, title);
  svg.text("soft", {stripLeft - 40, 50}, Svg::Anchor::Start,
           formatv("{0}, {1}, {2} threads; {3} x {4}, {5} tokens, {6:F2} GFLOP, {7}", setting.cpu, setting.isa,
                   setting.threads, setting.batch, setting.seq, setting.tokens, setting.work.flops * giga,
                   nameOf(setting.precision))
               .str());
  Axes axes = {chooseX(), chooseY(), LabelPlacer({left(), top, right, bottom}),
               LabelPlacer({stripLeft, top, stripRight, bottom})};
  drawAxes(svg, axes);
  drawRoofs(svg, axes);
  drawKernels(svg, axes);
  drawRuns(svg, axes);
  drawLabels(svg, axes); // last, when all that they must not lie on is known
  drawLegend(svg);
  return svg.finish();
}

} // namespace

Expected<std::string> drawRoofline(StringRef title, const Setting &setting, ArrayRef<Row> rows,
                                   const Profile &profile) {
  if (!setting.roofline().peak(Precision::F32) || setting.roofline().levels().empty())
    return llvm::createStringError("this machine's roofs were not measured, so there is nothing to draw runs under");
  return RooflinePlot(setting, rows, profile).draw(title);
}

} // namespace lathe
