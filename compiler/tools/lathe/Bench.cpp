//===- Bench.cpp - lathe bench ------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/ReplaceFile.h"
#include "compiler/driver/bench/ArtifactContender.h"
#include "compiler/driver/bench/Contenders.h"
#include "compiler/driver/bench/GenerationContender.h"
#include "compiler/driver/bench/Machine.h"
#include "compiler/driver/bench/Plot.h"
#include "compiler/driver/bench/Race.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace lathe {

/// Ids of them are a moderate array; outputs are judged by the library.
constexpr int64_t mostTokens = 1 << 24;
constexpr int64_t mostPixels = int64_t(1) << 30;

namespace {
struct Flags {
  std::string directory, lengths, vs, model, python = "python3", plot;
  std::optional<int64_t> batch, seq, newTokens, threads;
  int64_t beams = 1;
  bool profile = false, json = false;

  llvm::Error run() const;

private:
  llvm::Error checkSupported() const;
  llvm::Expected<std::vector<int64_t>> sequenceLengths() const;
  llvm::Expected<Workload> imageWorkload(const ImageSize &image) const;
  llvm::Expected<Workload> workloadFor(const Artifact &artifact) const;
  llvm::Error report(llvm::StringRef name, const Setting &setting, llvm::ArrayRef<Row> rows,
                     const Profile *measured) const;
};

} // namespace

llvm::Error Flags::checkSupported() const {
  if (!plot.empty()) // found out before minutes are spent on what it is to show
    if (llvm::Error error = checkReplaceable(plot))
      return error;
  if (beams < 1 || beams > 1024)
    return llvm::createStringError("--num-beams " + llvm::Twine(beams) + "; accepted are 1 to 1024");
  return checkThreads(threads);
}

llvm::Expected<std::vector<int64_t>> Flags::sequenceLengths() const {
  if (!lengths.empty()) {
    llvm::Expected<MappedFile> file = MappedFile::open(lengths);
    if (!file)
      return file.takeError();
    llvm::Expected<std::vector<int64_t>> parsed = parseLengths(file->text(), lengths);
    if (!parsed)
      return parsed;
    int64_t longest = *llvm::max_element(*parsed);
    if (longest > mostTokens / static_cast<int64_t>(parsed->size()))
      return llvm::createStringError(quote(lengths) + " has " + llvm::Twine(parsed->size()) + " lengths up to " +
                                     llvm::Twine(longest) + "; accepted are " + llvm::Twine(mostTokens) +
                                     " tokens, counting padding");
    return parsed;
  }
  if (*batch < 1 || *seq < 1 || *batch > mostTokens / *seq)
    return llvm::createStringError("--batch " + llvm::Twine(*batch) + " --seq " + llvm::Twine(*seq) +
                                   "; accepted are 1 and more, and " + llvm::Twine(mostTokens) + " tokens in all");
  return std::vector<int64_t>(*batch, *seq);
}

llvm::Expected<Workload> Flags::imageWorkload(const ImageSize &image) const {
  if (seq || newTokens || !lengths.empty())
    return llvm::createStringError("the model reads images, each of which is " + llvm::Twine(image.tokens) +
                                   " tokens; accepted are --batch N without --seq, --lengths and --new-tokens");
  const int64_t most = mostPixels / (image.channels * image.height * image.width);
  if (*batch < 1 || *batch > most)
    return llvm::createStringError("--batch " + llvm::Twine(*batch) + "; accepted are 1 to " + llvm::Twine(most) +
                                   " images");
  return makeImageWorkload(*batch, image);
}

llvm::Expected<Workload> Flags::workloadFor(const Artifact &artifact) const {
  llvm::Expected<std::optional<ImageSize>> image = imageSize(artifact);
  if (!image)
    return image.takeError();
  if (*image)
    return imageWorkload(**image);
  if (lengths.empty() && !seq)
    return llvm::createStringError("the model reads ids; accepted are --batch N and --seq N, or --lengths FILE");
  llvm::Expected<std::vector<int64_t>> sequences = sequenceLengths();
  if (!sequences)
    return sequences.takeError();
  llvm::Expected<int64_t> limit = idLimit(artifact);
  if (!limit)
    return limit.takeError();
  if (newTokens && (*newTokens < 1 || *newTokens > mostTokens / *batch))
    return llvm::createStringError("--new-tokens " + llvm::Twine(*newTokens) + "; accepted are 1 and more, and " +
                                   llvm::Twine(mostTokens) + " tokens in all");
  Workload workload = makeWorkload(*sequences, *limit, newTokens ? 0 : targetIdLimit(artifact));
  if (newTokens)
    workload.generation = {*newTokens, beams};
  return workload;
}

