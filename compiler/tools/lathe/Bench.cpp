//===- Bench.cpp - lathe bench ------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/Compare.h"
#include "compiler/driver/EagerContender.h"
#include "compiler/driver/JsonText.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace lathe {

using Json = nlohmann::ordered_json;

namespace {
struct Flags {
  std::string directory, lengths, vs, model, python = "python3", plot;
  std::optional<int64_t> batch, seq, threads;
  bool profile = false, json = false;

  llvm::Error run() const;

private:
  llvm::Error checkSupported() const;
  llvm::Expected<std::vector<int64_t>> sequenceLengths() const;
};

/// A line of the result.
struct Row {
  std::string contender;
  Timing timing;
  double residentBytes, loadSeconds;
  std::optional<double> maxAbsDiff; ///< from the artifact
};

/// What all lines have in common.
struct Setting {
  std::string cpu, isa;
  int64_t threads, batch, seq, tokens;
  double flops;

  double tokensPerSecond(const Row &row) const { return tokens / row.timing.median; }
  double gflops(const Row &row) const { return flops / row.timing.median * 1e-9; }
};
} // namespace

llvm::Error Flags::checkSupported() const {
  if (!plot.empty())
    return notBuiltYet("--plot");
  if (!vs.empty())
    for (llvm::StringRef contender : llvm::split(vs, ','))
      if (contender != "eager")
        return notBuiltYet(("--vs " + contender).str(), "eager");
  return checkThreads(threads);
}

