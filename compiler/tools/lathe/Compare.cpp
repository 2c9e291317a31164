#include "compiler/tools/lathe/Verbs.h"
void lathe::addCompare(CLI::App &app, CommandLine &line) {
  app.add_subcommand("compare")->callback([&line] { line.action = [] { return notBuiltYet("compare"); }; });
}
