//===- Names.cpp - what a library may be called -------------------------------===//
#include "compiler/driver/Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using llvm::SmallString;
using llvm::StringRef;

namespace lathe {

std::string defaultName(StringRef modelPath) {
  SmallString<128> path(modelPath);
  llvm::sys::fs::make_absolute(path);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  std::string name;
  for (char c : llvm::sys::path::filename(path))
    name += llvm::isAlnum(c) ? llvm::toLower(c) : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name = "m_" + name;
  return name;
}

llvm::Error checkName(StringRef name) {
  bool good = !name.empty() && name.size() <= 200 && !llvm::isDigit(name.front()) &&
              llvm::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || llvm::isDigit(c) || c == '_'; });
  if (!good)
    return llvm::createStringError(
        "name '" + name + "' cannot name a library: accepted are lower-case letters, digits and '_', no digit first");
  // lathe_<name> must not be a name of the ABI's own.
  for (StringRef taken : {"runtime_api", "api", "program_v1"})
    if (name == taken)
      return llvm::createStringError("name '" + name + "' is taken by Lathe itself");
  return llvm::Error::success();
}

} // namespace lathe
