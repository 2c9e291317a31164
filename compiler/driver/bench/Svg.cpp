//===- Svg.cpp - shapes and words of a picture --------------------------------===//
#include "compiler/driver/bench/Svg.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::ArrayRef;
using llvm::formatv;
using llvm::StringRef;

namespace lathe {

std::string svgEscape(StringRef text) {
  std::string escaped;
  for (char c : text)
    switch (c) {
    case '&':
      escaped += "&amp;";
      break;
    case '<':
      escaped += "&lt;";
      break;
    case '>':
      escaped += "&gt;";
      break;
    case '"':
      escaped += "&quot;";
      break;
    default:
      escaped += c >= ' ' && c <= '~' ? c : '?';
    }
  return escaped;
}

Svg::Svg(double width, double height, StringRef title, StringRef style) {
  os << formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:F0} {1:F0}\" width=\"{0:F0}\" "
                "height=\"{1:F0}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
                "<rect class=\"paper\" width=\"{0:F0}\" height=\"{1:F0}\"/>\n",
                width, height, svgEscape(title), style);
}

void Svg::line(StringRef style, SvgPoint from, SvgPoint to) {
  os << formatv("<line class=\"{0}\" x1=\"{1:F1}\" y1=\"{2:F1}\" x2=\"{3:F1}\" y2=\"{4:F1}\"/>\n", style, from.x,
                from.y, to.x, to.y);
}

void Svg::path(StringRef style, ArrayRef<SvgPoint> points) {
  os << formatv("<polyline class=\"{0}\" points=\"", style);
  llvm::interleave(points, os, [&](SvgPoint point) { os << formatv("{0:F1},{1:F1}", point.x, point.y); }, " ");
  os << "\"/>\n";
}

void Svg::circle(StringRef style, SvgPoint centre, double radius, StringRef title) {
  os << formatv("<circle class=\"{0}\" cx=\"{1:F1}\" cy=\"{2:F1}\" r=\"{3:F1}\"><title>{4}</title></circle>\n", style,
                centre.x, centre.y, radius, svgEscape(title));
}

void Svg::diamond(StringRef style, SvgPoint centre, double radius, StringRef title) {
  os << formatv("<path class=\"{0}\" d=\"M{1:F1} {2:F1}l{3:F1} {3:F1} -{3:F1} {3:F1} -{3:F1} -{3:F1}z\">"
                "<title>{4}</title></path>\n",
                style, centre.x, centre.y - radius, radius, svgEscape(title));
}

void Svg::text(StringRef style, SvgPoint place, Anchor anchor, StringRef words, double degrees) {
  static constexpr StringRef anchors[] = {"start", "middle", "end"};
  os << formatv("<text class=\"{0}\" x=\"{1:F1}\" y=\"{2:F1}\" text-anchor=\"{3}\"", style, place.x, place.y,
                anchors[static_cast<int>(anchor)]);
  if (degrees != 0)
    os << formatv(" transform=\"rotate({0:F1} {1:F1} {2:F1})\"", degrees, place.x, place.y);
  os << ">" << svgEscape(words) << "</text>\n";
}

std::string Svg::finish() {
  os << "</svg>\n";
  return std::move(document);
}

bool LabelPlacer::isFree(const SvgBox &box) const {
  return room.contains(box) && llvm::none_of(blocked, [&](const SvgBox &other) { return box.meets(other); });
}

void LabelPlacer::label(Svg &svg, SvgPoint point, double radius, StringRef words) {
  constexpr double gap = 4, half = Svg::textHeight / 2;
  constexpr int farthest = 14;
  double width = Svg::textWidth(words);
  struct Place {
    SvgBox box;
    Svg::Anchor anchor;
    double x;
  };
  auto draw = [&](const Place &place) {
    svg.text("label", {place.x, (place.box.top + place.box.bottom) / 2 + 4}, place.anchor, words);
    block(place.box);
  };
  // Nearest first: on the right, on the left, above, below, and then the same so many lines up or down.
  for (int lines = 0; lines <= farthest; ++lines)
    for (double sign : {-1.0, 1.0}) {
      double y = point.y + sign * lines * Svg::textHeight, right = point.x + radius + gap,
             left = point.x - radius - gap;
      double over = point.y + sign * (radius + gap + half + lines * Svg::textHeight);
      for (const Place &place :
           {Place{{right, y - half, right + width, y + half}, Svg::Anchor::Start, right},
            Place{{left - width, y - half, left, y + half}, Svg::Anchor::End, left},
            Place{
                {point.x - width / 2, over - half, point.x + width / 2, over + half}, Svg::Anchor::Middle, point.x}}) {
        if (!isFree(place.box))
          continue;
        if (lines > 0)
          svg.line("leader", point,
                   {std::clamp(point.x, place.box.left, place.box.right),
                    std::clamp(point.y, place.box.top, place.box.bottom)});
        return draw(place);
      }
    }
  // No room anywhere near: beside the point all the same.
  draw({{point.x, point.y - half, point.x + width, point.y + half}, Svg::Anchor::Start, point.x});
}

} // namespace lathe
