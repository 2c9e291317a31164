// Model directories that are broken on purpose: one list for the tests of the importer and of the command line.
#ifndef LATHE_TESTS_SUPPORT_HOSTILEFILES_H
#define LATHE_TESTS_SUPPORT_HOSTILEFILES_H

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lathe::test {

/// How far a model gets before somebody has to notice.
enum class HostileStage {
  Open,   ///< opening the directory, or reading its sentence-transformers files, fails
  Values, ///< naming the weights by BERT's rules, or looking at their values, fails
  Family, ///< it opens, but config and weights are no BERT model
};

struct HostileCase {
  std::string name; ///< letters, digits and underscores
  HostileStage stage;
  /// The error must contain this; it names the cause.
  std::string message;
  /// Makes the model, which need not be a directory, at a path where nothing is yet.
  std::function<void(const std::filesystem::path &)> create;
  /// Shows only to a user whom file permissions bind, which root is not.
  bool needsUnprivilegedUser = false;
};

const std::vector<HostileCase> &hostileCases();

} // namespace lathe::test

#endif // LATHE_TESTS_SUPPORT_HOSTILEFILES_H
