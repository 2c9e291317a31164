// From kernels and entry functions to an ELF object, in memory and in process.
//
//   mlir::DialectRegistry registry;
//   registerEmission(registry);              // before the context is made
//   auto object = emitObject(module, {.level = IsaLevel::Avx512});
//
// The module holds func, scf, arith, cf, vector, amx and llvm ops. The object is position independent with one section
// per function; its functions are hidden. It calls nothing: an undefined symbol that is not asked for is an error, also
// one that LLVM introduced. The same module and options give the same bytes on every machine.
#ifndef LATHE_BACKENDS_CPU_EMIT_EMIT_H
#define LATHE_BACKENDS_CPU_EMIT_EMIT_H

#include "backends/cpu/emit/TargetDescription.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace lathe {
class ObjectCache;

using ObjectBytes = llvm::SmallVector<char, 0>;

struct EmitOptions {
  IsaLevel level = IsaLevel::Avx512;
  /// Called with the LLVM module before it is optimised, e.g. to add the program's constant tables. A reference: what
  /// it refers to must outlive the call of emitObject.
  llvm::function_ref<llvm::Error(llvm::Module &)> extend = nullptr;
  /// The one function that a library made of the object exports; the others are hidden.
  llvm::StringRef exported = {};
  /// Symbols the object may leave to the linker.
  llvm::ArrayRef<llvm::StringRef> undefined = {};
  /// Where the object may be kept and found. Not for a module that includes files: it is kept by the module alone.
  const ObjectCache *cache = nullptr;
  /// Filled when set: the optimised LLVM IR and the assembly, as text. For these the cache is not asked.
  std::string *irText = nullptr;
  std::string *assemblyText = nullptr;
};

/// Registers the dialects that emission needs, with their conversions and translations.
void registerEmission(mlir::DialectRegistry &registry);
/// The same, but for how dialect amx becomes LLVM's: a test may have it do without the instructions.
void registerEmission(mlir::DialectRegistry &registry,
                      llvm::function_ref<void(mlir::DialectRegistry &)> registerAmxConversion);

/// Translates a copy of `module`; the module stays as it is. Diagnostics become the error's message.
llvm::Expected<std::unique_ptr<llvm::Module>> lowerToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context);

/// Optimises the module and generates its code; consumes it.
llvm::Expected<ObjectBytes> emitLLVMModule(std::unique_ptr<llvm::Module> module, const EmitOptions &options);

/// Both.
llvm::Expected<ObjectBytes> emitObject(mlir::ModuleOp module, const EmitOptions &options);

/// Names the object refers to and does not define, in the symbol table's order.
llvm::Expected<llvm::SmallVector<std::string>> undefinedSymbols(llvm::ArrayRef<char> object);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_EMIT_EMIT_H
