//===- GenerationContender.cpp - an artifact that writes ----------------------===//
#include "compiler/driver/bench/GenerationContender.h"

#include "compiler/driver/bench/Generation.h"
#include "compiler/driver/bench/Machine.h"

#include <cmath>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

class GenerationContender final : public Contender {
public:
  GenerationContender(StringRef name, Precision computed, const LoadedModel &model, GenerationRun run,
                      RunContext context)
      : label(name), computed(computed), model(model), run(std::move(run)), context(std::move(context)) {}

  StringRef name() const override { return label; }
  Precision precision() const override { return computed; }
  Expected<std::vector<double>> time(int64_t count) override {
    return timeRuns(count, [&] { return run.write(context).takeError(); });
  }
  Expected<std::vector<double>> timeFirst(int64_t count) override {
    return timeRuns(count, [&] { return run.write(context, 1).takeError(); });
  }
  Expected<std::vector<FloatTensor>> outputs() override {
    Expected<FloatTensor> logits = run.logits(context);
    if (!logits)
      return logits.takeError();
    std::vector<FloatTensor> all;
    all.push_back(std::move(*logits));
    return all;
  }
  Expected<std::vector<std::vector<int32_t>>> written() override { return run.write(context); }
  double residentBytes() const override { return resident; }
  double loadSeconds() const override { return model.loadSeconds(); }

  Error check(double residentBefore) {
    Expected<std::vector<std::vector<int32_t>>> first = written();
    if (!first)
      return first.takeError();
    Expected<std::vector<std::vector<int32_t>>> again = written();
    if (!again)
      return again.takeError();
    if (*first != *again)
      return createStringError(label + ": texts differ between two runs; nothing was timed");
    resident = lathe::residentBytes() - residentBefore;
    Expected<FloatTensor> logits = run.logits(context);
    if (!logits)
      return logits.takeError();
    if (!llvm::all_of(logits->values(), [](float value) { return std::isfinite(value); }))
      return createStringError(label + ": logits are not finite for random ids; nothing was timed");
    return Error::success();
  }

private:
  std::string label;
  Precision computed;
  const LoadedModel &model;
  GenerationRun run;
  RunContext context;
  double resident = 0;
};

/// Of the logits of one row: the likeliest token, and by how much.
struct Likeliest {
  int32_t id;
  float lead;
};

Likeliest likeliestOf(ArrayRef<float> row) {
  const float *first = llvm::max_element(row);
  float next = -INFINITY;
  for (const float &value : row)
    if (&value != first)
      next = std::max(next, value);
  return {static_cast<int32_t>(first - row.begin()), *first - next};
}

} // namespace

Expected<std::unique_ptr<Contender>> makeGenerationContender(StringRef name, Precision precision,
                                                             const LoadedModel &model, int64_t threads,
                                                             const Workload &workload, double residentBefore) {
  Expected<GenerationRun> run = GenerationRun::create(model, workload);
  if (!run)
    return run.takeError();
  Expected<RunContext> context = model.createContext(run->contextOptions(threads));
  if (!context)
    return context.takeError();
  auto contender = std::make_unique<GenerationContender>(name, precision, model, std::move(*run), std::move(*context));
  if (Error error = contender->check(residentBefore))
    return std::move(error);
  return contender;
}

Error compareWritten(ArrayRef<Contender *> contenders, const Workload &workload) {
  const bool comparesIds = contenders.front()->precision() == Precision::F32 && workload.generation->beams == 1;
  std::vector<Likeliest> expected;
  if (comparesIds) {
    Expected<std::vector<FloatTensor>> outputs = contenders.front()->outputs();
    if (!outputs)
      return outputs.takeError();
    const FloatTensor &logits = outputs->front();
    const int64_t vocabulary = logits.shape.back();
    for (int64_t row = 0; row < workload.batch(); ++row)
      expected.push_back(likeliestOf(logits.values().slice(row * vocabulary, vocabulary)));
  }
  for (Contender *contender : contenders) {
    Expected<std::vector<std::vector<int32_t>>> written = contender->written();
    if (!written)
      return written.takeError();
    if (int64_t(written->size()) != workload.batch())
      return createStringError(contender->name() + " wrote " + llvm::Twine(written->size()) + " texts behind " +
                               llvm::Twine(workload.batch()) + " prompts");
    for (auto [row, ids] : llvm::enumerate(*written)) {
      if (int64_t(ids.size()) != workload.generation->newTokens)
        return createStringError(contender->name() + " wrote " + llvm::Twine(ids.size()) +
                                 " tokens, and was to write " + llvm::Twine(workload.generation->newTokens));
      if (comparesIds && contender->precision() == Precision::F32 && expected[row].lead > 1e-3 &&
          ids.front() != expected[row].id)
        return createStringError(contender->name() + " writes " + llvm::Twine(ids.front()) + " behind prompt " +
                                 llvm::Twine(row) + ", where " + llvm::Twine(expected[row].id) +
                                 " is the likeliest token; is --model the directory that was compiled?");
    }
  }
  return Error::success();
}

} // namespace lathe
