// A directory that lives as long as a test.
#ifndef LATHE_TESTS_SUPPORT_TEMPORARYDIRECTORY_H
#define LATHE_TESTS_SUPPORT_TEMPORARYDIRECTORY_H

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace lathe::test {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lathe-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw std::runtime_error("cannot create " + pattern);
    directory = pattern;
    // Tests give up their privileges to see an unreadable file, and must still get this far.
    std::filesystem::permissions(directory, std::filesystem::perms(0755));
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored; // what cannot be removed does not make a test wrong
    for (const auto &entry : std::filesystem::directory_iterator(directory, ignored))
      if (std::filesystem::is_directory(entry.symlink_status(ignored))) // a test may have locked it
        std::filesystem::permissions(entry, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(directory, ignored);
  }

  const std::filesystem::path &path() const { return directory; }
  std::filesystem::path operator/(const std::string &name) const { return directory / name; }

private:
  std::filesystem::path directory;
};

} // namespace lathe::test

#endif // LATHE_TESTS_SUPPORT_TEMPORARYDIRECTORY_H
