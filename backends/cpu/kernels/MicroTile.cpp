#include "backends/cpu/kernels/MicroTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lineBytes = KernelBuilder::lanes * sizeof(float);

/// sum + x * columns, of one word of x in every lane.
static Value multiplyAdd(KernelBuilder &b, Words words, Value sum, Value x, Value columns) {
  switch (words) {
  case Words::F32:
    return b.fma(x, columns, sum);
  case Words::Bf16Pairs:
    return b.dotBf16(sum, x, columns);
  case Words::U8S8Quads:
    return b.floatsOf(b.dotU8S8(b.bitsOf(sum), x, columns));
  }
  llvm_unreachable("a kind of words");
}

/// One loop for one size of tile: every sum stays in a register from the first product to the store.
static void emitLoop(KernelBuilder &b, Rows x, Panels packed, Value depth, Rows y, int64_t rows, int64_t panels,
                     Prefetch ahead, Value accumulate) {
  constexpr int64_t lanes = KernelBuilder::lanes;
  KernelBuilder::Values rowBases, panelBases;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(b.at(x.base, b.mul(x.stride, r)));
  for (int64_t p = 0; p < panels; ++p)
    panelBases.push_back(b.at(packed.base, b.mul(packed.stride, p)));

  auto place = [&](int64_t sum) { return b.at(b.at(y.base, b.mul(y.stride, sum / panels)), sum % panels * lanes); };
  KernelBuilder::Values initial;
  for (int64_t sum = 0; sum < rows * panels; ++sum)
    initial.push_back(b.select(accumulate, b.load(place(sum)), b.splat(0.0f)));
  KernelBuilder::Values sums = b.forRange(b.integer(0), depth, 1, initial, [&](Value k, ValueRange carried) {
    Value line = b.mul(k, lanes), asked = b.atByte(ahead.base, b.mul(k, ahead.step));
    KernelBuilder::Values columns, next(carried);
    for (Value base : panelBases) {
      b.prefetch(asked);
      asked = b.atByte(asked, ahead.stride);
      columns.push_back(b.load(b.at(base, line)));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value value = b.broadcast(b.loadScalar(b.at(rowBases[r], k)));
      for (int64_t p = 0; p < panels; ++p)
        next[r * panels + p] = multiplyAdd(b, packed.words, next[r * panels + p], value, columns[p]);
    }
    return next;
  });

  for (int64_t sum = 0; sum < rows * panels; ++sum)
    b.store(sums[sum], place(sum));
}

/// The module's tile function for such words; added by the first kernel that calls it.
static func::FuncOp tileFunction(ModuleOp module, Words words, IsaLevel level) {
  std::string name = words == Words::F32         ? "lathe_tile_f32"
                     : words == Words::Bf16Pairs ? "lathe_tile_bf16"
                                                 : "lathe_tile_u8s8";
  // A module that kernels of several levels are built in needs one for each.
  if (words != Words::F32)
    name += "_level" + std::to_string(static_cast<int>(level));
  if (auto present = module.lookupSymbol<func::FuncOp>(name))
    return present;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type integer = builder.getI64Type();
  auto function =
      func::FuncOp::create(builder, module.getLoc(), name,
                           builder.getFunctionType({pointer, integer, pointer, integer, integer, pointer, integer,
                                                    integer, pointer, integer, integer, builder.getI1Type()},
                                                   {}));
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));

  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelBuilder b(builder, module.getLoc(), level);
  Rows x = {function.getArgument(0), function.getArgument(1)};
  Panels packed = {function.getArgument(2), function.getArgument(3), words};
  Rows y = {function.getArgument(5), function.getArgument(6)};
  b.switchOn(function.getArgument(7), tileRows * tilePanels, [&](int64_t shape) {
    emitLoop(b, x, packed, /*depth=*/function.getArgument(4), y, shape / tilePanels + 1, shape % tilePanels + 1,
             {function.getArgument(8), function.getArgument(9), function.getArgument(10)}, function.getArgument(11));
  });
  func::ReturnOp::create(b);
  return function;
}

Prefetch prefetchOwn(KernelBuilder &b, Panels packed) {
  constexpr int64_t lines = 32;
  return {b.at(packed.base, lines * KernelBuilder::lanes), b.integer(lineBytes),
          b.mul(packed.stride, int64_t(sizeof(float)))};
}

Prefetch prefetchPart(KernelBuilder &b, Panels packed, Value depth, Value part, Value parts, int64_t bytes) {
  // Rounded up, so that nothing is left out where a tile asks for less than a line with each k.
  Value step = b.ceilDiv(b.integer(bytes), parts);
  return {b.atByte(packed.base, b.mul(b.mul(part, step), depth)), step, b.mul(packed.stride, int64_t(sizeof(float)))};
}

void emitTile(KernelBuilder &b, Rows x, Panels packed, Value depth, Rows y, Value rows, Value panels, Prefetch ahead,
              Value accumulate) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Value shape = b.add(b.mul(b.add(rows, -1), tilePanels), b.add(panels, -1));
  func::CallOp::create(b, tileFunction(module, packed.words, b.level),
                       ValueRange{x.base, x.stride, packed.base, packed.stride, depth, y.base, y.stride, shape,
                                  ahead.base, ahead.step, ahead.stride, accumulate});
}

} // namespace lathe
