//===- CompileArtifact.cpp - the files of an artifact -------------------------===//
#include "backends/cpu/Descriptor.h"
#include "backends/cpu/LoweredEntry.h"
#include "compiler/driver/Compilation.h"
#include "compiler/driver/FileWriter.h"
#include "compiler/driver/Link.h"
#include "compiler/driver/Package.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace lathe {

/// 32 hexadecimal digits of everything that code and weights are made of.
static std::string buildId(ArrayRef<StringRef> objects, const PackedWeights &weights, StringRef name) {
  llvm::BLAKE3 hash;
  hash.update(latheVersion);
  hash.update(name);
  for (StringRef object : objects)
    hash.update(object);
  hash.update(runtimeObject());
  hash.update(weights.header.content_hash);
  return llvm::toHex(hash.final<16>(), /*LowerCase=*/true);
}

/// Bytes of the library that are code and constants.
static llvm::Expected<uint64_t> codeBytes(StringRef library) {
  auto file = llvm::object::ObjectFile::createObjectFile(library);
  if (!file)
    return file.takeError();
  uint64_t bytes = 0;
  for (const llvm::object::SectionRef &section : file->getBinary()->sections()) {
    llvm::Expected<StringRef> name = section.getName();
    if (name && (section.isText() || name->starts_with(".rodata") || name->starts_with(".data.rel.ro")))
      bytes += section.getSize();
    if (!name)
      llvm::consumeError(name.takeError());
  }
  return bytes;
}

static llvm::Expected<ManifestFacts::File> describeFile(const OutputDirectory &output, StringRef name) {
  auto contents = llvm::MemoryBuffer::getFile(output.file(name), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!contents)
    return llvm::createStringError("cannot read '" + output.file(name) + "': " + contents.getError().message());
  return ManifestFacts::File{
      name.str(), (*contents)->getBufferSize(),
      llvm::toHex(llvm::BLAKE3::hash<32>(llvm::arrayRefFromStringRef((*contents)->getBuffer())), true)};
}

llvm::Error Compilation::artifact(OutputDirectory &output) {
  std::string weightsPath = output.file(name + ".weights");
  ArrayRef<uint8_t> tables = tokenizer ? ArrayRef<uint8_t>(tokenizer->tables) : ArrayRef<uint8_t>();
  llvm::Expected<PackedWeights> packed = packWeights(*model.module, *model.checkpoint, tables, weightsPath);
  if (!packed)
    return packed.takeError();
  facts.name = name;
  facts.weights = *packed;
  facts.buildId = buildId(objectFiles(), *packed, name);
  facts.embedded = options.embedWeights;
  facts.plan = plan;
  facts.group = options.group;
  if (llvm::Error error = stampBuildId(weightsPath, facts.weights, facts.buildId))
    return error;
  progress.finish("weights",
                  Twine(facts.weights.tensorCount) + " tensors, " + sizeText(facts.weights.header.file_bytes));
  if (llvm::Error error = link(output, weightsPath))
    return error;
  if (options.embedWeights)
    llvm::sys::fs::remove(weightsPath);

  for (const auto &[file, contents] : {std::pair{name + ".h", writeHeader(name)},
                                       {name + "Config.cmake", writeCMakeConfig(name)},
                                       {name + ".pc", writePkgConfig(name)}})
    if (llvm::Error error = writeFile(output.file(file), contents))
      return error;
  std::vector<std::string> files = {"lib" + name + ".so", "lib" + name + ".a", name + ".h", name + "Config.cmake",
                                    name + ".pc"};
  for (const std::string &file : files) {
    llvm::Expected<ManifestFacts::File> described = describeFile(output, file);
    if (!described)
      return described.takeError();
    facts.files.push_back(*described);
  }
  llvm::Expected<uint64_t> bytes = codeBytes(output.file("lib" + name + ".so"));
  if (!bytes)
    return bytes.takeError();
  facts.codeBytes = *bytes;
  if (llvm::Error error = writeFile(output.file("manifest.json"), writeManifest(*code.front().kernels, facts)))
    return error;
  if (llvm::Error error = output.publish())
    return error;
  progress.finish("artifact", "lib" + name + ".so, lib" + name + ".a, " + name + ".h");
  summarize(output);
  return llvm::Error::success();
}

llvm::Error Compilation::link(OutputDirectory &output, const std::string &weightsPath) {
  ProgramFacts program = {name,
                          facts.buildId,
                          facts.weights.header.file_bytes,
                          facts.maxLength,
                          options.embedWeights ? weightsPath : "",
                          facts.levels,
                          {}};
  if (facts.sentence)
    for (const Prompt &prompt : facts.sentence->prompts)
      program.prompts.push_back({prompt.name, prompt.text, prompt.isDefault});
  if (model.generation) {
    program.generation = model.generation->options;
    program.eosIds = model.generation->eosIds;
    program.badWords = model.generation->badWords;
    program.suppressed = model.generation->suppressed;
    program.suppressedFirst = model.generation->suppressedFirst;
    program.biases = model.generation->biases;
    program.stopStrings = model.generation->stopStrings;
    // Ids that no logit stands for end nothing, and need not be suppressed.
    if (func::FuncOp logits = xf::findDerivedEntry(*code.front().kernels, "logits")) {
      const int64_t vocabulary =
          listOf(logits, xf::XfDialect::outputsAttr).front().getAs<IntegerAttr>("width").getInt();
      for (std::vector<int32_t> *ids : {&program.eosIds, &program.suppressed, &program.suppressedFirst})
        llvm::erase_if(*ids, [=](int32_t id) { return id >= vocabulary; });
    }
  }
  llvm::Expected<ObjectBytes> descriptor = emitDescriptor(*code.front().kernels, program);
  if (!descriptor)
    return descriptor.takeError();
  std::vector<std::string> objects;
  auto add = [&](StringRef file, StringRef contents) {
    objects.push_back(output.file(file));
    return writeFile(objects.back(), contents);
  };
  if (llvm::Error error = add("descriptor.o", StringRef(descriptor->data(), descriptor->size())))
    return error;
  for (auto [level, object] : llvm::zip_equal(facts.levels, objectFiles()))
    if (llvm::Error error = add(("kernels." + lathe::describe(level).name + ".o").str(), object))
      return error;
  if (llvm::Error error = add("runtime.o", runtimeObject()))
    return error;
  if (llvm::Error error = linkSharedLibrary(objects, name, output.file("lib" + name + ".so")))
    return error;
  if (llvm::Error error = linkArchive(objects, name, output.file("lib" + name + ".a")))
    return error;
  for (const std::string &object : objects)
    llvm::sys::fs::remove(object);
  return llvm::Error::success();
}

} // namespace lathe