llvm::Error Flags::run() const {
  if (llvm::Error error = checkSupported())
    return error;
  llvm::Expected<std::vector<std::string>> names =
      parseContenders(vs, newTokens ? PeerAbility::Writes : PeerAbility::Runs);
  if (!names)
    return names.takeError();
  llvm::Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  if (!artifact->similarity.empty())
    return llvm::createStringError(
        "the model compares texts with images; accepted are models that read one of them, as "
        "each of its two towers does by itself");
  llvm::Expected<Workload> made = workloadFor(*artifact);
  if (!made)
    return made.takeError();
  const Workload &workload = *made;
  llvm::Expected<Precision> precision = precisionOf(*artifact);
  if (!precision)
    return precision.takeError();
  llvm::Expected<std::vector<StepWork>> steps = readSteps(*artifact, workload);
  if (!steps)
    return steps.takeError();
  llvm::Expected<std::vector<StepWork>> promptSteps = readPromptSteps(*artifact, workload);
  if (!promptSteps)
    return promptSteps.takeError();

  double residentBefore = residentBytes();
  llvm::Expected<LoadedModel> model = LoadedModel::load(*artifact);
  if (!model)
    return model.takeError();
  llvm::Expected<const lathe_entry_info *> entry = model->entry("");
  if (!entry)
    return entry.takeError();
  int64_t workers = threads.value_or(availableThreads());
  llvm::Expected<std::unique_ptr<Contender>> own =
      newTokens ? makeGenerationContender("lathe", *precision, *model, workers, workload, residentBefore)
                : makeArtifactContender("lathe", *precision, *model, **entry, workers, workload, residentBefore);
  if (!own)
    return own.takeError();

  llvm::Expected<Contenders> others =
      Contenders::start(*names, *artifact, **entry, {this->model, python, workers}, workload, llvm::errs());
  if (!others)
    return others.takeError();
  std::vector<Contender *> contenders = {own->get()};
  for (const std::unique_ptr<Contender> &other : others->all())
    contenders.push_back(other.get());
  Setting setting = {cpuName(),
                     model->api().isa(model->model()),
                     workers,
                     workload.batch(),
                     workload.longest(),
                     newTokens ? workload.batch() * *newTokens : workload.tokens(),
                     sumOf(*steps),
                     readCacheSizes(),
                     {},
                     {},
                     *precision};
  if (newTokens)
    setting.written = {*workload.generation, sumOf(*promptSteps)};
  std::unique_ptr<StepProfiler> profiler;
  if (profile || !plot.empty()) {
    llvm::Expected<std::unique_ptr<StepProfiler>> created = StepProfiler::create(*model, **entry, workers, workload);
    if (!created)
      return created.takeError();
    profiler = std::move(*created);
  }
  llvm::Expected<std::vector<Row>> rows = race(contenders, profiler.get(), workload, setting);
  if (!rows)
    return rows.takeError();
  std::optional<Profile> measured;
  if (profiler) {
    llvm::Expected<Profile> profiled = profiler->profile(*steps);
    if (!profiled)
      return profiled.takeError();
    measured = std::move(*profiled);
  }
  return report(artifact->name, setting, *rows, measured ? &*measured : nullptr);
}

llvm::Error Flags::report(llvm::StringRef name, const Setting &setting, llvm::ArrayRef<Row> rows,
                          const Profile *measured) const {
  if (!plot.empty()) {
    llvm::Expected<std::string> picture = drawRoofline(name, setting, rows, *measured);
    if (!picture)
      return picture.takeError();
    if (llvm::Error error = replaceFile(plot, *picture))
      return error;
  }

  if (json) {
    llvm::outs() << jsonText(toJson(setting, rows, profile ? measured : nullptr));
    return llvm::Error::success();
  }
  print(llvm::outs(), setting, rows);
  if (profile)
    print(llvm::outs(), setting, *measured);
  return llvm::Error::success();
}

void addBench(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("bench", "Time an artifact on random ids or images, alone or against others");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  verb->add_option("--batch", flags->batch, "Sequences, or images, in a run");
  verb->add_option("--seq", flags->seq, "Tokens of each sequence");
  verb->add_option("--lengths", flags->lengths, "Instead: a file with the length of a sequence on each line");
  verb->add_option("--new-tokens", flags->newTokens,
                   "Write so many tokens behind each sequence, or from it, where an encoder reads it: time that");
  CLI::Option *beams =
      verb->add_option("--num-beams", flags->beams, "Write them with so many beams (default: greedily)");
  verb->add_option("--threads", flags->threads, "Threads to run on (default: as many as the process may use)");
  verb->add_option(
      "--vs", flags->vs,
      "Contenders to time in turns with it, a list of: eager (PyTorch), torch-compile, onnxruntime, openvino, "
      "all in f32; eager-bf16, openvino-bf16, onnxruntime-int8, openvino-int8; unfused (compiled without "
      "the graph passes, in the artifact's own precision). With --new-tokens: eager, ctranslate2, in f32; eager-bf16, "
      "ctranslate2-int8");
  verb->add_option("--model", flags->model, "The model directory that was compiled, for --vs");
  verb->add_option("--python", flags->python,
                   "Python with torch, transformers and the contenders' packages, for --vs (default: python3)");
  verb->add_flag("--profile", flags->profile, "Times of every step, too");
  verb->add_option("--plot", flags->plot, "A picture of kernels and runs under the machine's roofs, as SVG");
  verb->add_flag("--json", flags->json, "The result as JSON");
  verb->callback([flags, beams, &line] {
    if (flags->lengths.empty() ? !flags->batch : flags->batch || flags->seq)
      throw UsageError("bench needs --batch N and --seq N, of images --batch N, or --lengths FILE");
    if (flags->newTokens && !flags->lengths.empty())
      throw UsageError("--new-tokens goes with --batch and --seq: peers write behind prompts of one length");
    if (beams->count() && !flags->newTokens)
      throw UsageError("--num-beams needs --new-tokens N");
    if (!flags->vs.empty() && flags->model.empty())
      throw UsageError("--vs needs --model MODEL");
    line.action = [flags] { return flags->run(); };
  });
}

} // namespace lathe
