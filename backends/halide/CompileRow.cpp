//===- CompileRow.cpp - the module with Halide, opened on first use -----------===//
#include "backends/halide/CompileRow.h"

#include "backends/halide/HalideRows.h"

#include "llvm/ADT/Twine.h"

#include <dlfcn.h>

namespace lathe {

/// The module's function, or null and why.
static LatheHalideCompileRow *openModule(std::string &problem) {
  // By its name alone: it is looked for along the program's run path, in the build's folder and where it is installed.
  void *module = dlopen("liblathe-halide.so", RTLD_NOW | RTLD_LOCAL);
  void *function = module ? dlsym(module, "lathe_halide_compile_row") : nullptr;
  if (!function) {
    const char *reason = dlerror();
    problem = reason ? reason : "it is not Lathe's";
  }
  return reinterpret_cast<LatheHalideCompileRow *>(function);
}

llvm::Expected<std::string> compileRow(const std::string &program, const std::string &symbol, llvm::StringRef level) {
  static std::string problem;
  static LatheHalideCompileRow *const compile = openModule(problem);
  if (!compile)
    return llvm::createStringError("cannot open liblathe-halide.so, which compiles row groups: " + problem);
  std::string bytes;
  auto take = [](void *context, const char *begin, size_t size) {
    static_cast<std::string *>(context)->assign(begin, size);
  };
  if (compile(program.c_str(), symbol.c_str(), level.str().c_str(), &bytes, take) != 0)
    return llvm::createStringError("Halide cannot compile the rows of '" + llvm::Twine(symbol) + "': " + bytes);
  return bytes;
}

} // namespace lathe
