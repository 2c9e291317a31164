#include "compiler/tools/lathe/Verbs.h"
void lathe::addExplain(CLI::App &app, CommandLine &line) {
  app.add_subcommand("explain")->callback([&line] { line.action = [] { return notBuiltYet("explain"); }; });
}
