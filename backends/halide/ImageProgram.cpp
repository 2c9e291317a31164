//===- ImageProgram.cpp - steps as text ---------------------------------------===//
#include "backends/halide/ImageProgram.h"

#include "backends/halide/ProgramText.h"

namespace lathe {

/// By ImageStep.
static constexpr std::string_view stepNames[] = {"transpose", "horizontal", "patches"};

std::string printImageProgram(const ImageProgram &program) {
  std::string text(stepNames[size_t(program.step)]);
  if (program.step != ImageStep::Patches)
    return text;
  text += " " + numberText(program.rows) + " " + numberText(program.columns) + " " + numberText(program.across) + " " +
          numberText(program.scale);
  for (const std::array<float, 3> &numbers : {program.mean, program.deviation})
    for (float number : numbers)
      text += " " + numberText(number);
  return text;
}

static bool parsePatches(std::string_view arguments, ImageProgram &program) {
  auto number = [&](auto &value) { return parseNumber(takeUntil(arguments, ' '), value); };
  bool parsed = number(program.rows) && number(program.columns) && number(program.across) && number(program.scale);
  for (std::array<float, 3> *numbers : {&program.mean, &program.deviation})
    for (float &value : *numbers)
      parsed = parsed && number(value);
  auto within = [](int64_t value, int64_t most) { return value >= 1 && value <= most; };
  return parsed && arguments.empty() && within(program.rows, maxPatchSide) && within(program.columns, maxPatchSide) &&
         within(program.across, maxPatchesAcross);
}

bool parseImageProgram(std::string_view text, ImageProgram &program, std::string &error) {
  program = {};
  std::string_view arguments = text, name = takeUntil(arguments, ' ');
  const auto *found = std::find(std::begin(stepNames), std::end(stepNames), name);
  if (found == std::end(stepNames)) {
    error = "image program '" + std::string(text) + "': unknown step; accepted: transpose, horizontal, patches";
    return false;
  }
  program.step = ImageStep(found - stepNames);
  const bool parsed = program.step == ImageStep::Patches ? parsePatches(arguments, program) : arguments.empty();
  if (!parsed)
    error = "image program '" + std::string(text) + "': " +
            (program.step == ImageStep::Patches
                 ? "expected rows and columns of patches, their number side by side, a scale, three "
                   "means and three deviations"
                 : "nothing may follow");
  return parsed;
}

} // namespace lathe
