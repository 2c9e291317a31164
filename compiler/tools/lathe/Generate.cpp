//===- Generate.cpp - lathe generate ------------------------------------------===//
//
// The contract's options are declared, so that a mistyped one is a usage error and the help is what it will be. No
// model that Lathe supports today generates text.
//
//===----------------------------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

namespace lathe {

void addGenerate(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("generate", "Generate text (not supported yet)");
  auto directory = std::make_shared<std::string>();
  auto values = std::make_shared<std::vector<std::string>>();
  auto given = std::make_shared<bool>(false);
  verb->add_option("DIR", *directory, "An artifact")->required();
  for (const char *option : {"--inputs",
                             "--outputs",
                             "--max-new-tokens",
                             "--min-new-tokens",
                             "--num-beams",
                             "--length-penalty",
                             "--early-stopping",
                             "--no-repeat-ngram-size",
                             "--repetition-penalty",
                             "--bad-words",
                             "--forced-bos-id",
                             "--forced-eos-id",
                             "--num-return-sequences",
                             "--temperature",
                             "--top-k",
                             "--top-p",
                             "--min-p",
                             "--typical-p",
                             "--seed",
                             "--stop",
                             "--forced-ids"})
    verb->add_option(option, *values)->allow_extra_args(false);
  for (const char *flag : {"--do-sample", "--output-logits", "--json"})
    verb->add_flag(flag, *given);
  declareText(*verb);
  verb->callback([&line, directory, values, given] {
    line.action = [] {
      return notBuiltYet("generate", "run, for encoders; no model with a decoder can be compiled yet");
    };
  });
}

} // namespace lathe
