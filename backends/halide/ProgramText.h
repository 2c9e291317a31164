//===- ProgramText.h - numbers and words of a program's text ------------------===//
#ifndef LATHE_BACKENDS_HALIDE_PROGRAMTEXT_H
#define LATHE_BACKENDS_HALIDE_PROGRAMTEXT_H

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace lathe {

/// The shortest text that reads back as the same number, in any locale.
template <typename T> std::string numberText(T value) {
  std::array<char, 32> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

/// All of the text as a number.
template <typename T> bool parseNumber(std::string_view text, T &value) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size();
}

/// Takes the text up to the next `separator` off the front.
inline std::string_view takeUntil(std::string_view &text, char separator) {
  size_t end = std::min(text.find(separator), text.size());
  std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

} // namespace lathe

#endif
