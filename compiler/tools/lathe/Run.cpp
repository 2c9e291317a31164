//===- Run.cpp - lathe run ----------------------------------------------------===//
#include "compiler/tools/lathe/ImportFlags.h"
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/ImageFile.h"
#include "compiler/driver/Interpret.h"
#include "compiler/driver/JsonText.h"
#include "compiler/driver/PlanFile.h"
#include "compiler/driver/results/ImageLabels.h"
#include "compiler/driver/results/TextResults.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace lathe {

namespace {
using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

struct Flags {
  std::string directory, inputs, outputs, entry, stage = "import", precision = "f32", plan;
  std::vector<std::string> images;
  int64_t group = 64;
  ImportFlags import;
  bool interpret = false, json = false;
  std::optional<int64_t> threads, topK;

  bool usesFiles() const { return !inputs.empty() || !outputs.empty(); }
  /// Usage: what goes together.
  void check(const CommandLine &line, const CLI::App &verb) const;
  llvm::Error run(const CommandLine &line) const;

private:
  llvm::Error interpretFile() const;
  llvm::Error runFile(const LoadedModel &model) const;
  llvm::Error runImages(const Artifact &artifact, const LoadedModel &model, const CommandLine &line) const;
  llvm::Error runTexts(const Artifact &artifact, const LoadedModel &model, const CommandLine &line) const;
};
} // namespace

void Flags::check(const CommandLine &line, const CLI::App &verb) const {
  if (inputs.empty() != outputs.empty())
    throw UsageError("--inputs and --outputs go together");
  const int kinds = int(usesFiles()) + int(!line.texts.empty() || !images.empty());
  if (kinds != 1)
    throw UsageError(kinds ? "give --inputs, or --text and --image"
                           : "run needs --text S, --image F, or --inputs F --outputs F");
  if (interpret && !usesFiles())
    throw UsageError("--interpret needs --inputs F --outputs F");
  if (!interpret && (import.given() || verb.count("--stage") || verb.count("--precision") ||
                     verb.count("--precision-plan") || verb.count("--group-size")))
    throw UsageError(
        "--stage, --precision, --precision-plan, --group-size, --task, --pooling, --emit and --features go with "
        "--interpret; an artifact is what it was compiled as");
  if (verb.count("--precision") && verb.count("--precision-plan"))
    throw UsageError("give either --precision or --precision-plan, not both");
  if (usesFiles() && (json || topK || line.prompt.given()))
    throw UsageError("--json, --top-k, --prompt and --prompt-name go with --text; --outputs takes every output");
  if (!images.empty() && line.prompt.given())
    throw UsageError("--prompt and --prompt-name go with --text");
}

llvm::Error Flags::run(const CommandLine &line) const {
  if (llvm::Error error = checkThreads(threads))
    return error;
  if (interpret)
    return interpretFile();
  llvm::Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  Clock::time_point began = Clock::now();
  llvm::Expected<LoadedModel> model = LoadedModel::load(*artifact);
  if (!model)
    return model.takeError();
  if (usesFiles())
    return runFile(*model);
  if (!images.empty())
    return runImages(*artifact, *model, line);
  double opened = millisecondsSince(began);
  began = Clock::now();
  if (llvm::Error error = runTexts(*artifact, *model, line))
    return error;
  if (!json) {
    const double ran = millisecondsSince(began);
    const size_t count = line.texts.size();
    llvm::errs() << llvm::formatv("opened in {0:F1} ms; {1} {2} in {3:F1} ms, {4:F2} ms each\n", opened, count,
                                  count == 1 ? "text" : "texts", ran, ran / count);
  }
  return llvm::Error::success();
}

llvm::Error Flags::interpretFile() const {
  llvm::Expected<Stage> parsed = parseStage(stage);
  if (!parsed)
    return parsed.takeError();
  llvm::Expected<ImportOptions> options = import.resolve();
  if (!options)
    return options.takeError();
  PrecisionPlan parts = {precision, {}};
  if (!plan.empty()) {
    llvm::Expected<PrecisionPlan> read = readPlan(plan);
    if (!read)
      return read.takeError();
    parts = *read;
  }
  llvm::Expected<InputTensors> tensors = InputTensors::read(inputs);
  if (!tensors)
    return tensors.takeError();
  llvm::Expected<std::vector<FloatTensor>> results = interpretModel(
      {.model = directory, .import = *options, .stage = *parsed, .plan = parts, .group = group, .entry = entry},
      *tensors);
  if (!results)
    return results.takeError();
  return writeOutputs(outputs, *results);
}

