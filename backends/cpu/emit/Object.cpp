// LLVM IR -> ELF object.
#include "backends/cpu/emit/Emit.h"
#include "backends/cpu/emit/ObjectCache.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

// Only the X86 target is initialised; LLVM's header for that would initialise all that this LLVM was built with.
extern "C" {
void LLVMInitializeX86TargetInfo();
void LLVMInitializeX86Target();
void LLVMInitializeX86TargetMC();
void LLVMInitializeX86AsmPrinter();
void LLVMInitializeX86AsmParser();
}

namespace lathe {
namespace {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const TargetDescription &target) {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser(); // embedded weights are an .incbin
  });
  llvm::Triple triple{targetTriple};
  std::string message;
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return llvm::createStringError("this LLVM cannot generate code for " + targetTriple + ": " + message);
  llvm::TargetOptions options;
  options.FunctionSections = true;
  options.DataSections = true;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, "x86-64", target.features, options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// What holds for every function we emit.
void markFunctions(llvm::Module &module, const EmitOptions &options) {
  for (llvm::Function &function : module) {
    if (function.isIntrinsic() || function.isDeclaration())
      continue;
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // A loop that looks like memcpy must stay a loop: there is no C library to call.
    function.addFnAttr("no-builtins");
    // The generic x86-64 tuning would split 512-bit vectors where it may.
    function.addFnAttr("prefer-vector-width", "512");
    // Tables refer to functions by address; hidden ones need no detour through a global offset table.
    if (!function.hasLocalLinkage())
      function.setVisibility(function.getName() == options.exported ? llvm::GlobalValue::DefaultVisibility
                                                                    : llvm::GlobalValue::HiddenVisibility);
  }
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  // Builders have already chosen tiles, vectors and unrolling; doing it again only costs registers, code and time.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

llvm::Error generate(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType type,
                     llvm::raw_pwrite_stream &out) {
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr, type))
    return llvm::createStringError("LLVM cannot emit this kind of file for " + targetTriple);
  passes.run(module);
  return llvm::Error::success();
}

llvm::Error checkUndefined(llvm::ArrayRef<char> object, llvm::ArrayRef<llvm::StringRef> allowed) {
  auto undefined = undefinedSymbols(object);
  if (!undefined)
    return undefined.takeError();
  llvm::erase_if(*undefined, [&](llvm::StringRef name) { return llvm::is_contained(allowed, name); });
  if (undefined->empty())
    return llvm::Error::success();
  return llvm::createStringError(
      "generated code refers to " + llvm::join(*undefined, ", ") +
      "; accepted undefined symbols: " + (allowed.empty() ? "none" : llvm::join(allowed, ", ")));
}

} // namespace

llvm::Expected<llvm::SmallVector<std::string>> undefinedSymbols(llvm::ArrayRef<char> object) {
  llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()), "object");
  auto file = llvm::object::ObjectFile::createObjectFile(buffer);
  if (!file)
    return file.takeError();
  llvm::SmallVector<std::string> names;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || (*flags & llvm::object::SymbolRef::SF_FormatSpecific))
      continue;
    auto name = symbol.getName();
    if (!name)
      return name.takeError();
    names.push_back(name->str());
  }
  return names;
}

llvm::Expected<ObjectBytes> emitLLVMModule(std::unique_ptr<llvm::Module> module, const EmitOptions &options) {
  auto machine = createTargetMachine(describe(options.level));
  if (!machine)
    return machine.takeError();
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  module->setPICLevel(llvm::PICLevel::BigPIC);
  if (options.extend)
    if (llvm::Error error = options.extend(*module))
      return error;
  markFunctions(*module, options);
  std::string message;
  llvm::raw_string_ostream messageStream(message);
  if (llvm::verifyModule(*module, &messageStream))
    return llvm::createStringError("the generated LLVM IR is not valid: " + message);
  const bool kept = options.cache && *options.cache && !options.irText && !options.assemblyText;
  const std::string key = kept ? options.cache->keyOf(*module, describe(options.level)) : "";
  if (kept)
    if (std::optional<ObjectBytes> object = options.cache->find(key)) {
      llvm::Error error = checkUndefined(*object, options.undefined);
      if (!error)
        return std::move(*object);
      llvm::consumeError(std::move(error)); // damaged
    }
  optimise(*module, **machine);

  if (options.irText) {
    llvm::raw_string_ostream text(*options.irText);
    module->print(text, nullptr);
  }
  if (options.assemblyText) {
    // Code generation changes its module, so the text comes from a copy.
    llvm::SmallVector<char, 0> text;
    llvm::raw_svector_ostream stream(text);
    if (llvm::Error error =
            generate(*llvm::CloneModule(*module), **machine, llvm::CodeGenFileType::AssemblyFile, stream))
      return error;
    options.assemblyText->assign(text.begin(), text.end());
  }
  ObjectBytes object;
  llvm::raw_svector_ostream stream(object);
  if (llvm::Error error = generate(*module, **machine, llvm::CodeGenFileType::ObjectFile, stream))
    return error;
  if (llvm::Error error = checkUndefined(object, options.undefined))
    return error;
  if (kept)
    options.cache->keep(key, object);
  return object;
}

llvm::Expected<ObjectBytes> emitObject(mlir::ModuleOp module, const EmitOptions &options) {
  llvm::LLVMContext context;
  auto lowered = lowerToLLVM(module, context);
  if (!lowered)
    return lowered.takeError();
  return emitLLVMModule(std::move(*lowered), options);
}

} // namespace lathe
