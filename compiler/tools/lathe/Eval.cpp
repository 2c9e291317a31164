#include "compiler/tools/lathe/Verbs.h"
void lathe::addEval(CLI::App &app, CommandLine &line) {
  app.add_subcommand("eval")->callback([&line] { line.action = [] { return notBuiltYet("eval"); }; });
}
