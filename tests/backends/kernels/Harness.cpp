#include "Harness.h"

#include "EmulateAmx.h"
#include "backends/cpu/emit/Emit.h"
#include "backends/cpu/emit/ObjectCache.h"
#include "backends/cpu/kernels/Kernels.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "runtime/core/Cpu.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <chrono>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace lathe::test {

std::string Target::name() const { return (emulated ? "emulated_" : "") + describe(level).name.str(); }

std::string whyUnsupported(Target target) {
  CpuFacts cpu = readCpu();
  // Between its tiles, code for amx is code for the level below.
  IsaLevel level = target.emulated ? IsaLevel::Avx512Bf16 : target.level;
  if (level == IsaLevel::Amx)
    cpu.tilesRefused = !requestTiles();
  const char *missing = missingFeature(cpu, static_cast<int>(level));
  return missing ? ("this CPU lacks " + llvm::Twine(missing) + ", which " + target.name() + " needs").str() : "";
}

// Guarded memory.

static constexpr size_t guardBytes = 256;
static constexpr uint8_t guardValue = 0xA5;

GuardedBytes::GuardedBytes(size_t bytes, size_t alignment) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  size_t accessible = (rounded + guardBytes + page - 1) / page * page;
  mapped = accessible + page;
  mapping = static_cast<uint8_t *>(
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0));
  if (mapping == MAP_FAILED || mprotect(mapping + accessible, page, PROT_NONE) != 0)
    llvm::report_fatal_error("no memory for a guarded buffer");
  start = mapping + accessible - rounded;
  std::memset(mapping, guardValue, start - mapping);
  std::memset(start, 0xFF, rounded);
}
GuardedBytes::~GuardedBytes() { munmap(mapping, mapped); }
bool GuardedBytes::intact() const {
  return std::all_of(mapping, start, [](uint8_t byte) { return byte == guardValue; });
}

// The library of all variants.

namespace {
struct Variant {
  const char *family, *params;
};
constexpr Variant variants[] = {
#define LATHE_VARIANT(FAMILY, PARAMS) {FAMILY, PARAMS},
#include "Variants.def"
};

/// func @<symbol>_panels(%slots: !llvm.ptr) -> i64, so that panel counts are tested as they are emitted.
void buildPanelCount(const KernelFamily &family, ModuleOp module, const std::string &symbol, DictionaryAttr params) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto function = func::FuncOp::create(builder, module.getLoc(), symbol + "_panels",
                                       builder.getFunctionType({pointer}, {builder.getI64Type()}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  SmallVector<Value> values;
  for (int32_t slot = 0; slot < static_cast<int32_t>(family.slots().size()); ++slot) {
    Value address = LLVM::GEPOp::create(builder, module.getLoc(), pointer, builder.getI64Type(),
                                        function.getArgument(0), ArrayRef<LLVM::GEPArg>{slot});
    values.push_back(LLVM::LoadOp::create(builder, module.getLoc(), builder.getI64Type(), address));
  }
  func::ReturnOp::create(builder, module.getLoc(), family.panels(builder, module.getLoc(), params, values));
}

template <typename T> T orFail(llvm::Expected<T> value) {
  if (!value)
    llvm::report_fatal_error(llvm::Twine(llvm::toString(value.takeError())));
  return std::move(*value);
}
} // namespace

class KernelLibrary {
public:
  static KernelLibrary &get(Target target) {
    static std::map<Target, std::unique_ptr<KernelLibrary>> libraries;
    std::unique_ptr<KernelLibrary> &library = libraries[target];
    if (!library)
      library.reset(new KernelLibrary(target));
    return *library;
  }
  const Kernel &find(const std::string &family, const std::string &params) {
    auto found = kernels.find({family, params});
    if (found == kernels.end())
      llvm::report_fatal_error(llvm::Twine("variant ") + family + " " + params +
                               " is not in Variants.def, or has no code of its own for " + target.name());
    return found->second;
  }

  ObjectBytes object;
  double seconds = 0;

private:
  const Target target;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::map<std::pair<std::string, std::string>, Kernel> kernels;

