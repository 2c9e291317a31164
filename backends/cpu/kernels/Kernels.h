// The registry of CPU kernels: what there is, how it is called, and how it is built.
//
// A *family* is one kernel as its callers see it, e.g. "gemm_f32": a list of slots and a set of parameters. A *variant*
// is a family with its parameters chosen, e.g. {bias = true, activation = "gelu"}; it is one function in the module.
// Sizes are slots, not parameters, so one variant serves every batch and length.
//
// A variant can be built at every ISA level. It means the same at each: slots, layouts, panels and scratch do not
// depend on the level, which decides only by which instructions the result is computed.
//
//   const KernelFamily *gemm = lookupKernel("gemm_f32");
//   std::string symbol = gemm->symbol(params);
//   if (failed(gemm->build(builder, module, symbol, params, IsaLevel::Avx512))) ...
//   Value count = gemm->panels(builder, loc, params, slots);
//
// Kernels.def lists the families; tests and benchmarks read the same list. To add one, write its class in its own file
// and add its line.
#ifndef LATHE_BACKENDS_CPU_KERNELS_KERNELS_H
#define LATHE_BACKENDS_CPU_KERNELS_KERNELS_H

#include "backends/cpu/kernels/KernelBuilder.h"
#include "lathe/program.h"
#include "mlir/IR/BuiltinOps.h"

#include <array>

namespace lathe {

enum class SlotKind { Pointer, Integer, Float };

/// One 8-byte argument. An absent operand's slot is still passed, as 0. The slot that a kernel writes to is named "y";
/// some write what they compute once more, rounded, to "rounded".
struct Slot {
  llvm::StringRef name;
  SlotKind kind;
  llvm::StringRef meaning;
};

/// A choice made when a variant is built; made by one of the three functions.
struct Parameter {
  enum class Kind { Flag, Integer, Name };
  llvm::StringRef name;
  Kind kind;
  /// Of an integer.
  int64_t minimum = 0, maximum = 0;
  /// Of a name.
  llvm::ArrayRef<llvm::StringRef> names = {};

  static constexpr Parameter flag(llvm::StringRef name) { return {name, Kind::Flag}; }
  static constexpr Parameter integer(llvm::StringRef name, int64_t minimum, int64_t maximum) {
    return {name, Kind::Integer, minimum, maximum};
  }
  static constexpr Parameter choice(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> names) {
    return {name, Kind::Name, 0, 0, names};
  }
};

/// Lists one behind the other: slots or parameters, of which families share some.
template <typename T, size_t... sizes> constexpr auto joined(const T (&...lists)[sizes]) {
  std::array<T, (sizes + ...)> all = {};
  size_t next = 0;
  auto append = [&](const T *list, size_t size) {
    for (size_t i = 0; i < size; ++i)
      all[next++] = list[i];
  };
  (append(lists, sizes), ...);
  return all;
}

/// A variant's parameters. One left out is false, its minimum, or the first of its names.
class Parameters {
public:
  Parameters(llvm::ArrayRef<Parameter> known, mlir::DictionaryAttr given) : known(known), given(given) {}
  bool flag(llvm::StringRef name) const;
  int64_t integer(llvm::StringRef name) const;
  llvm::StringRef choice(llvm::StringRef name) const;

private:
  llvm::ArrayRef<Parameter> known;
  mlir::DictionaryAttr given;
};

class KernelFamily {
public:
  virtual ~KernelFamily() = default;

  llvm::StringRef name() const { return familyName; }
  llvm::ArrayRef<Slot> slots() const { return slotList; }
  llvm::ArrayRef<Parameter> parameters() const { return parameterList; }

  /// The variant's name as a function, e.g. "lathe_gemm_f32_bias_gelu"; equal exactly when the variants are.
  std::string symbol(mlir::DictionaryAttr params) const;

  /// The levels at which the variant has code of its own, ascending; the first is avx512. At the others it is what it
  /// is at the next lower one of these.
  llvm::ArrayRef<IsaLevel> levels(mlir::DictionaryAttr params) const;

  /// Emits the variant for `level` as a func.func at the end of the module. Fails with a message at the module's
  /// location if the parameters are not the family's.
  mlir::LogicalResult build(mlir::OpBuilder &builder, mlir::ModuleOp module, llvm::StringRef symbol,
                            mlir::DictionaryAttr params, IsaLevel level) const;

  /// Emits the number of panels of a call. `slotValues` has one value per slot, i64 for integers; pointers and floats
  /// are not looked at and may be null.
  mlir::Value panels(mlir::OpBuilder &builder, mlir::Location loc, mlir::DictionaryAttr params,
                     mlir::ValueRange slotValues) const;

  /// Bytes of scratch that a worker needs, at every level.
  lathe_size_formula scratch(mlir::DictionaryAttr params) const;

protected:
  KernelFamily(llvm::StringRef name, llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Parameter> parameters)
      : familyName(name), slotList(slots), parameterList(parameters) {}

  /// The list behind `levels`, which outlives the call.
  virtual llvm::ArrayRef<IsaLevel> ownLevels(const Parameters &params) const;
  /// Emits the body for panels [b.begin, b.end) at level b.level, one of ownLevels.
  virtual void emit(KernelBuilder &b, const Parameters &params) const = 0;
  virtual mlir::Value emitPanels(KernelBuilder &b, const Parameters &params, mlir::ValueRange slots) const = 0;
  /// The most that any of ownLevels needs.
  virtual int64_t scratchBytes(const Parameters &params) const { return 0; }

private:
  llvm::StringRef familyName;
  llvm::ArrayRef<Slot> slotList;
  llvm::ArrayRef<Parameter> parameterList;
};

/// The family of that name, or null.
const KernelFamily *lookupKernel(llvm::StringRef name);
/// All families, in the order of Kernels.def.
llvm::ArrayRef<const KernelFamily *> allKernels();

#define LATHE_KERNEL(NAME) const KernelFamily &kernel_##NAME();
#include "backends/cpu/kernels/Kernels.def"

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_KERNELS_H
