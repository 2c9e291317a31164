// Errors as tests look at them.
#ifndef LATHE_TESTS_DRIVER_ERRORS_H
#define LATHE_TESTS_DRIVER_ERRORS_H

#include "llvm/Support/Error.h"

#include <gtest/gtest.h>
#include <initializer_list>
#include <string>

namespace lathe::test {

/// The message, or nothing for a success.
inline std::string messageOf(llvm::Error error) { return llvm::toString(std::move(error)); }
template <typename T> std::string messageOf(llvm::Expected<T> value) {
  return value ? "" : llvm::toString(value.takeError());
}

/// Expects an error whose message has all of these words.
template <typename T> void expectError(T result, std::initializer_list<std::string> words) {
  std::string message = messageOf(std::move(result));
  EXPECT_NE(message, "") << "no error";
  for (const std::string &word : words)
    EXPECT_NE(message.find(word), std::string::npos) << "no '" << word << "' in: " << message;
}

} // namespace lathe::test

#endif
