// PlanArena on random entries, checked by running them: bytes of a simulated arena remember which buffer wrote them
// last, and every launch must find what it reads as that buffer left it. The simulation knows nothing of liveness.
#include "compiler/pipelines/Pipelines.h"
#include "passes/schedule/Passes.h"
#include "tests/support/Tensors.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <array>

using namespace lathe;
using namespace mlir;
using lathe::test::Random;

namespace {

/// Text of an entry whose launches each read some of the buffers written before, and write a new one or one of them.
class RandomEntry {
public:
  explicit RandomEntry(Random &random) : random(random) {}

  std::string text() {
    std::vector<Name> visible;
    std::string body = steps(random.integer(1, 8), visible);
    for (int64_t loops = random.integer(0, 2); loops > 0; --loops) {
      std::vector<Name> inside = visible; // what the loop makes is not seen behind it
      body += "scf.for %i" + std::to_string(next++) + " = %zero to %n step %one : i64 {\n" +
              steps(random.integer(1, 6), inside) + "}\n" + steps(random.integer(0, 4), visible);
    }
    return "func.func @encode(%n: i64) attributes {xf.entry} {\n%zero = arith.constant 0 : i64\n"
           "%one = arith.constant 1 : i64\n" +
           body + "return\n}\n";
  }

private:
  struct Name {
    std::string value, type;
  };

  std::string steps(int64_t count, std::vector<Name> &visible) {
    std::string text;
    for (; count > 0; --count) {
      std::vector<Name> arguments;
      for (int64_t reads = random.integer(0, 3); reads > 0 && !visible.empty(); --reads)
        arguments.push_back(visible[random.integer(0, visible.size() - 1)]);
      if (visible.empty() || random.integer(0, 3)) {
        int64_t width = random.integer(1, 6) * 4;
        llvm::StringRef rows = std::array{"tokens", "sequences", "scores"}[random.integer(0, 2)];
        Name made = {llvm::formatv("%b{0}", next++), llvm::formatv("memref<?x{0}xf32>", width)};
        text += llvm::formatv("{0} = xf.buffer {1} : {2}\n", made.value, rows, made.type).str();
        if (random.integer(0, 2) == 0) { // read and written through a view of all its columns
          Name view = {llvm::formatv("%v{0}", next++), made.type};
          text += llvm::formatv("{0} = xf.columns {1} from 0 : {2} -> {2}\n", view.value, made.value, made.type).str();
          made = view;
        }
        visible.push_back(made);
        arguments.push_back(made);
      } else {
        arguments.push_back(visible[random.integer(0, visible.size() - 1)]);
      }
      std::string values, types;
      for (const Name &argument : arguments) {
        values += (values.empty() ? "" : ", ") + argument.value;
        types += (types.empty() ? "" : ", ") + argument.type;
      }
      text += llvm::formatv("xf.launch @k({0}) panels %n writes [{1}] step \"s\" : {2}\n", values, arguments.size() - 1,
                            types)
                  .str();
    }
    return text;
  }

  Random &random;
  int next = 0;
};

/// Runs a planned entry, each loop twice.
class Simulation {
public:
  void run(Block &block) {
    for (Operation &op : block) {
      if (auto loop = dyn_cast<scf::ForOp>(op))
        for (int iteration = 0; iteration < 2; ++iteration)
          run(*loop.getBody());
      else if (auto launch = dyn_cast<xf::LaunchOp>(op))
        run(launch);
    }
  }

  std::array<size_t, 3> used = {}; ///< bytes per row, by kind of rows

private:
  static xf::BufferOp bufferOf(Value value) {
    while (auto view = value.getDefiningOp<xf::ColumnsOp>())
      value = view.getBuffer();
    return value.getDefiningOp<xf::BufferOp>();
  }

  void run(xf::LaunchOp launch) {
    for (Value input : launch.getInputs().drop_back()) {
      xf::BufferOp buffer = bufferOf(input);
      for (Operation *&owner : bytesOf(buffer))
        ASSERT_EQ(owner, buffer.getOperation()) << "a launch reads what another buffer has overwritten";
    }
    xf::BufferOp written = bufferOf(launch.getInputs().back());
    for (Operation *&owner : bytesOf(written))
      owner = written;
  }

  MutableArrayRef<Operation *> bytesOf(xf::BufferOp buffer) {
    size_t kind = size_t(buffer.getRows()), begin = *buffer.getOffset(), size = buffer.getBytesPerRow();
    used[kind] = std::max(used[kind], begin + size);
    owners[kind].resize(std::max(owners[kind].size(), begin + size));
    return MutableArrayRef(owners[kind]).slice(begin, size);
  }

  std::array<std::vector<Operation *>, 3> owners;
};

TEST(PlanArena, NothingIsOverwrittenBeforeItsLastRead) {
  DialectRegistry registry;
  registerLatheDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  size_t planned = 0, apart = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    std::string text = RandomEntry(random).text();
    SCOPED_TRACE("seed " + std::to_string(seed) + ":\n" + text);
    auto module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    PassManager manager(&context);
    manager.addNestedPass<func::FuncOp>(createPlanArenaPass());
    ASSERT_TRUE(succeeded(manager.run(*module)));

    auto entry = *module->getOps<func::FuncOp>().begin();
    Simulation simulation;
    simulation.run(entry.getBody().front());
    if (HasFatalFailure())
      return;
    auto arena = entry->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr);
    for (auto [kind, name] : llvm::enumerate(std::array{"per_token", "per_sequence", "per_score"})) {
      EXPECT_EQ(arena.getAs<IntegerAttr>(name).getInt(), int64_t(simulation.used[kind])) << name;
      planned += simulation.used[kind];
    }
    entry.walk([&](xf::BufferOp buffer) { apart += buffer.getBytesPerRow(); });
  }
  EXPECT_LT(planned, apart * 3 / 4) << "buffers that are not live together share memory";
}

} // namespace