llvm::Error Flags::runFile(const LoadedModel &model) const {
  llvm::Expected<InputTensors> tensors = InputTensors::read(inputs);
  if (!tensors)
    return tensors.takeError();
  llvm::Expected<std::vector<FloatTensor>> results = runModel(model, entry, {.threads = threads.value_or(0)}, *tensors);
  if (!results)
    return results.takeError();
  return writeOutputs(outputs, *results);
}

/// The texts that images are compared with, as one ragged batch.
static llvm::Expected<InputTensors> textInputs(const Artifact &artifact, const LoadedModel &model,
                                               llvm::ArrayRef<TextArgument> texts) {
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(model);
  std::vector<int32_t> ids, offsets = {0};
  for (const TextArgument &text : texts) {
    llvm::Expected<TokenizedText> tokens = tokenizer->tokenize(text.text, std::nullopt, {});
    if (!tokens)
      return tokens.takeError();
    fillUp(*tokens, artifact, *tokenizer);
    llvm::append_range(ids, tokens->ids);
    offsets.push_back(int32_t(ids.size()));
  }
  InputTensors inputs;
  inputs.add("input_ids", {int64_t(ids.size())}, ids);
  inputs.add("cu_seqlens", {int64_t(offsets.size())}, offsets);
  return inputs;
}

/// What an image is told by: the model's classes, or the texts that it is compared with. An error where the model does
/// neither.
static llvm::Expected<ResultOptions> imageClasses(const Artifact &artifact, llvm::ArrayRef<TextArgument> texts) {
  const std::string fit = artifact.similarity;
  if (artifact.task == taskName(Task::ImageClassification) && texts.empty())
    return ResultOptions{artifact.task, artifact.labels, artifact.problem, artifact.score, {}};
  if (fit.empty())
    return llvm::createStringError(
        texts.empty() ? "--image is for models that classify images, or compare them with texts; this one's task is " +
                            quote(artifact.task) + ": give images with --inputs"
                      : "--image together with --text is for models that compare both; this one's task is " +
                            quote(artifact.task));
  if (texts.empty())
    return llvm::createStringError("the model compares images with texts: give some with --text");
  ResultOptions options = {artifact.task, {}, fit == "each" ? "multi_label_classification" : "", "", {}};
  for (const TextArgument &text : texts) {
    if (text.pair)
      return llvm::createStringError("--pair does not go with --image");
    options.labels.push_back(text.text);
  }
  return options;
}

/// Each by itself: they may have any sizes.
llvm::Error Flags::runImages(const Artifact &artifact, const LoadedModel &model, const CommandLine &line) const {
  llvm::Expected<ResultOptions> options = imageClasses(artifact, line.texts);
  if (!options)
    return options.takeError();
  llvm::Expected<int64_t> count = candidateCount(topK, line.texts.empty() ? 5 : int64_t(line.texts.size()));
  if (!count)
    return count.takeError();
  InputTensors texts;
  if (!line.texts.empty()) {
    llvm::Expected<InputTensors> tokenized = textInputs(artifact, model, line.texts);
    if (!tokenized)
      return tokenized.takeError();
    texts = std::move(*tokenized);
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string &path : images) {
    llvm::Expected<ImageBytes> image = readImageFile(path);
    if (!image)
      return image.takeError();
    InputTensors inputs = texts;
    inputs.add({"images", LATHE_U8, {image->rows, image->columns, 3}, std::move(image->pixels)});
    llvm::Expected<std::vector<FloatTensor>> outputs = runModel(model, entry, {.threads = threads.value_or(0)}, inputs);
    if (!outputs)
      return llvm::createStringError(quote(path) + ": " + llvm::toString(outputs.takeError()));
    const auto logits = llvm::find_if(*outputs, [](const FloatTensor &output) {
      return output.name == "logits" || output.name == "logits_per_image";
    });
    if (logits == outputs->end())
      return llvm::createStringError("entry " + quote(entry) + " gives nothing that tells images by --image");
    const ImageLabels labels(path, {logits->data.get(), size_t(logits->shape.back())}, *options, *count);
    if (json)
      all.push_back(labels.json());
    else
      labels.print(llvm::outs());
  }
  if (json)
    llvm::outs() << jsonText(all);
  return llvm::Error::success();
}

