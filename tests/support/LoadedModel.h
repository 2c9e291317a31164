// An artifact loaded into this process through its C ABI, as an app that uses dlopen would.
#ifndef LATHE_TESTS_SUPPORT_LOADEDMODEL_H
#define LATHE_TESTS_SUPPORT_LOADEDMODEL_H

#include "lathe/abi.h"

#include <string>
#include <vector>

namespace lathe::test {

/// Library, model and one context. Every failure throws std::runtime_error with the library's own message.
class LoadedModel {
public:
  /// `directory` is what `lathe compile --name NAME` wrote; `threads` as in lathe_context_options.
  LoadedModel(const std::string &directory, const std::string &name, int threads = 0);
  ~LoadedModel();
  LoadedModel(const LoadedModel &) = delete;
  LoadedModel &operator=(const LoadedModel &) = delete;

  const lathe_api &api() const { return *table; }
  lathe_model *model() const { return opened; }
  lathe_context *context() const { return created; }

  std::vector<int32_t> ids(const std::string &text) const;
  /// One row of `width` floats per text, as a single call.
  std::vector<std::vector<float>> embed(const std::vector<std::string> &texts) const;

private:
  void *library = nullptr;
  const lathe_api *table = nullptr;
  lathe_model *opened = nullptr;
  lathe_context *created = nullptr;
};

} // namespace lathe::test

#endif