llvm::Expected<std::vector<int64_t>> Flags::sequenceLengths() const {
  constexpr int64_t mostTokens = 1 << 24; // ids of them are a moderate array; outputs are judged by the library
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

/// A whole number of the manifest.
static llvm::Expected<int64_t> manifestNumber(const Artifact &artifact, const nlohmann::json &object,
                                              llvm::StringRef field) {
  int64_t number = 0;
  std::string text = fieldText(object, {field.str().c_str()});
  if (llvm::StringRef(text).getAsInteger(10, number) || number < 0)
    return llvm::createStringError(quote(artifact.file("manifest.json")) + ": " + field + " is " + quote(text) +
                                   "; accepted is a whole number");
  return number;
}

/// How large ids may be: the entry's own limit on input_ids.
static llvm::Expected<int64_t> idLimit(const Artifact &artifact) {
  const nlohmann::json &manifest = artifact.manifest();
  if (manifest.contains("entries") && manifest["entries"].is_array() && !manifest["entries"].empty())
    if (const nlohmann::json &entry = manifest["entries"][0]; entry.contains("inputs") && entry["inputs"].is_array())
      for (const nlohmann::json &input : entry["inputs"])
        if (fieldText(input, {"name"}) == "input_ids")
          return manifestNumber(artifact, input, "limit");
  return llvm::createStringError(quote(artifact.file("manifest.json")) + " describes no input_ids");
}

/// Floating-point operations of the matrix products of a run.
static llvm::Expected<double> countFlops(const Artifact &artifact, const Workload &workload) {
  double pairs = 0, flops = 0;
  for (int64_t length : workload.lengths)
    pairs += double(length) * length;
  const nlohmann::json &manifest = artifact.manifest();
  static const nlohmann::json none;
  const nlohmann::json &formula = manifest.contains("flops") ? manifest["flops"] : none;
  for (auto [field, count] : {std::pair{"per_token", double(workload.tokens())},
                              {"per_sequence", double(workload.batch())},
                              {"per_token_pair", pairs}}) {
    llvm::Expected<int64_t> each = manifestNumber(artifact, formula, field);
    if (!each)
      return each.takeError();
    flops += *each * count;
  }
  return flops;
}

/// The largest difference of a contender's outputs from the artifact's. Far beyond rounding, it computes something
/// else, and to compare times would be pointless.
static llvm::Expected<double> compareWith(Contender &reference, Contender &other) {
  constexpr double tolerance = 1e-3;
  llvm::Expected<std::vector<FloatTensor>> a = other.outputs();
  if (!a)
    return a.takeError();
  llvm::Expected<std::vector<FloatTensor>> b = reference.outputs();
  if (!b)
    return b.takeError();
  double largest = 0;
  bool compared = false;
  for (const OutputDifference &difference : compareOutputs(*a, *b)) {
    if (!difference.mismatch.empty())
      continue; // hidden states, say, that only one of them gives
    compared = true;
    largest = std::max(largest, difference.largest);
    if (!(difference.relative <= tolerance))
      return llvm::createStringError(other.name() + " gives another " + difference.name + ": " +
                                     floatText(difference.largest) +
                                     " apart; is --model the directory that was compiled?");
  }
  if (!compared)
    return llvm::createStringError(other.name() + " and the artifact have no output in common; is --model the "
                                                  "directory that was compiled, and for the same task?");
  return largest;
}

//===----------------------------------------------------------------------===//
// Reporting
//===----------------------------------------------------------------------===//

static Json toJson(const Setting &setting, llvm::ArrayRef<Row> rows, llvm::ArrayRef<lathe_profile_step> steps) {
  Json results = Json::array();
  for (const Row &row : rows)
    results.push_back({{"contender", row.contender},
                       {"batch", setting.batch},
                       {"seq", setting.seq},
                       {"precision", "f32"},
                       {"min_ms", row.timing.min * 1e3},
                       {"median_ms", row.timing.median * 1e3},
                       {"p99_ms", row.timing.p99 * 1e3},
                       {"tokens_per_s", setting.tokensPerSecond(row)},
                       {"gflops", setting.gflops(row)},
                       {"rss_mb", row.residentBytes * 1e-6},
                       {"load_ms", row.loadSeconds * 1e3},
                       {"max_abs_diff", row.maxAbsDiff ? Json(*row.maxAbsDiff) : Json(nullptr)}});
  Json json = {{"machine", {{"cpu", setting.cpu}, {"isa", setting.isa}, {"threads", setting.threads}}},
               {"results", results}};
  if (!steps.empty())
    json["profile"] = Json::array();
  for (const lathe_profile_step &step : steps)
    json["profile"].push_back(
        {{"step", step.name}, {"kernel", step.kernel}, {"calls", step.calls}, {"seconds", step.seconds}});
  return json;
}

static void print(llvm::raw_ostream &os, const Setting &setting, llvm::ArrayRef<Row> rows) {
  os << llvm::formatv("{0}, {1}, {2} threads; {3} x {4}, {5} tokens, {6:F2} GFLOP, f32\n", setting.cpu, setting.isa,
                      setting.threads, setting.batch, setting.seq, setting.tokens, setting.flops * 1e-9)
     << "contender    min ms  median ms    p99 ms    tokens/s   GFLOP/s   load ms    RSS MB   max diff\n";
  for (const Row &row : rows)
    os << llvm::formatv("{0,-9} {1,9:F3}  {2,9:F3} {3,9:F3} {4,11:F0} {5,9:F1} {6,9:F1} {7,9:F0}   {8}\n",
                        row.contender, row.timing.min * 1e3, row.timing.median * 1e3, row.timing.p99 * 1e3,
                        setting.tokensPerSecond(row), setting.gflops(row), row.loadSeconds * 1e3,
                        row.residentBytes * 1e-6, row.maxAbsDiff ? llvm::formatv("{0:e2}", *row.maxAbsDiff).str() : "");
  for (const Row &row : rows.drop_front())
    os << llvm::formatv("lathe is {0:F2} times as fast as {1} (medians)\n",
                        row.timing.median / rows.front().timing.median, row.contender);
}

static void print(llvm::raw_ostream &os, llvm::ArrayRef<lathe_profile_step> steps) {
  double total = 0;
  for (const lathe_profile_step &step : steps)
    total += step.seconds;
  os << "share     us/call  step                                                kernel\n";
  for (const lathe_profile_step &step : steps)
    os << llvm::formatv("{0,5:F1}% {1,10:F1}  {2,-50}  {3}\n", 100 * step.seconds / total,
                        step.seconds / step.calls * 1e6, step.name, step.kernel);
}

/// Runs with a clock around every step, apart from what is timed as a whole: the clocks themselves take time.
static llvm::Expected<std::vector<lathe_profile_step>>
profileSteps(const LoadedModel &model, const lathe_entry_info &entry, int64_t threads, const Workload &workload) {
  llvm::Expected<RunContext> context =
      model.createContext({.threads = threads, .maxTokens = workload.batch() * workload.longest(), .profile = true});
  if (!context)
    return context.takeError();
  std::vector<lathe_tensor> inputs = workload.inputs.views();
  llvm::Expected<std::vector<FloatTensor>> outputs = context->prepare(entry, inputs);
  if (!outputs)
    return outputs.takeError();
  auto began = std::chrono::steady_clock::now();
  do {
    if (llvm::Error error = context->run(entry, inputs, *outputs))
      return std::move(error);
  } while (std::chrono::steady_clock::now() - began < std::chrono::seconds(1));
  return context->profile();
}

//===----------------------------------------------------------------------===//
// The verb
//===----------------------------------------------------------------------===//

llvm::Error Flags::run() const {
  if (llvm::Error error = checkSupported())
    return error;
  llvm::Expected<std::vector<int64_t>> sequences = sequenceLengths();
  if (!sequences)
    return sequences.takeError();
  llvm::Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  llvm::Expected<int64_t> limit = idLimit(*artifact);
  if (!limit)
    return limit.takeError();
  Workload workload = makeWorkload(*sequences, *limit);
  llvm::Expected<double> flops = countFlops(*artifact, workload);
  if (!flops)
    return flops.takeError();

  double residentBefore = residentBytes();
  llvm::Expected<LoadedModel> model = LoadedModel::load(*artifact);
  if (!model)
    return model.takeError();
  llvm::Expected<const lathe_entry_info *> entry = model->entry("");
  if (!entry)
    return entry.takeError();
  int64_t workers = threads.value_or(availableThreads());
  llvm::Expected<std::unique_ptr<Contender>> own =
      makeArtifactContender(*model, **entry, workers, workload, residentBefore);
  if (!own)
    return own.takeError();

  std::vector<Contender *> contenders = {own->get()};
  std::unique_ptr<Contender> eager;
  std::optional<double> difference;
  if (!vs.empty()) {
    llvm::Expected<std::unique_ptr<Contender>> started =
        makeEagerContender({this->model, python, artifact->task, workers}, workload);
    if (!started)
      return started.takeError();
    eager = std::move(*started);
    contenders.push_back(eager.get());
    llvm::Expected<double> compared = compareWith(**own, *eager);
    if (!compared)
      return compared.takeError();
    difference = *compared;
  }
  llvm::Expected<std::vector<Timing>> timings = timeInTurns(contenders);
  if (!timings)
    return timings.takeError();
  std::vector<Row> rows;
  for (auto [contender, timing] : llvm::zip_equal(contenders, *timings)) {
    llvm::Expected<double> resident = contender->residentBytes();
    if (!resident)
      return resident.takeError();
    rows.push_back({contender->name().str(), timing, *resident, contender->loadSeconds(),
                    contender == eager.get() ? difference : std::nullopt});
  }
  std::vector<lathe_profile_step> steps;
  if (profile) {
    llvm::Expected<std::vector<lathe_profile_step>> measured = profileSteps(*model, **entry, workers, workload);
    if (!measured)
      return measured.takeError();
    steps = std::move(*measured);
  }

  Setting setting = {
      cpuName(), model->api().isa(model->model()), workers, workload.batch(), workload.longest(), workload.tokens(),
      *flops};
  if (json) {
    llvm::outs() << jsonText(toJson(setting, rows, steps));
    return llvm::Error::success();
  }
  print(llvm::outs(), setting, rows);
  if (!steps.empty())
    print(llvm::outs(), steps);
  return llvm::Error::success();
}

void addBench(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("bench", "Time an artifact on random ids, alone or against others");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  verb->add_option("--batch", flags->batch, "Sequences in a run");
  verb->add_option("--seq", flags->seq, "Tokens of each");
  verb->add_option("--lengths", flags->lengths, "Instead: a file with the length of a sequence on each line");
  verb->add_option("--threads", flags->threads, "Threads to run on (default: as many as the process may use)");
  verb->add_option("--vs", flags->vs, "Contenders to time in turns with it: eager (PyTorch in f32)");
  verb->add_option("--model", flags->model, "The model directory that was compiled, for --vs");
  verb->add_option("--python", flags->python, "Python with torch and transformers, for --vs (default: python3)");
  verb->add_flag("--profile", flags->profile, "Times of every step, too");
  verb->add_option("--plot", flags->plot, "A picture of the results (not supported yet)");
  verb->add_flag("--json", flags->json, "The result as JSON");
  verb->callback([flags, &line] {
    bool sizes = flags->batch && flags->seq, either = flags->batch || flags->seq;
    if (flags->lengths.empty() ? !sizes : either)
      throw UsageError("bench needs --batch N and --seq N, or --lengths FILE");
    if (flags->vs == "eager" && flags->model.empty())
      throw UsageError("--vs eager needs --model MODEL");
    line.action = [flags] { return flags->run(); };
  });
}

} // namespace lathe
