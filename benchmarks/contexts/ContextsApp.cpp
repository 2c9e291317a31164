// What a server asks of an artifact beyond the time of one run: whether contexts of their own for every thread serve as
// many requests as one context with all threads, and how long it takes until a process can answer.
//
//   contexts-app ARTIFACT [BATCH SEQ [CONTEXTS [SECONDS]]]        (1 128, 4 contexts, 2 seconds each way and round)
//
// The ways are timed in turns, and medians of the rounds compared, so that what else the machine does hits both alike.
#include "lathe/abi.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void check(lathe_status status, const lathe_error &error) {
  if (status != LATHE_OK)
    throw std::runtime_error(error.message);
}

/// What the manifest says that an app of this model would know.
struct Artifact {
  std::string directory, name;
  int64_t idLimit;

  explicit Artifact(const std::string &directory) : directory(directory) {
    std::ifstream file(directory + "/manifest.json");
    if (!file)
      throw std::runtime_error(directory + " is no artifact: it has no manifest.json");
    nlohmann::json manifest = nlohmann::json::parse(file);
    name = manifest.at("name");
    idLimit = manifest.at("entries").at(0).at("inputs").at(0).at("limit");
  }
  std::string library() const { return directory + "/lib" + name + ".so"; }
  std::string weights() const { return directory + "/" + name + ".weights"; }
};

