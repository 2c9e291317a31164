//===- Svg.h - shapes and words of a picture ----------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_SVG_H
#define LATHE_COMPILER_DRIVER_BENCH_SVG_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace lathe {

struct SvgPoint {
  double x, y;
};

/// An upright rectangle.
struct SvgBox {
  double left, top, right, bottom;

  bool meets(const SvgBox &other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool contains(const SvgBox &other) const {
    return left <= other.left && other.right <= right && top <= other.top && other.bottom <= bottom;
  }
};

/// Text as XML has it; bytes that XML cannot hold become '?'.
std::string svgEscape(llvm::StringRef text);

/// Gathers shapes; each has a class, which the style sheet colours. Coordinates have one decimal.
class Svg {
public:
  /// Between `left` and `right` of a point, centred on it or on its side.
  enum class Anchor { Start, Middle, End };

  Svg(double width, double height, llvm::StringRef title, llvm::StringRef style);

  void line(llvm::StringRef style, SvgPoint from, SvgPoint to);
  void path(llvm::StringRef style, llvm::ArrayRef<SvgPoint> points);
  /// With words that a pointer brings up.
  void circle(llvm::StringRef style, SvgPoint centre, double radius, llvm::StringRef title);
  void diamond(llvm::StringRef style, SvgPoint centre, double radius, llvm::StringRef title);
  /// `degrees` turns it about its place, clockwise.
  void text(llvm::StringRef style, SvgPoint place, Anchor anchor, llvm::StringRef words, double degrees = 0);

  /// The whole document.
  std::string finish();

  static constexpr double textHeight = 14;
  /// As wide as a broad sans-serif font of 12 pixels makes it.
  static double textWidth(llvm::StringRef words) { return 7.2 * words.size(); }

private:
  std::string document;
  llvm::raw_string_ostream os{document};
};

/// Finds room for labels beside points, so that they lie neither on each other nor on what is in the way.
class LabelPlacer {
public:
  explicit LabelPlacer(SvgBox room) : room(room) {}

  /// No label may lie here.
  void block(SvgBox box) { blocked.push_back(box); }
  /// Draws a label for a point of that radius: beside, above or below it, or farther away at the end of a line.
  void label(Svg &svg, SvgPoint point, double radius, llvm::StringRef words);

private:
  bool isFree(const SvgBox &box) const;

  SvgBox room;
  llvm::SmallVector<SvgBox, 0> blocked;
};

} // namespace lathe

#endif
