// The registry and the emission of objects: what is accepted, what is refused and how.
#include "Harness.h"
#include "backends/cpu/emit/Emit.h"
#include "backends/cpu/kernels/Kernels.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Object/ObjectFile.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace mlir;

namespace {

class RegistryTest : public testing::Test {
protected:
  RegistryTest() : context(registry(), MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
    module = ModuleOp::create(UnknownLoc::get(&context));
  }
  static const DialectRegistry &registry() {
    static const DialectRegistry registry = [] {
      DialectRegistry registry;
      registerEmission(registry);
      return registry;
    }();
    return registry;
  }
  DictionaryAttr params(StringRef text) { return cast<DictionaryAttr>(parseAttribute(text, &context)); }
  std::string symbol(StringRef family, StringRef text) { return lookupKernel(family)->symbol(params(text)); }

  /// The error that building the variant gives.
  std::string errorOf(StringRef family, StringRef text) {
    std::string message;
    ScopedDiagnosticHandler collect(&context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
    OpBuilder builder(&context);
    EXPECT_TRUE(failed(lookupKernel(family)->build(builder, *module, "k", params(text), IsaLevel::Avx512)));
    EXPECT_TRUE(module->getBody()->empty()) << "a refused variant leaves nothing behind";
    return message;
  }
  void parse(StringRef text) { module = parseSourceString<ModuleOp>(text, &context); }
  std::string emissionError() {
    auto object = emitObject(*module, {});
    return object ? "" : llvm::toString(object.takeError());
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(RegistryTest, FamiliesAreFoundByNameAndUnique) {
  EXPECT_EQ(lookupKernel("gemm_f64"), nullptr);
  llvm::StringSet<> names;
  for (const KernelFamily *family : allKernels()) {
    EXPECT_EQ(lookupKernel(family->name()), family);
    EXPECT_TRUE(names.insert(family->name()).second) << family->name().str();
    EXPECT_EQ(llvm::count_if(family->slots(), [](const Slot &slot) { return slot.name == "y"; }), 1)
        << family->name().str() << " writes to its slot y";
    for (const Slot &slot : family->slots())
      EXPECT_FALSE(slot.meaning.empty()) << "slot " << slot.name.str() << " of " << family->name().str();
  }
}

TEST_F(RegistryTest, SymbolsNameTheVariant) {
  EXPECT_EQ(symbol("gemm_f32", "{}"), "lathe_gemm_f32");
  EXPECT_EQ(symbol("gemm_f32", R"({residual = true, activation = "gelu", bias = true})"),
            "lathe_gemm_f32_bias_gelu_residual");
  EXPECT_EQ(symbol("gemm_f32", R"({bias = false, activation = "none"})"), "lathe_gemm_f32");
  EXPECT_EQ(symbol("attention_f32", "{head_dim = 32, masked = true}"), "lathe_attention_f32_head_dim32_masked");
}

TEST_F(RegistryTest, WrongParametersAreErrors) {
  EXPECT_EQ(errorOf("gemm_f32", R"({activation = "selu"})"),
            "kernel 'gemm_f32': parameter 'activation' is \"selu\", accepted: none, gelu, gelu_tanh, relu, silu, tanh");
  EXPECT_EQ(errorOf("gemm_f32", "{bias = 1}"),
            "kernel 'gemm_f32': parameter 'bias' is 1 : i64, accepted: true or false");
  EXPECT_EQ(errorOf("gemm_f32", "{tile = 8}"),
            "kernel 'gemm_f32' has no parameter 'tile', accepted: bias, activation, residual, best");
  EXPECT_EQ(errorOf("attention_f32", "{head_dim = 4097}"),
            "kernel 'attention_f32': parameter 'head_dim' is 4097 : i64, accepted: an i64 from 1 to 4096");
  EXPECT_EQ(errorOf("attention_f32", "{head_dim = 8 : i32}"),
            "kernel 'attention_f32': parameter 'head_dim' is 8 : i32, accepted: an i64 from 1 to 4096");
  EXPECT_EQ(errorOf("normalize_f32", "{axis = 1}"), "kernel 'normalize_f32' has no parameters, found 'axis'");
}

/// Writes the level that its code is for; with bf16 = true at the levels that a product of bf16 has code for.
class LevelFamily final : public KernelFamily {
public:
  LevelFamily() : KernelFamily("level", slotList, parameterList) {}

private:
  static constexpr Slot slotList[] = {{"y", SlotKind::Pointer, "an i64"}};
  static constexpr Parameter parameterList[] = {Parameter::flag("bf16")};

  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override {
    static constexpr IsaLevel ofBf16[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16, IsaLevel::Amx};
    return params.flag("bf16") ? ArrayRef(ofBf16) : KernelFamily::ownLevels(params);
  }
  void emit(KernelBuilder &b, const Parameters &) const override {
    LLVM::StoreOp::create(b, b.integer(int64_t(b.level)), b.pointerSlot(0));
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange) const override { return b.integer(1); }
};

TEST_F(RegistryTest, AVariantIsBuiltForTheHighestOfItsOwnLevels) {
  LevelFamily family;
  EXPECT_EQ(family.levels(params("{}")), ArrayRef(IsaLevel::Avx512));
  EXPECT_EQ(family.levels(params("{bf16 = true}")), ArrayRef({IsaLevel::Avx512, IsaLevel::Avx512Bf16, IsaLevel::Amx}));
  auto builtFor = [&](StringRef text, IsaLevel level) {
    module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder(&context);
    EXPECT_TRUE(succeeded(family.build(builder, *module, "k", params(text), level)));
    std::optional<IsaLevel> stored;
    module->walk([&](LLVM::StoreOp store) {
      stored = IsaLevel(cast<IntegerAttr>(store.getValue().getDefiningOp<arith::ConstantOp>().getValue()).getInt());
    });
    return stored;
  };
  for (const TargetDescription &target : targetDescriptions())
    EXPECT_EQ(builtFor("{}", target.level), IsaLevel::Avx512);
  EXPECT_EQ(builtFor("{bf16 = true}", IsaLevel::Avx512), IsaLevel::Avx512);
  EXPECT_EQ(builtFor("{bf16 = true}", IsaLevel::Avx512Vnni), IsaLevel::Avx512);
  EXPECT_EQ(builtFor("{bf16 = true}", IsaLevel::Avx512Bf16), IsaLevel::Avx512Bf16);
  EXPECT_EQ(builtFor("{bf16 = true}", IsaLevel::Amx), IsaLevel::Amx);
}

TEST_F(RegistryTest, ALevelHasItsInstructionsAndThoseOfLowerLevels) {
  const struct {
    IsaLevel since;
    const char *mnemonic, *function;
  } instructions[] = {
      {IsaLevel::Avx512Vnni, "vpdpbusd", R"(func.func @f(%s: vector<16xi32>, %a: vector<64xi8>) -> vector<16xi32> {
         %r = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%s, %a, %a)
              : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
         return %r : vector<16xi32> })"},
      {IsaLevel::Avx512Bf16, "vdpbf16ps", R"(func.func @f(%s: vector<16xf32>, %a: vector<32xbf16>) -> vector<16xf32> {
         %r = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%s, %a, %a)
              : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
         return %r : vector<16xf32> })"},
      {IsaLevel::Amx, "tilerelease",
       R"(func.func @f() { llvm.call_intrinsic "llvm.x86.tilerelease"() : () -> () return })"},
      {IsaLevel::Amx, "tdpbusd", R"(func.func @f() {
         %0 = llvm.mlir.constant(0 : i8) : i8
         llvm.call_intrinsic "llvm.x86.tdpbusd"(%0, %0, %0) : (i8, i8, i8) -> () return })"},
      {IsaLevel::Amx, "tdpbf16ps", R"(func.func @f() {
         %0 = llvm.mlir.constant(0 : i8) : i8
         llvm.call_intrinsic "llvm.x86.tdpbf16ps"(%0, %0, %0) : (i8, i8, i8) -> () return })"},
  };
  for (const auto &instruction : instructions)
    for (const TargetDescription &target : targetDescriptions()) {
      if (target.level < instruction.since)
        continue;
      parse(instruction.function);
      std::string assembly;
      EmitOptions options;
      options.level = target.level;
      options.assemblyText = &assembly;
      EXPECT_FALSE(cantFail(emitObject(*module, options)).empty());
      EXPECT_NE(assembly.find(instruction.mnemonic), std::string::npos)
          << instruction.mnemonic << " at " << target.name.str() << ":\n"
          << assembly;
    }
}

