// Kernels of level amx beyond what Bf16Test asks of every level: the instructions they become, and that the emulation
// which stands for these elsewhere does the same.
#include "KernelTest.h"
#include "backends/cpu/emit/Emit.h"
#include "backends/cpu/kernels/Kernels.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/AMX/AMXDialect.h"

using namespace lathe;
using namespace lathe::test;

namespace {

/// A variant's family and parameters, at level amx, before and after emission.
class AmxTest : public testing::TestWithParam<std::pair<const char *, const char *>> {};

TEST_P(AmxTest, OpsBecomeInstructionsWithoutMore) {
  mlir::DialectRegistry registry;
  registerEmission(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  mlir::OpBuilder builder(&context);
  auto params = mlir::cast<mlir::DictionaryAttr>(mlir::parseAttribute(GetParam().second, &context));
  ASSERT_TRUE(succeeded(lookupKernel(GetParam().first)->build(builder, *module, "k", params, IsaLevel::Amx)));
  std::string assembly;
  EmitOptions options;
  options.level = IsaLevel::Amx;
  options.assemblyText = &assembly;
  ASSERT_FALSE(cantFail(emitObject(*module, options)).empty());

  auto ops = [&](auto op) {
    int count = 0;
    module->walk([&](decltype(op)) { ++count; });
    return count;
  };
  auto instructions = [&](llvm::StringRef mnemonic) { return int(llvm::StringRef(assembly).count(mnemonic)); };
  EXPECT_GT(instructions("\ttdpbf16ps\t") + instructions("\ttdpbusd\t"), 0);
  // Attention multiplies blocks of known sizes: shapes that do not occur are dropped.
  const bool dropsShapes = llvm::StringRef(GetParam().first).starts_with("attention");
  auto expectInstructions = [&](llvm::StringRef mnemonic, int count) {
    if (dropsShapes)
      EXPECT_LE(instructions(mnemonic), count);
    else
      EXPECT_EQ(instructions(mnemonic), count);
  };
  expectInstructions("\ttdpbf16ps\t", ops(mlir::amx::TileMulFOp()));
  expectInstructions("\ttdpbusd\t", ops(mlir::amx::TileMulIOp()));
  // A tile that is kept in memory would be one more of both.
  expectInstructions("\ttileloadd\t", ops(mlir::amx::TileLoadOp()));
  EXPECT_LE(instructions("\ttilestored\t"), ops(mlir::amx::TileStoreOp())) << "equal ends of branches may be merged";
  expectInstructions("\ttilezero\t", ops(mlir::amx::TileZeroOp()));
  EXPECT_EQ(instructions("\tldtilecfg\t"), 1) << "tiles are set up once for a call of the kernel";
  EXPECT_EQ(instructions("\tcall"), 0) << "tiles do not survive a call";
}

INSTANTIATE_TEST_SUITE_P(Variants, AmxTest,
                         testing::Values(std::pair("gemm_bf16", "{}"),
                                         std::pair("gemm_bf16", R"({bias = true, activation = "gelu", y_bf16 = true})"),
                                         std::pair("gemm_bf16",
                                                   R"({bias = true, activation = "tanh", residual = true})"),
                                         std::pair("gemm_s8", R"({bias = true, activation = "gelu"})"),
                                         std::pair("gemm_s8", "{bias = true, residual = true}"),
                                         std::pair("gemm_s4", R"({bias = true, activation = "gelu"})"),
                                         std::pair("gemm_s4", "{bias = true, residual = true}"),
                                         std::pair("attention_bf16", "{head_dim = 64, y_bf16 = true}"),
                                         std::pair("attention_bf16", "{head_dim = 20, masked = true}")));

TEST(AmxHardware, InstructionsAndEmulationGiveTheSameBits) {
  if (std::string why = whyUnsupported(IsaLevel::Amx); !why.empty())
    GTEST_SKIP() << why;
  Gaussian random(22);
  for (GemmShape shape : {GemmShape{1, 16, 32}, {70, 50, 1000}, {17, 100, 77}, {300, 33, 400}}) {
    Guarded<uint16_t> x(shape.m * (shape.k + 1)), w((shape.n + 15) / 16 * 16 * (shape.k + 1));
    for (const Guarded<uint16_t> *values : {&x, &w}) // denormals among them
      for (uint16_t &value : *values)
        value = random.below(16) ? toBf16(random.normal()) : random.below(128);
    Guarded<float> native(shape.m * shape.n), emulated(shape.m * shape.n);
    for (auto [target, y] : {std::pair(Target(IsaLevel::Amx), &native), {Target::emulatedAmx(), &emulated}})
      Kernel::get("gemm_bf16", "{}", target)
          .run({x.data(), (shape.k + 1) / 2 * 2, w.data(), nullptr, nullptr, 0, y->data(), shape.n, shape.m, shape.n,
                shape.k});
    EXPECT_TRUE(sameBits(native, emulated)) << shape.m << " x " << shape.n << " x " << shape.k;
  }
}

} // namespace
