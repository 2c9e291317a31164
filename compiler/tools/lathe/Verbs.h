//===- Verbs.h - one function per verb of the command line --------------------===//
//
// Each file beside this one declares a verb: its options, its help, and what it does. DESIGN's section on the command
// line is the contract; results go to stdout, everything else to stderr.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TOOLS_LATHE_VERBS_H
#define LATHE_COMPILER_TOOLS_LATHE_VERBS_H

#include "compiler/driver/Texts.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// A --text and the --pair that follows it.
struct TextArgument {
  std::string text;
  std::optional<std::string> pair;
};

/// What the command line gave that CLI11 must not see: --text, --pair, --stop and --prompt take the next argument as it
/// is, whether it is empty, begins with '-', or looks like CLI11's list syntax.
struct CommandLine {
  std::vector<TextArgument> texts;
  PromptChoice prompt;
  std::vector<std::string> stop;       ///< --stop
  std::function<llvm::Error()> action; ///< the chosen verb, set by its callback
};

/// Ends with exit code 2: the options do not go together.
struct UsageError : CLI::ParseError {
  explicit UsageError(const std::string &message) : CLI::ParseError("UsageError", message, 2) {}
};

void addCompile(CLI::App &app, CommandLine &line);
void addRun(CLI::App &app, CommandLine &line);
void addTokenize(CLI::App &app, CommandLine &line);
void addGenerate(CLI::App &app, CommandLine &line);
void addBench(CLI::App &app, CommandLine &line);
void addEval(CLI::App &app, CommandLine &line);
void addExplain(CLI::App &app, CommandLine &line);
void addInspect(CLI::App &app, CommandLine &line);
void addCompare(CLI::App &app, CommandLine &line);

/// Declares --text (and --pair) for the help text; their values are in `line.texts`.
void declareText(CLI::App &verb);
/// Declares --prompt-name, and --prompt for the help text, behind `declareText` if the verb has that.
void declarePrompt(CLI::App &verb, CommandLine &line);
/// Declares --source-lang and --target-lang.
void declareLanguages(CLI::App &verb, LanguageChoice &languages);

/// An error that names an option of the contract that is not built yet, and what is supported instead.
llvm::Error notBuiltYet(llvm::StringRef option, llvm::StringRef accepted = "");

} // namespace lathe

#endif