/// The library, loaded, and its weights, open.
class Model {
public:
  explicit Model(const Artifact &artifact) : library(dlopen(artifact.library().c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (!library)
      throw std::runtime_error(dlerror());
    auto table = reinterpret_cast<const lathe_api *(*)()>(dlsym(library, ("lathe_" + artifact.name).c_str()));
    if (!table)
      throw std::runtime_error(dlerror());
    api = table();
    lathe_error error = {};
    check(api->open(artifact.weights().c_str(), nullptr, &model, &error), error);
  }
  ~Model() {
    api->close(model);
    dlclose(library);
  }
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  void *library;
  const lathe_api *api = nullptr;
  lathe_model *model = nullptr;
};

/// A context with arrays of its own.
class Stream {
public:
  Stream(const Model &model, const Artifact &artifact, int32_t threads, int64_t batch, int64_t seq)
      : api(*model.api), ids(batch * seq) {
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<int32_t>(i * 7919 % artifact.idLimit);
    input = {"input_ids", LATHE_I32, 2, {batch, seq}, ids.data()};
    lathe_context_options options = {};
    options.size = sizeof options;
    options.threads = threads;
    options.max_tokens = batch * seq;
    lathe_error error = {};
    check(api.context_create(model.model, &options, &context, &error), error);
    const lathe_entry_info *entries = nullptr;
    api.entries(&entries);
    for (size_t i = 0; i < entries[0].n_outputs; ++i)
      outputs.push_back({entries[0].outputs[i].name, LATHE_F32, 0, {}, nullptr});
    check(api.infer(context, nullptr, &input, 1, outputs.data(), outputs.size(), &error), error);
    for (lathe_tensor &output : outputs) {
      values.emplace_back(
          std::accumulate(output.shape, output.shape + output.rank, int64_t(1), std::multiplies<int64_t>()));
      output.data = values.back().data();
    }
  }
  ~Stream() { api.context_destroy(context); }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  void run() {
    lathe_error error = {};
    check(api.run(context, nullptr, &input, 1, outputs.data(), outputs.size(), &error), error);
  }

private:
  const lathe_api &api;
  lathe_context *context = nullptr;
  std::vector<int32_t> ids;
  lathe_tensor input;
  std::vector<lathe_tensor> outputs;
  std::vector<std::vector<float>> values;
};

/// Runs in a second of all streams together, each on a thread of the app's.
double throughput(const std::vector<std::unique_ptr<Stream>> &streams, double seconds) {
  std::atomic<bool> stop{false};
  std::atomic<size_t> ready{0};
  std::vector<double> rates(streams.size());
  std::vector<std::thread> threads;
  for (size_t index = 0; index < streams.size(); ++index)
    threads.emplace_back([&, index] {
      streams[index]->run(); // its threads and pages, as a server's that has been up for a while
      for (++ready; ready < streams.size();)
        std::this_thread::yield();
      int64_t runs = 0;
      Clock::time_point begin = Clock::now();
      do {
        streams[index]->run();
        ++runs;
      } while (!stop);
      rates[index] = static_cast<double>(runs) / secondsSince(begin);
    });
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

void compareContexts(const Artifact &artifact, int64_t batch, int64_t seq, int count, double seconds) {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
  Model model(artifact);
  std::vector<std::unique_ptr<Stream>> pooled, alone;
  pooled.push_back(std::make_unique<Stream>(model, artifact, cores, batch, seq));
  for (int i = 0; i < count; ++i)
    alone.push_back(std::make_unique<Stream>(model, artifact, 1, batch, seq));
  constexpr int rounds = 5;
  std::vector<double> withPool, withoutPool;
  for (int round = 0; round < rounds; ++round) {
    withPool.push_back(throughput(pooled, seconds));
    withoutPool.push_back(throughput(alone, seconds));
  }
  double one = median(withPool), many = median(withoutPool);
  printf("%lld x %lld on %d cores, sequences in a second (median of %d rounds of %.1f s)\n"
         "  one context, a pool of %d threads      %10.1f\n"
         "  %d contexts on %d threads, no pool      %10.1f   %.3f of it\n",
         static_cast<long long>(batch), static_cast<long long>(seq), cores, rounds, seconds, cores, one * batch, count,
         count, many * batch, many / one);
}

/// Asks the kernel to forget what it has read of a file. It may keep what somebody has mapped.
void forget(const std::string &path) {
  int file = open(path.c_str(), O_RDONLY);
  if (file >= 0) {
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }
}

void timeOpening(const Artifact &artifact, int64_t batch, int64_t seq) {
  for (bool cold : {false, true}) {
    std::vector<double> opening, first;
    const int samples = cold ? 5 : 101;
    for (int sample = -1; sample < samples; ++sample) {
      if (cold)
        for (const std::string &path : {artifact.weights(), artifact.library()})
          forget(path);
      Clock::time_point begin = Clock::now();
      Model model(artifact);
      double opened = secondsSince(begin);
      if (sample % 10 == 0 || cold) {
        Stream(model, artifact, 0, batch, seq).run();
        if (sample >= 0)
          first.push_back(secondsSince(begin));
      }
      if (sample >= 0)
        opening.push_back(opened);
    }
    printf("%s: library and weights open in %.3f ms, first result of %lld x %lld after %.2f ms (medians of %zu, %zu)\n",
           cold ? "files not in memory" : "files in memory", 1e3 * median(opening), static_cast<long long>(batch),
           static_cast<long long>(seq), 1e3 * median(first), opening.size(), first.size());
  }
}

} // namespace

int main(int argc, char **argv) {
  auto number = [&](int index, double otherwise) { return argc > index ? std::atof(argv[index]) : otherwise; };
  const double batch = number(2, 1), seq = number(3, 128), contexts = number(4, 4), seconds = number(5, 2);
  if (argc < 2 || argc > 6 || argc == 3 || batch < 1 || seq < 1 || batch * seq > 1e7 || contexts < 1 ||
      contexts > 1000 || seconds <= 0) {
    fprintf(stderr, "usage: contexts-app ARTIFACT [BATCH SEQ [CONTEXTS [SECONDS]]]\n");
    return 2;
  }
  try {
    const Artifact artifact(argv[1]);
    compareContexts(artifact, static_cast<int64_t>(batch), static_cast<int64_t>(seq), static_cast<int>(contexts),
                    seconds);
    timeOpening(artifact, 1, 16);
  } catch (const std::exception &error) {
    fprintf(stderr, "contexts-app: %s\n", error.what());
    return 1;
  }
  return 0;
}