TEST_F(RegistryTest, ObjectsNeedNothingAndAreReproducible) {
  auto undefined = undefinedSymbols(test::kernelObject());
  ASSERT_TRUE(static_cast<bool>(undefined));
  EXPECT_TRUE(undefined->empty());

  auto emit = [&] {
    OwningOpRef<ModuleOp> fresh = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder(&context);
    for (const char *activation : {"{bias = true}", R"({bias = true, activation = "gelu"})"}) {
      const KernelFamily *gemm = lookupKernel("gemm_f32");
      EXPECT_TRUE(succeeded(
          gemm->build(builder, *fresh, gemm->symbol(params(activation)), params(activation), IsaLevel::Avx512)));
    }
    return cantFail(emitObject(*fresh, {}));
  };
  EXPECT_EQ(emit(), emit());
}

TEST_F(RegistryTest, TextIsGivenWhenAskedFor) {
  parse("func.func @f(%a: i64) -> i64 { %b = arith.addi %a, %a : i64 return %b : i64 }");
  std::string ir, assembly;
  EmitOptions options;
  options.irText = &ir;
  options.assemblyText = &assembly;
  EXPECT_FALSE(cantFail(emitObject(*module, options)).empty());
  EXPECT_NE(ir.find("define hidden"), std::string::npos);
  EXPECT_NE(assembly.find(".section\t.text.f"), std::string::npos);
}

