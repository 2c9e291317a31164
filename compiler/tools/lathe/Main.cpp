//===- Main.cpp - the lathe command -------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace lathe;

/// Takes --text and --pair with their values out of the arguments. Returns what is wrong with them, or nothing.
static std::string takeTexts(std::vector<std::string> &arguments, CommandLine &line) {
  std::vector<std::string> rest;
  for (size_t index = 0; index < arguments.size(); ++index) {
    llvm::StringRef argument = arguments[index];
    bool isText = argument == "--text" || argument.starts_with("--text=");
    bool isPair = argument == "--pair" || argument.starts_with("--pair=");
    if (!isText && !isPair) {
      rest.push_back(arguments[index]);
      continue;
    }
    std::string value;
    if (argument.contains('=') && argument.size() > 6) {
      value = argument.substr(7).str();
    } else {
      if (++index == arguments.size())
        return argument.str() + " needs a value";
      value = arguments[index];
    }
    if (isText)
      line.texts.push_back({value, std::nullopt});
    else if (line.texts.empty() || line.texts.back().pair)
      return "--pair follows the --text that it belongs to";
    else
      line.texts.back().pair = value;
  }
  arguments = std::move(rest);
  return "";
}

void lathe::declareText(CLI::App &verb) {
  verb.footer(
      "  --text S            a text; may be given again. The next argument is taken as it is, whatever it holds\n"
      "  --pair S            the second text of the --text before it");
}

llvm::Error lathe::notBuiltYet(llvm::StringRef option, llvm::StringRef accepted) {
  return llvm::createStringError(option + " is not supported yet" +
                                 (accepted.empty() ? "" : "; supported is: " + accepted));
}

/// Verbs that take --text.
static bool takesText(const std::string &verb) { return verb == "run" || verb == "tokenize" || verb == "generate"; }

int main(int argc, char **argv) {
  std::signal(SIGPIPE, SIG_IGN); // a closed pipe is a failed write, not a death
  CommandLine line;
  CLI::App app("Lathe compiles transformer models ahead of time into libraries that an app embeds.", "lathe");
  app.set_version_flag("--version", "lathe " LATHE_VERSION);
  app.require_subcommand(1);
  for (auto add : {addCompile, addRun, addTokenize, addGenerate, addBench, addEval, addExplain, addInspect, addCompare})
    add(app, line);

  std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (!arguments.empty() && takesText(arguments.front()))
      if (std::string problem = takeTexts(arguments, line); !problem.empty())
        throw UsageError(problem);
    // A word that is no verb would be reported as a missing one.
    if (!arguments.empty() && !llvm::StringRef(arguments.front()).starts_with("-") &&
        app.get_subcommands([&](CLI::App *verb) { return verb->get_name() == arguments.front(); }).empty())
      throw UsageError("unknown verb '" + arguments.front() + "'; lathe --help lists them");
    std::reverse(arguments.begin(), arguments.end()); // CLI11 takes them from the back
    app.parse(arguments);
  } catch (const CLI::ParseError &error) {
    int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  llvm::Error error = line.action();
  llvm::outs().flush();
  if (llvm::outs().has_error()) {
    std::string reason = llvm::outs().error().message();
    llvm::outs().clear_error();
    if (!error)
      error = llvm::createStringError("cannot write the result: " + reason);
  }
  int code = error ? 1 : 0;
  if (error)
    llvm::errs() << "lathe: error: " << llvm::toString(std::move(error)) << "\n";
  llvm::errs().clear_error(); // nobody reads the messages: no reason to fail
  return code;
}
