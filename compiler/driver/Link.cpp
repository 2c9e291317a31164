//===- Link.cpp - objects into a library, in process --------------------------===//
#include "compiler/driver/Link.h"

#include "compiler/driver/FileWriter.h"

#include "lld/Common/Driver.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

// Made by the build from files (see CMakeLists.txt).
#define LATHE_RESOURCE(NAME)                                                                                           \
  extern "C" const char _binary_##NAME##_start[], _binary_##NAME##_end[];                                              \
  static llvm::StringRef NAME##Bytes() {                                                                               \
    return {_binary_##NAME##_start, size_t(_binary_##NAME##_end - _binary_##NAME##_start)};                            \
  }
LATHE_RESOURCE(lathe_runtime_o)
LATHE_RESOURCE(libc_stub_so)
LATHE_RESOURCE(abi_h)

namespace lathe {

llvm::StringRef runtimeObject() { return lathe_runtime_oBytes(); }
llvm::StringRef libcStub() { return libc_stub_soBytes(); }
llvm::StringRef abiHeader() { return abi_hBytes(); }
llvm::StringRef minimumGlibc() { return LATHE_MINIMUM_GLIBC; }

/// Runs lld. It keeps global state while it runs, so one link at a time.
static llvm::Error runLinker(llvm::ArrayRef<std::string> arguments) {
  static std::mutex oneAtATime;
  std::lock_guard<std::mutex> guard(oneAtATime);
  llvm::SmallVector<const char *> argv = {"ld.lld"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string output, messages;
  llvm::raw_string_ostream outputStream(output), messageStream(messages);
  lld::Result result = lld::lldMain(argv, outputStream, messageStream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0 || !result.canRunAgain)
    return llvm::createStringError("linking failed: " + llvm::StringRef(messages).rtrim().str());
  return llvm::Error::success();
}

namespace {
/// A file that goes away with its scope.
struct TemporaryFile {
  std::string path;
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
};
} // namespace

llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects, llvm::StringRef name, llvm::StringRef output) {
  TemporaryFile stub{(output + ".libc").str()}, exports{(output + ".map").str()};
  if (llvm::Error error = writeFile(stub.path, libcStub()))
    return error;
  if (llvm::Error error = writeFile(exports.path, ("{ global: lathe_" + name + "; local: *; };\n").str()))
    return error;
  std::vector<std::string> arguments = {"-shared",
                                        "-o",
                                        output.str(),
                                        "-soname",
                                        llvm::sys::path::filename(output).str(),
                                        "--version-script=" + exports.path,
                                        "--no-undefined",
                                        "--gc-sections",
                                        "--build-id=none",
                                        "--hash-style=gnu",
                                        "-z",
                                        "text",
                                        "-z",
                                        "relro",
                                        "-z",
                                        "now",
                                        "-z",
                                        "noexecstack",
                                        "--strip-all",
                                        "--threads=1"};
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  arguments.push_back(stub.path);
  return runLinker(arguments);
}

/// Makes every global symbol of an object local but one.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> localise(llvm::StringRef objectPath, llvm::StringRef keep) {
  auto file = llvm::MemoryBuffer::getFile(objectPath);
  if (!file)
    return llvm::createStringError("cannot read '" + objectPath + "': " + file.getError().message());
  auto object = llvm::object::ObjectFile::createELFObjectFile((*file)->getMemBufferRef());
  if (!object)
    return object.takeError();
  llvm::objcopy::ConfigManager config;
  config.Common.InputFilename = objectPath;
  config.Common.OutputFilename = objectPath;
  if (llvm::Error error = config.Common.SymbolsToKeepGlobal.addMatcher(llvm::objcopy::NameOrPattern::create(
          keep, llvm::objcopy::MatchStyle::Literal, [](llvm::Error error) { return error; })))
    return error;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (llvm::Error error = llvm::objcopy::executeObjcopyOnBinary(config, **object, stream))
    return error;
  return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(bytes.data(), bytes.size()),
                                              llvm::sys::path::filename(objectPath));
}

llvm::Error linkArchive(llvm::ArrayRef<std::string> objects, llvm::StringRef name, llvm::StringRef output) {
  TemporaryFile merged{(output + ".o").str()};
  // Groups are resolved here: once localised, two models' equal groups must not replace one another.
  std::vector<std::string> arguments = {"-r",         "-o", merged.path, "--force-group-allocation", "--build-id=none",
                                        "--threads=1"};
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  if (llvm::Error error = runLinker(arguments))
    return error;
  auto object = localise(merged.path, ("lathe_" + name).str());
  if (!object)
    return object.takeError();
  llvm::NewArchiveMember member((*object)->getMemBufferRef());
  std::string memberName = (name + ".o").str();
  member.MemberName = memberName;
  return llvm::writeArchive(output, {std::move(member)}, llvm::SymtabWritingMode::NormalSymtab,
                            llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
}

} // namespace lathe
