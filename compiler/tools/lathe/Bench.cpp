#include "compiler/tools/lathe/Verbs.h"
void lathe::addBench(CLI::App &app, CommandLine &line) {
  app.add_subcommand("bench")->callback([&line] { line.action = [] { return notBuiltYet("bench"); }; });
}
