#include "backends/cpu/kernels/Kernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

// Parameters.

bool Parameters::flag(StringRef name) const {
  auto value = given ? given.getAs<BoolAttr>(name) : BoolAttr();
  return value && value.getValue();
}

static const Parameter &find(ArrayRef<Parameter> known, StringRef name) {
  const Parameter *found = llvm::find_if(known, [&](const Parameter &parameter) { return parameter.name == name; });
  assert(found != known.end() && "a kernel asks only for its family's parameters");
  return *found;
}

int64_t Parameters::integer(StringRef name) const {
  auto value = given ? given.getAs<IntegerAttr>(name) : IntegerAttr();
  return value ? value.getInt() : find(known, name).minimum;
}

StringRef Parameters::choice(StringRef name) const {
  auto value = given ? given.getAs<StringAttr>(name) : StringAttr();
  return value ? value.getValue() : find(known, name).names.front();
}

/// Empty if `value` is one the parameter may have, else what is accepted.
static std::string acceptedInstead(const Parameter &parameter, Attribute value) {
  switch (parameter.kind) {
  case Parameter::Kind::Flag:
    return isa<BoolAttr>(value) ? "" : "true or false";
  case Parameter::Kind::Integer: {
    auto integer = dyn_cast<IntegerAttr>(value);
    bool within = integer && integer.getType().isSignlessInteger(64) && integer.getInt() >= parameter.minimum &&
                  integer.getInt() <= parameter.maximum;
    return within ? "" : ("an i64 from " + Twine(parameter.minimum) + " to " + Twine(parameter.maximum)).str();
  }
  case Parameter::Kind::Name: {
    auto name = dyn_cast<StringAttr>(value);
    return name && llvm::is_contained(parameter.names, name.getValue()) ? "" : llvm::join(parameter.names, ", ");
  }
  }
  llvm_unreachable("every kind is handled");
}

static LogicalResult verify(const KernelFamily &family, ModuleOp module, DictionaryAttr params) {
  if (!params)
    return success();
  for (NamedAttribute given : params) {
    const Parameter *known = llvm::find_if(
        family.parameters(), [&](const Parameter &parameter) { return parameter.name == given.getName().strref(); });
    if (known == family.parameters().end()) {
      if (family.parameters().empty())
        return module.emitError() << "kernel '" << family.name() << "' has no parameters, found '"
                                  << given.getName().strref() << "'";
      auto names = llvm::map_range(family.parameters(), [](const Parameter &parameter) { return parameter.name; });
      return module.emitError() << "kernel '" << family.name() << "' has no parameter '" << given.getName().strref()
                                << "', accepted: " << llvm::join(names, ", ");
    }
    if (std::string accepted = acceptedInstead(*known, given.getValue()); !accepted.empty())
      return module.emitError() << "kernel '" << family.name() << "': parameter '" << known->name << "' is "
                                << given.getValue() << ", accepted: " << accepted;
  }
  return success();
}

// Families.

std::string KernelFamily::symbol(DictionaryAttr params) const {
  Parameters chosen(parameterList, params);
  std::string symbol = "lathe_" + familyName.str();
  for (const Parameter &parameter : parameterList) {
    switch (parameter.kind) {
    case Parameter::Kind::Flag:
      if (chosen.flag(parameter.name))
        symbol += "_" + parameter.name.str();
      break;
    case Parameter::Kind::Integer:
      if (int64_t value = chosen.integer(parameter.name))
        symbol += "_" + parameter.name.str() + std::to_string(value);
      break;
    case Parameter::Kind::Name:
      if (chosen.choice(parameter.name) != parameter.names.front())
        symbol += "_" + chosen.choice(parameter.name).str();
      break;
    }
  }
  return symbol;
}

ArrayRef<IsaLevel> KernelFamily::levels(DictionaryAttr params) const {
  ArrayRef<IsaLevel> levels = ownLevels(Parameters(parameterList, params));
  assert(!levels.empty() && levels.front() == IsaLevel::Avx512 && llvm::is_sorted(levels) &&
         "every variant has code for the lowest level, and levels ascend");
  return levels;
}

ArrayRef<IsaLevel> KernelFamily::ownLevels(const Parameters &params) const {
  static constexpr IsaLevel lowest[] = {IsaLevel::Avx512};
  return lowest;
}

LogicalResult KernelFamily::build(OpBuilder &builder, ModuleOp module, StringRef symbol, DictionaryAttr params,
                                  IsaLevel level) const {
  if (failed(verify(*this, module, params)))
    return failure();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type integer = builder.getI64Type();
  auto function = func::FuncOp::create(builder, module.getLoc(), symbol,
                                       builder.getFunctionType({pointer, integer, integer, pointer}, {}));
  function.addEntryBlock();
  ArrayRef<IsaLevel> own = levels(params);
  KernelBuilder b(function, *std::prev(llvm::upper_bound(own, level)));
  emit(b, Parameters(parameterList, params));
  func::ReturnOp::create(b);
  return success();
}

Value KernelFamily::panels(OpBuilder &builder, Location loc, DictionaryAttr params, ValueRange slotValues) const {
  assert(slotValues.size() == slotList.size() && "one value per slot");
  KernelBuilder b(builder, loc);
  return emitPanels(b, Parameters(parameterList, params), slotValues);
}

lathe_size_formula KernelFamily::scratch(DictionaryAttr params) const {
  lathe_size_formula bytes = {};
  bytes.fixed = scratchBytes(Parameters(parameterList, params));
  return bytes;
}

// The registry.

ArrayRef<const KernelFamily *> allKernels() {
  static const KernelFamily *const families[] = {
#define LATHE_KERNEL(NAME) &kernel_##NAME(),
#include "backends/cpu/kernels/Kernels.def"
  };
  return families;
}

const KernelFamily *lookupKernel(StringRef name) {
  for (const KernelFamily *family : allKernels())
    if (family->name() == name)
      return family;
  return nullptr;
}

} // namespace lathe
