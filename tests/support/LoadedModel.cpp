#include "tests/support/LoadedModel.h"

#include <cstring>
#include <dlfcn.h>
#include <stdexcept>

namespace lathe::test {
namespace {

void check(lathe_status status, const lathe_error &error) {
  if (status != LATHE_OK)
    throw std::runtime_error(error.message);
}

int64_t embeddingWidth(const lathe_api &api) {
  const lathe_entry_info *entries = nullptr;
  const size_t count = api.entries(&entries);
  for (size_t entry = 0; entry < count; ++entry)
    for (size_t i = 0; i < entries[entry].n_outputs; ++i) {
      const lathe_io &output = entries[entry].outputs[i];
      if (!std::strcmp(output.name, "sentence_embedding"))
        return output.shape[output.rank - 1];
    }
  throw std::runtime_error(std::string(api.name()) + " has no output sentence_embedding");
}

} // namespace

LoadedModel::LoadedModel(const std::string &directory, const std::string &name, int threads) {
  library = dlopen((directory + "/lib" + name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(dlerror());
  const auto getTable = reinterpret_cast<const lathe_api *(*)()>(dlsym(library, ("lathe_" + name).c_str()));
  if (!getTable)
    throw std::runtime_error(dlerror());
  table = getTable();
  if (table->abi_version != LATHE_ABI_VERSION)
    throw std::runtime_error("the library has another ABI version than this test");
  lathe_error error = {};
  check(table->open(nullptr, nullptr, &opened, &error), error);
  lathe_context_options options = {};
  options.size = sizeof options;
  options.threads = threads;
  check(table->context_create(opened, &options, &created, &error), error);
}

LoadedModel::~LoadedModel() {
  if (created)
    table->context_destroy(created);
  if (opened)
    table->close(opened);
  if (library)
    dlclose(library);
}

std::vector<int32_t> LoadedModel::ids(const std::string &text) const {
  lathe_encoding encoding = {};
  lathe_error error = {};
  check(table->tokenize(opened, text.c_str(), nullptr, nullptr, &encoding, &error), error);
  std::vector<int32_t> ids(encoding.ids, encoding.ids + encoding.length);
  table->free_encoding(opened, &encoding);
  return ids;
}

std::vector<std::vector<float>> LoadedModel::embed(const std::vector<std::string> &texts) const {
  const size_t width = embeddingWidth(*table);
  std::vector<const char *> pointers;
  for (const std::string &text : texts)
    pointers.push_back(text.c_str());
  std::vector<float> values(texts.size() * width);
  lathe_error error = {};
  check(table->embed_text(created, pointers.data(), texts.size(), values.data(), &error), error);
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < texts.size(); ++i)
    rows.emplace_back(values.begin() + i * width, values.begin() + (i + 1) * width);
  return rows;
}

} // namespace lathe::test
