#include "backends/cpu/kernels/MicroTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {

/// One loop for one size of tile: every sum stays in a register from the first product to the store.
static void emitLoop(KernelBuilder &b, Rows x, Panels packed, Value depth, Rows y, int64_t rows, int64_t panels,
                     Value ahead) {
  constexpr int64_t lanes = KernelBuilder::lanes;
  KernelBuilder::Values rowBases, panelBases;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(b.at(x.base, b.mul(x.stride, r)));
  for (int64_t p = 0; p < panels; ++p)
    panelBases.push_back(b.at(packed.base, b.mul(packed.stride, p)));

  KernelBuilder::Values zeros(rows * panels, b.splat(0.0f));
  KernelBuilder::Values sums = b.forRange(b.integer(0), depth, 1, zeros, [&](Value k, ValueRange carried) {
    Value line = b.mul(k, lanes);
    KernelBuilder::Values columns, next(carried);
    for (Value base : panelBases) {
      b.prefetch(b.at(base, b.add(line, ahead)));
      columns.push_back(b.load(b.at(base, line)));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value value = b.broadcast(b.loadScalar(b.at(rowBases[r], k)));
      for (int64_t p = 0; p < panels; ++p)
        next[r * panels + p] = b.fma(value, columns[p], next[r * panels + p]);
    }
    return next;
  });

  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < panels; ++p)
      b.store(sums[r * panels + p], b.at(b.at(y.base, b.mul(y.stride, r)), p * lanes));
}

/// The module's tile function; added by the first kernel that calls it.
static func::FuncOp tileFunction(ModuleOp module) {
  constexpr StringLiteral name = "lathe_tile_f32";
  if (auto present = module.lookupSymbol<func::FuncOp>(name))
    return present;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type integer = builder.getI64Type();
  auto function = func::FuncOp::create(
      builder, module.getLoc(), name,
      builder.getFunctionType({pointer, integer, pointer, integer, integer, pointer, integer, integer, integer}, {}));
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));

  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelBuilder b(builder, module.getLoc());
  Rows x = {function.getArgument(0), function.getArgument(1)};
  Panels packed = {function.getArgument(2), function.getArgument(3)};
  Rows y = {function.getArgument(5), function.getArgument(6)};
  b.switchOn(function.getArgument(7), tileRows * tilePanels, [&](int64_t shape) {
    emitLoop(b, x, packed, /*depth=*/function.getArgument(4), y, shape / tilePanels + 1, shape % tilePanels + 1,
             /*ahead=*/function.getArgument(8));
  });
  func::ReturnOp::create(b);
  return function;
}

void emitTile(KernelBuilder &b, Rows x, Panels packed, Value depth, Rows y, Value rows, Value panels, Value ahead) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Value shape = b.add(b.mul(b.add(rows, -1), tilePanels), b.add(panels, -1));
  func::CallOp::create(b, tileFunction(module),
                       ValueRange{x.base, x.stride, packed.base, packed.stride, depth, y.base, y.stride, shape, ahead});
}

} // namespace lathe
