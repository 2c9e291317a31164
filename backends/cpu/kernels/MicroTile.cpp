#include "backends/cpu/kernels/MicroTile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lineBytes = KernelBuilder::lanes * sizeof(float);

Rows rowsFrom(KernelBuilder &b, Words words, Value base, Value stride, Value row, Value column) {
  assert(words != Words::U8S8Quads && "rows of bytes have headers");
  Value element = b.add(b.mul(row, stride), column);
  if (words == Words::F32)
    return {b.at(base, element), stride};
  return {b.atBf16(base, element), b.div(stride, b.integer(elementsPerWord(words)))};
}

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

/// The same pointer, of which LLVM no longer knows what it was made of. Loops keep such pointers in registers of their
/// own instead of making one from the other in every turn.
static Value unrelated(KernelBuilder &b, Value pointer) {
  return LLVM::LaunderInvariantGroupOp::create(b, b.getLoc(), pointer);
}

/// One loop for one size of tile: every sum stays in a register from the first product to the store.
///
/// What addresses cost matters: on Intel's cores integer instructions take turns with FMAs on the same ports. Hence
/// four values of k in a turn and pointers that move along, one for three rows, whose strides x86 adds for nothing
/// (128x768x768 on an Intel Xeon with AMX: 77 % of peak with ten such instructions for a k, 85 % with eight for four).
static void emitLoop(KernelBuilder &b, Rows x, Panels packed, Value depth, Rows y, int64_t rows, int64_t panels,
                     Prefetch ahead, Value accumulate) {
  constexpr int64_t lanes = KernelBuilder::lanes, rowsOfPointer = 3;
  auto place = [&](int64_t sum) { return b.at(b.at(y.base, b.mul(y.stride, sum / panels)), sum % panels * lanes); };
  KernelBuilder::Values state;
  for (int64_t sum = 0; sum < rows * panels; ++sum)
    state.push_back(b.select(accumulate, b.load(place(sum)), b.splat(0.0f)));
  const size_t pointers = state.size();
  for (int64_t r = 0; r < rows; r += rowsOfPointer)
    state.push_back(unrelated(b, b.at(x.base, b.mul(x.stride, r))));
  const size_t ofColumns = state.size(), ofAhead = ofColumns + 1;
  state.append({packed.base, ahead.base});

  /// So many values of k, for which lines are asked for once.
  auto turn = [&](int64_t count, ValueRange carried) {
    KernelBuilder::Values next(carried);
    for (int64_t k = 0; k < count; ++k) {
      KernelBuilder::Values columns;
      for (int64_t p = 0; p < panels; ++p) {
        if (k == 0)
          b.prefetch(b.atByte(next[ofAhead], b.mul(ahead.stride, p)), KernelBuilder::Cache::Second);
        columns.push_back(b.load(b.at(b.at(next[ofColumns], b.mul(packed.stride, p)), k * lanes)));
      }
      for (int64_t r = 0; r < rows; ++r) {
        Value row = b.at(next[pointers + r / rowsOfPointer], b.mul(x.stride, r % rowsOfPointer));
        Value value = b.broadcast(b.loadScalar(b.at(row, k)));
        for (int64_t p = 0; p < panels; ++p)
          next[r * panels + p] = multiplyAdd(b, packed.words, next[r * panels + p], value, columns[p]);
      }
    }
    for (size_t pointer = pointers; pointer < ofColumns; ++pointer)
      next[pointer] = b.at(next[pointer], count);
    next[ofColumns] = b.at(next[ofColumns], count * lanes);
    next[ofAhead] = b.atByte(next[ofAhead], b.mul(ahead.step, count));
    return next;
  };
  Value done = b.integer(0);
  if (rows == tileRows && panels == tilePanels) {
    // Whole tiles do most of the work. It is enough to ask once where that is for a line at most.
    constexpr int64_t unrolled = 4;
    Value isSlow = b.less(b.mul(ahead.step, unrolled), b.integer(lineBytes + 1));
    done = b.select(isSlow, b.mul(b.div(depth, b.integer(unrolled)), unrolled), done);
    state = b.forRange(b.integer(0), done, unrolled, state,
                       [&](Value, ValueRange carried) { return turn(unrolled, carried); });
  }
  state = b.forRange(done, depth, 1, state, [&](Value, ValueRange carried) { return turn(1, carried); });

  for (int64_t sum = 0; sum < rows * panels; ++sum)
    b.store(state[sum], place(sum));
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
