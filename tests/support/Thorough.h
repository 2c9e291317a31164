// Whether everything is tested, as `./dev test --all` asks, or what shows most in a quarter of an hour: of cases that
// differ little from one another, some.
#ifndef LATHE_TESTS_SUPPORT_THOROUGH_H
#define LATHE_TESTS_SUPPORT_THOROUGH_H

#include <cstddef>
#include <cstdlib>

namespace lathe::test {

inline bool thorough() { return std::getenv("LATHE_TEST_ALL") != nullptr; }
/// Take each so manieth case: each one when everything is tested.
inline size_t oneIn(size_t step) { return thorough() ? 1 : step; }

} // namespace lathe::test
#endif // LATHE_TESTS_SUPPORT_THOROUGH_H