TEST_F(RegistryTest, UndefinedSymbolsAreErrorsUnlessAskedFor) {
  parse("func.func private @puts(i64) func.func @f(%a: i64) { func.call @puts(%a) : (i64) -> () return }");
  EXPECT_EQ(emissionError(), "generated code refers to puts; accepted undefined symbols: none");
  EmitOptions options;
  StringRef allowed[] = {"puts"};
  options.undefined = allowed;
  EXPECT_FALSE(cantFail(emitObject(*module, options)).empty());
}

TEST_F(RegistryTest, LoopsThatLookLikeTheCLibraryStayLoops) {
  // memset of a byte, as a compiler would recognise it.
  parse(R"(func.func @f(%p: !llvm.ptr, %n: i64) {
    %c0 = arith.constant 0 : i64
    %c1 = arith.constant 1 : i64
    %zero = arith.constant 0 : i8
    scf.for %i = %c0 to %n step %c1 : i64 {
      %at = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
      llvm.store %zero, %at : i8, !llvm.ptr
    }
    return
  })");
  EXPECT_EQ(emissionError(), "");
}

TEST_F(RegistryTest, WhatCannotBeLoweredIsAnError) {
  context.allowUnregisteredDialects();
  parse(R"(func.func @f() { "test.unknown"() : () -> () return })");
  EXPECT_NE(emissionError().find("cannot lower the kernels module"), std::string::npos);
}

TEST_F(RegistryTest, TheModuleCanBeExtended) {
  parse("func.func @f() { return }");
  EmitOptions options;
  auto refuse = [](llvm::Module &) { return llvm::createStringError("no room"); };
  options.extend = refuse;
  EXPECT_EQ(llvm::toString(emitObject(*module, options).takeError()), "no room");
}

/// A BERT's kernels: what `lathe compile` waits for.
TEST_F(RegistryTest, ABertCompilesInASecondToFiftyKilobytes) {
  OpBuilder builder(&context);
  const std::pair<const char *, const char *> variants[] = {
      {"embed_f32", "{tables = 3, norm = true}"},
      {"gemm_f32", "{bias = true}"},
      {"gemm_f32", R"({bias = true, activation = "gelu"})"},
      {"gemm_f32", "{bias = true, residual = true}"},
      {"gemm_f32", R"({bias = true, activation = "tanh"})"},
      {"attention_f32", "{head_dim = 64}"},
      {"layer_norm_f32", "{}"},
      {"pool_f32", R"({mode = "mean"})"},
      {"normalize_f32", "{}"},
  };
  auto start = std::chrono::steady_clock::now();
  for (auto [name, text] : variants) {
    const KernelFamily *family = lookupKernel(name);
    ASSERT_TRUE(
        succeeded(family->build(builder, *module, family->symbol(params(text)), params(text), IsaLevel::Avx512)));
  }
  ObjectBytes object = cantFail(emitObject(*module, {}));
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("milliseconds", static_cast<int>(seconds * 1e3));
  RecordProperty("bytes", static_cast<int>(object.size()));
  EXPECT_LE(object.size(), 50000u);
}

} // namespace
