//===- Bench.cpp - timing contenders on the same inputs -----------------------===//
#include "compiler/driver/Bench.h"

#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <numeric>
#include <random>
#include <sched.h>
#include <unistd.h>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

//===----------------------------------------------------------------------===//
// Workloads
//===----------------------------------------------------------------------===//

int64_t Workload::longest() const { return lengths.empty() ? 0 : *llvm::max_element(lengths); }
int64_t Workload::tokens() const { return std::accumulate(lengths.begin(), lengths.end(), int64_t(0)); }

Workload makeWorkload(ArrayRef<int64_t> lengths, int64_t idLimit) {
  Workload workload;
  workload.lengths = lengths.vec();
  // A fixed seed, so that every run and every contender sees the same ids.
  std::mt19937 random(20240607); // NOLINT(bugprone-random-generator-seed)
  std::uniform_int_distribution<int32_t> anyId(0, static_cast<int32_t>(idLimit - 1));
  int64_t batch = workload.batch(), longest = workload.longest();
  std::vector<int32_t> ragged, offsets = {0}, padded(batch * longest), mask(batch * longest);
  for (auto [row, length] : llvm::enumerate(lengths)) {
    for (int64_t column = 0; column < length; ++column) {
      ragged.push_back(anyId(random));
      padded[row * longest + column] = ragged.back();
      mask[row * longest + column] = 1;
    }
    offsets.push_back(static_cast<int32_t>(ragged.size()));
  }
  workload.padded.add("input_ids", {batch, longest}, padded);
  if (llvm::all_equal(lengths)) {
    workload.inputs = workload.padded;
    return workload;
  }
  workload.padded.add("attention_mask", {batch, longest}, mask);
  workload.inputs.add("input_ids", {int64_t(ragged.size())}, ragged);
  workload.inputs.add("cu_seqlens", {batch + 1}, offsets);
  return workload;
}

Expected<std::vector<int64_t>> parseLengths(StringRef text, StringRef origin) {
  std::vector<int64_t> lengths;
  size_t number = 0;
  for (StringRef line : llvm::split(text, '\n')) {
    ++number;
    line = line.trim();
    if (line.empty())
      continue;
    int64_t length;
    if (line.getAsInteger(10, length) || length < 1)
      return createStringError(quote(origin) + ", line " + llvm::Twine(number) + ": " + quote(line) +
                               " is no length; accepted are 1 and more");
    lengths.push_back(length);
  }
  if (lengths.empty())
    return createStringError(quote(origin) + " lists no lengths; accepted is one a line");
  return lengths;
}

//===----------------------------------------------------------------------===//
// The artifact
//===----------------------------------------------------------------------===//

namespace {

class ArtifactContender final : public Contender {
public:
  ArtifactContender(const LoadedModel &model, const lathe_entry_info &entry, const Workload &workload,
                    double residentBefore, RunContext context, std::vector<FloatTensor> results)
      : model(model), entry(entry), workload(workload), residentBefore(residentBefore), context(std::move(context)),
        results(std::move(results)), views(workload.inputs.views()) {}

  StringRef name() const override { return "lathe"; }

  Expected<std::vector<double>> time(int64_t count) override {
    std::vector<double> seconds;
    for (int64_t run = 0; run <= count; ++run) {
      Clock::time_point began = Clock::now();
      if (Error error = context.run(entry, views, results))
        return std::move(error);
      if (run)
        seconds.push_back(secondsSince(began));
    }
    return seconds;
  }

  Expected<std::vector<FloatTensor>> outputs() override {
    std::vector<lathe_tensor> padded = workload.padded.views();
    Expected<std::vector<FloatTensor>> prepared = context.prepare(entry, padded);
    if (prepared)
      if (Error error = context.run(entry, padded, *prepared))
        return std::move(error);
    return prepared;
  }

