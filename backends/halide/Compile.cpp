//===- Compile.cpp - the module with Halide, opened on first use --------------===//
#include "backends/halide/Compile.h"

#include "backends/halide/HalideModule.h"

#include "llvm/ADT/Twine.h"

#include <dlfcn.h>

namespace lathe {
namespace {

/// A function of the module; null with a reason where the module or the function is not there.
class ModuleFunction {
public:
  explicit ModuleFunction(const char *name) {
    // By its name alone: it is looked for along the program's run path, in the build's folder and where it is
    // installed.
    void *module = dlopen("liblathe-halide.so", RTLD_NOW | RTLD_LOCAL);
    function = module ? reinterpret_cast<LatheHalideCompile *>(dlsym(module, name)) : nullptr;
    if (!function) {
      const char *reason = dlerror();
      problem = reason ? reason : "it is not Lathe's";
    }
  }

  llvm::Expected<std::string> operator()(const std::string &program, const std::string &symbol,
                                         llvm::StringRef level) const {
    if (!function)
      return llvm::createStringError(
          "cannot open liblathe-halide.so, which compiles row groups and front ends for images: " + problem);
    std::string bytes;
    auto take = [](void *context, const char *begin, size_t size) {
      static_cast<std::string *>(context)->assign(begin, size);
    };
    if (function(program.c_str(), symbol.c_str(), level.str().c_str(), &bytes, take) != 0)
      return llvm::createStringError("Halide cannot compile '" + llvm::Twine(symbol) + "': " + bytes);
    return bytes;
  }

private:
  LatheHalideCompile *function;
  std::string problem;
};

} // namespace

llvm::Expected<std::string> compileRow(const std::string &program, const std::string &symbol, llvm::StringRef level) {
  static const ModuleFunction compile("lathe_halide_compile_row");
  return compile(program, symbol, level);
}

llvm::Expected<std::string> compileImage(const std::string &program, const std::string &symbol, llvm::StringRef level) {
  static const ModuleFunction compile("lathe_halide_compile_image");
  return compile(program, symbol, level);
}

} // namespace lathe
