//===- Main.cpp - the lathe command -------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "llvm/Support/raw_ostream.h"

#include <csignal>

using namespace lathe;

/// Verbs that take --text, and those that take --prompt.
static bool takesText(llvm::StringRef verb) { return verb == "run" || verb == "tokenize" || verb == "generate"; }
static bool takesPrompt(llvm::StringRef verb) { return verb == "run" || verb == "eval"; }

/// Takes the options whose values are texts out of the arguments. Returns what is wrong with them, or nothing.
static std::string takeTexts(std::vector<std::string> &arguments, CommandLine &line) {
  llvm::SmallVector<llvm::StringRef> options;
  if (!arguments.empty() && takesText(arguments.front()))
    options.append({"--text", "--pair"});
  if (!arguments.empty() && takesPrompt(arguments.front()))
    options.push_back("--prompt");
  if (!arguments.empty() && arguments.front() == "generate")
    options.push_back("--stop");
  std::vector<std::string> rest;
  for (size_t index = 0; index < arguments.size(); ++index) {
    auto [name, value] = llvm::StringRef(arguments[index]).split('=');
    if (!llvm::is_contained(options, name)) {
      rest.push_back(arguments[index]);
      continue;
    }
    std::string text = value.str();
    if (name.size() == arguments[index].size()) { // no '='
      if (++index == arguments.size())
        return name.str() + " needs a value";
      text = arguments[index];
    }
    if (name == "--text")
      line.texts.push_back({text, std::nullopt});
    else if (name == "--stop")
      line.stop.push_back(text);
    else if (name == "--prompt")
      line.prompt.text = text;
    else if (line.texts.empty() || line.texts.back().pair)
      return "--pair follows the --text that it belongs to";
    else
      line.texts.back().pair = text;
  }
  arguments = std::move(rest);
  return "";
}

void lathe::declareText(CLI::App &verb) {
  verb.footer(
      "  --text S            a text; may be given again. The next argument is taken as it is, whatever it holds\n"
      "  --pair S            the second text of the --text before it");
}

void lathe::declarePrompt(CLI::App &verb, CommandLine &line) {
  verb.add_option("--prompt-name", line.prompt.name,
                  "The model's prompt of that name before each text (default: its default one, if it has one)");
  std::string before = verb.get_footer();
  verb.footer(before + (before.empty() ? "" : "\n") +
              "  --prompt S          instead: this text before each text, taken as it is; an empty one for none");
}

void lathe::declareLanguages(CLI::App &verb, LanguageChoice &languages) {
  verb.add_option("--source-lang", languages.source,
                  "The language of texts, by its code in the model's tokenizer (default: its src_lang)");
  verb.add_option("--target-lang", languages.target, "The language to be written (default: its tgt_lang, if any)");
}

llvm::Error lathe::notBuiltYet(llvm::StringRef option, llvm::StringRef accepted) {
  return llvm::createStringError(option + " is not supported yet" +
                                 (accepted.empty() ? "" : "; supported is: " + accepted));
}

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
    if (std::string problem = takeTexts(arguments, line); !problem.empty())
      throw UsageError(problem);
    // A word that is no verb would be reported as a missing one.
    if (!arguments.empty() && !llvm::StringRef(arguments.front()).starts_with("-") &&
        app.get_subcommands([&](CLI::App *verb) { return verb->get_name() == arguments.front(); }).empty())
      throw UsageError("unknown verb '" + arguments.front() + "'; lathe --help lists them");
    std::reverse(arguments.begin(), arguments.end()); // CLI11 takes them from the back
    app.parse(arguments);
    if (line.prompt.text && line.prompt.name)
      throw UsageError("give either --prompt or --prompt-name, not both");
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