  /// Two runs must give the same bits, which must be numbers.
  Error check() {
    Expected<std::vector<FloatTensor>> again = context.prepare(entry, views);
    if (!again)
      return again.takeError();
    for (ArrayRef<FloatTensor> outputs : {ArrayRef(results), ArrayRef(*again)})
      if (Error error = context.run(entry, views, outputs))
        return error;
    for (auto [first, second] : llvm::zip_equal(results, *again)) {
      if (!llvm::all_of(first.values(), [](float value) { return std::isfinite(value); }))
        return createStringError("output " + quote(first.name) + " is not finite for random ids; nothing was timed");
      if (std::memcmp(first.data.get(), second.data.get(), first.count() * sizeof(float)) != 0)
        return createStringError("output " + quote(first.name) + " differs between two runs; nothing was timed");
    }
    return Error::success();
  }

  Expected<double> residentBytes() override { return lathe::residentBytes() - residentBefore; }
  double loadSeconds() const override { return model.loadSeconds(); }

private:
  const LoadedModel &model;
  const lathe_entry_info &entry;
  const Workload &workload;
  double residentBefore;
  RunContext context;
  std::vector<FloatTensor> results;
  std::vector<lathe_tensor> views;
};

} // namespace

Expected<std::unique_ptr<Contender>> makeArtifactContender(const LoadedModel &model, const lathe_entry_info &entry,
                                                           int64_t threads, const Workload &workload,
                                                           double residentBefore) {
  Expected<RunContext> context =
      model.createContext({.threads = threads, .maxTokens = workload.batch() * workload.longest()});
  if (!context)
    return context.takeError();
  Expected<std::vector<FloatTensor>> results = context->prepare(entry, workload.inputs.views());
  if (!results)
    return results.takeError();
  auto contender = std::make_unique<ArtifactContender>(model, entry, workload, residentBefore, std::move(*context),
                                                       std::move(*results));
  if (Error error = contender->check())
    return std::move(error);
  return contender;
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

Timing summarize(std::vector<double> seconds) {
  llvm::sort(seconds);
  auto percentile = [&](double fraction) {
    return seconds[static_cast<size_t>(std::ceil(fraction * seconds.size())) - 1];
  };
  return {seconds.front(), percentile(0.5), percentile(0.99)};
}

Expected<std::vector<Timing>> timeInTurns(ArrayRef<Contender *> contenders) {
  constexpr double enoughSeconds = 1, blockSeconds = 0.1;
  constexpr size_t enoughRuns = 5;
  constexpr int64_t longestBlock = 1000;
  struct Series {
    std::vector<double> seconds;
    double total = 0;
    bool enough() const { return total >= enoughSeconds && seconds.size() >= enoughRuns; }
  };
  std::vector<Series> all(contenders.size());
  while (!llvm::all_of(all, [](const Series &series) { return series.enough(); }))
    for (auto [contender, series] : llvm::zip_equal(contenders, all)) {
      double usual = series.seconds.empty() ? blockSeconds : series.total / series.seconds.size();
      int64_t count = std::clamp<int64_t>(blockSeconds / std::max(usual, 1e-9), 1, longestBlock);
      Expected<std::vector<double>> block = contender->time(count);
      if (!block)
        return block.takeError();
      llvm::append_range(series.seconds, *block);
      series.total = std::accumulate(block->begin(), block->end(), series.total);
    }
  std::vector<Timing> timings;
  for (Series &series : all)
    timings.push_back(summarize(std::move(series.seconds)));
  return timings;
}

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

double residentBytes() {
  auto text = llvm::MemoryBuffer::getFileAsStream("/proc/self/statm");
  uint64_t pages = 0;
  if (text)
    (*text)->getBuffer().split(' ').second.split(' ').first.getAsInteger(10, pages);
  return static_cast<double>(pages) * sysconf(_SC_PAGESIZE);
}

int64_t availableThreads() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::string cpuName() {
  if (auto text = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo"))
    for (StringRef line : llvm::split((*text)->getBuffer(), '\n'))
      if (auto [field, value] = line.split(':'); field.trim() == "model name")
        return value.trim().str();
  return "unknown";
}

} // namespace lathe