  explicit KernelLibrary(Target target) : target(target) {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    DialectRegistry registry;
    if (target.emulated)
      registerEmission(registry, registerEmulatedAmx);
    else
      registerEmission(registry);
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();

    auto start = std::chrono::steady_clock::now();
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder(&context);
    std::map<std::pair<std::string, std::string>, std::string> symbols;
    for (const Variant &variant : variants) {
      const KernelFamily *family = lookupKernel(variant.family);
      auto params = dyn_cast_or_null<DictionaryAttr>(parseAttribute(variant.params, &context));
      if (!family || !params)
        llvm::report_fatal_error(llvm::Twine("no such variant: ") + variant.family + " " + variant.params);
      if (!llvm::is_contained(family->levels(params), target.level))
        continue;
      std::string symbol = family->symbol(params);
      if (failed(family->build(builder, *module, symbol, params, target.level)))
        llvm::report_fatal_error("a variant cannot be built");
      buildPanelCount(*family, *module, symbol, params);
      Kernel &kernel = kernels[{variant.family, variant.params}];
      kernel.scratch = family->scratch(params).fixed;
      kernel.slots = family->slots().size();
      kernel.symbol = symbol;
      symbols[{variant.family, variant.params}] = symbol;
    }
    std::string ir, assembly;
    const ObjectCache cache = ObjectCache::ofUser();
    EmitOptions options;
    options.level = target.level;
    options.cache = &cache;
    const char *dumpPrefix = std::getenv("LATHE_DUMP_KERNELS");
    std::string dump = dumpPrefix ? dumpPrefix + ("-" + target.name()) : "";
    if (dumpPrefix) {
      options.irText = &ir;
      options.assemblyText = &assembly;
    }
    object = orFail(emitObject(*module, options));
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (dumpPrefix) {
      std::error_code error;
      llvm::raw_fd_ostream(dump + ".ll", error) << ir;
      llvm::raw_fd_ostream(dump + ".s", error) << assembly;
      llvm::raw_fd_ostream(dump + ".o", error) << StringRef(object.data(), object.size());
    }

    jit = orFail(llvm::orc::LLJITBuilder().create());
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(StringRef(object.data(), object.size()), "kernels");
    if (llvm::Error error = jit->addObjectFile(std::move(buffer)))
      llvm::report_fatal_error(llvm::Twine(llvm::toString(std::move(error))));
    for (auto &[variant, kernel] : kernels) {
      const std::string &symbol = symbols[variant];
      kernel.function = orFail(jit->lookup(symbol)).toPtr<lathe_kernel>();
      kernel.countPanels = orFail(jit->lookup(symbol + "_panels")).toPtr<int64_t (*)(const uint64_t *)>();
    }
  }
};

const Kernel &Kernel::get(const std::string &family, const std::string &params, Target target) {
  return KernelLibrary::get(target).find(family, params);
}
std::vector<IsaLevel> Kernel::levelsHere(const std::string &family, const std::string &params) {
  static MLIRContext context(MLIRContext::Threading::DISABLED);
  const KernelFamily *known = lookupKernel(family);
  auto parsed = dyn_cast_or_null<DictionaryAttr>(parseAttribute(params, &context));
  if (!known || !parsed)
    llvm::report_fatal_error(llvm::Twine("no such variant: ") + family + " " + params);
  std::vector<IsaLevel> here;
  for (IsaLevel level : known->levels(parsed))
    if (whyUnsupported(level).empty())
      here.push_back(level);
  return here;
}
std::span<const char> kernelObject() { return KernelLibrary::get(IsaLevel::Avx512).object; }
double secondsToCompile() { return KernelLibrary::get(IsaLevel::Avx512).seconds; }

static const uint64_t *bitsOf(std::span<const Arg> args) {
  static_assert(sizeof(Arg) == sizeof(uint64_t));
  return reinterpret_cast<const uint64_t *>(args.data());
}

int64_t Kernel::panels(std::span<const Arg> args) const {
  if (args.size() != slots)
    llvm::report_fatal_error(llvm::Twine(symbol) + " has " + llvm::Twine(slots) + " slots, the call has " +
                             llvm::Twine(args.size()) + " arguments");
  return countPanels(bitsOf(args));
}

void Kernel::call(std::span<const Arg> args, int64_t begin, int64_t end, uint8_t *scratch) const {
  function(bitsOf(args), begin, end, scratch);
}

void Kernel::run(std::vector<Arg> args, int64_t panelsPerCall) const {
  int64_t count = panels(args);
  int64_t step = panelsPerCall ? panelsPerCall : std::max<int64_t>(count, 1);
  GuardedBytes scratch(scratchBytes(), /*alignment=*/64);
  // Backwards, so that no panel can lean on an earlier one.
  for (int64_t begin = (count - 1) / step * step; begin >= 0 && count > 0; begin -= step)
    call(args, begin, std::min(begin + step, count), scratch.data());
  if (!scratch.intact())
    llvm::report_fatal_error("a kernel wrote before its scratch");
}

} // namespace lathe::test