llvm::Error Flags::runTexts(const Artifact &artifact, const LoadedModel &model, const CommandLine &line) const {
  const std::vector<TextArgument> &texts = line.texts;
  llvm::Expected<const lathe_entry_info *> info = model.entryFor(entry, /*hasTexts=*/true, /*hasImages=*/false);
  if (!info)
    return info.takeError();
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(model);
  if (line.prompt.given() && !hasOutput(**info, "sentence_embedding"))
    return llvm::createStringError("--prompt and --prompt-name are for models that embed texts; this one's task is " +
                                   quote(artifact.task));
  llvm::Expected<PromptedTokenizer> prompted = PromptedTokenizer::create(model, *tokenizer, line.prompt);
  if (!prompted)
    return prompted.takeError();
  std::vector<TokenizedText> tokenized;
  for (const TextArgument &text : texts) {
    llvm::Expected<TokenizedText> tokens = prompted->tokenize(text.text, text.pair);
    if (!tokens)
      return tokens.takeError();
    fillUp(*tokens, artifact, *tokenizer);
    tokenized.push_back(std::move(*tokens));
  }
  llvm::Expected<RunContext> context = model.createContext({.threads = threads.value_or(0)});
  if (!context)
    return context.takeError();
  llvm::Expected<std::unique_ptr<TextResults>> created =
      TextResults::create(**info, {artifact.task, artifact.labels, artifact.problem, artifact.score, topK});
  if (!created)
    return created.takeError();
  TextResults &results = **created;
  auto receive = [&](size_t index, llvm::ArrayRef<TextOutput> outputs) {
    results.add(texts[index].text, texts[index].pair, tokenized[index], outputs,
                [&](int32_t id) { return tokenizer->token(id); });
    return llvm::Error::success();
  };
  if (llvm::Error error = lathe::runTexts(*context, **info, tokenized, results.outputs(), receive))
    return error;
  if (json)
    llvm::outs() << jsonText(results.json());
  else
    results.print(llvm::outs());
  return llvm::Error::success();
}

void addRun(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("run", "Run an artifact on texts or tensors, or a model through the interpreter");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact; with --interpret a model directory")->required();
  verb->add_option("--inputs", flags->inputs,
                   "Tensors to run on: a safetensors file with input_ids, ..., with pixel_values or with images");
  verb->add_option("--outputs", flags->outputs, "Where every output is written, as safetensors");
  verb->add_option("--entry", flags->entry, "Entry point to run (default: the first that takes what is given)");
  verb->add_option("--threads", flags->threads, "Threads to run on (default: as many as the process may use)");
  verb->add_option(
      "--top-k", flags->topK,
      "Tokens to give for each [MASK] and classes for each image (default: 5), classes for each text (default: all)");
  verb->add_flag("--json", flags->json, "An object per text or image, as JSON");
  verb->add_option("--image", flags->images, "Images to classify, or to compare with each --text: PNG or JPEG files");
  verb->add_flag("--interpret", flags->interpret, "The reference: run a model directory without compiling it");
  verb->add_option("--stage", flags->stage,
                   "With --interpret: the form to run, import, graph or precision (default: import)");
  verb->add_option("--precision", flags->precision, "With --stage precision: f32 (default), bf16, int8 or int4");
  verb->add_option("--precision-plan", flags->plan, "Instead: a file as compile takes it");
  verb->add_option("--group-size", flags->group, "With int4: 32, 64 (default) or 128");
  flags->import.declare(*verb);
  declareText(*verb);
  declarePrompt(*verb, line);
  verb->callback([flags, verb, &line] {
    flags->check(line, *verb);
    line.action = [flags, &line] { return flags->run(line); };
  });
}

} // namespace lathe
