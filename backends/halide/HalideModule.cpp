//===- HalideModule.cpp - pipelines into bitcode ------------------------------===//
#include "backends/halide/HalideModule.h"

#include "backends/halide/HalidePipelines.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace Halide;

namespace lathe {
namespace {

/// What a level's code may use. Nothing is asked of the machine that compiles. Strict: no sum is reordered, so a
/// formula means what it says, and Halide's own rewriting of floats is off.
Target targetOf(const std::string &level) {
  if (level != "avx512")
    throw CompileError("Halide has no target for the ISA level '" + level + "'");
  return Target(Target::Linux, Target::X86, 64,
                {Target::AVX512_Skylake, Target::AVX512, Target::AVX2, Target::AVX, Target::F16C, Target::FMA,
                 Target::SSE41, Target::NoRuntime, Target::NoAsserts, Target::NoBoundsQuery, Target::StrictFloat});
}

/// A file in memory with a path, since Halide writes to paths only.
class MemoryFile {
public:
  MemoryFile() : descriptor(memfd_create("lathe-halide", MFD_CLOEXEC)) {
    if (descriptor < 0)
      throw CompileError("cannot create a file in memory");
  }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() { close(descriptor); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }
  std::string contents() const {
    off_t size = lseek(descriptor, 0, SEEK_END);
    std::string bytes(size > 0 ? size : 0, '\0');
    if (bytes.empty() || pread(descriptor, bytes.data(), bytes.size(), 0) != ssize_t(bytes.size()))
      throw CompileError("Halide wrote nothing");
    return bytes;
  }

private:
  int descriptor;
};

int compile(Module (*makePipeline)(const std::string &, const std::string &, const Target &), const char *program,
            const char *symbol, const char *level, void *context, void (*result)(void *, const char *, size_t)) {
  std::string bytes;
  int failed = 0;
  try {
    set_compiler_stack_size(0); // the caller's is enough for these, and debuggers and sanitizers know it
    Module module = makePipeline(program, symbol, targetOf(level));
    MemoryFile file;
    module.compile({{OutputFileType::bitcode, file.path()}});
    bytes = file.contents();
  } catch (const Halide::Error &error) {
    bytes = error.what();
    failed = 1;
  } catch (const std::exception &error) {
    bytes = error.what();
    failed = 1;
  }
  result(context, bytes.data(), bytes.size());
  return failed;
}

} // namespace
} // namespace lathe

#define LATHE_EXPORT __attribute__((visibility("default")))

extern "C" LATHE_EXPORT int lathe_halide_compile_row(const char *program, const char *symbol, const char *level,
                                                     void *context, void (*result)(void *, const char *, size_t)) {
  return lathe::compile(lathe::makeRowPipeline, program, symbol, level, context, result);
}

extern "C" LATHE_EXPORT int lathe_halide_compile_image(const char *program, const char *symbol, const char *level,
                                                       void *context, void (*result)(void *, const char *, size_t)) {
  return lathe::compile(lathe::makeImagePipeline, program, symbol, level, context, result);
}
