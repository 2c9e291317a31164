// Weights in int4 become the lines of bytes that gemm_s8 finds in memory, while they are multiplied: each byte is
// (code - zero) * step.
//
// Sixteen-bit lanes multiply two codes at once: no product is beyond 15 * 16, so none reaches into its neighbour. What
// is taken off, zero * step, is the same for a group. The sums of bytes, which take the zero points of x out of a
// product, are had from sums of codes, of which four fit side by side in 32 bits as far as 64 codes go.
//
// What takes codes apart and what multiplies use different units of a core, so both are in one loop. That loop also
// stores the bytes, for tiles of other rows.
#include "backends/cpu/kernels/gemm/Gemm.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe::gemm {

static constexpr int64_t lanes = KernelBuilder::lanes, lineBytes = lanes * sizeof(float);
static constexpr int64_t groupsAt = lanes * 2; ///< bytes behind scales of bf16
static constexpr int64_t groupBytes = lanes;
static constexpr int64_t lineCodes = 8, lineWords = 2; ///< of a row in a line of codes
/// Codes of a row whose sum, four side by side, fits in bytes: 16 times 15.
static constexpr int64_t longestChunk = 64;

Int4Panels Int4Panels::of(KernelBuilder &b, Value base, Value depth, int64_t group) {
  Value header = b.add(b.mul(b.ceilDiv(depth, group), groupBytes), groupsAt);
  Value firstLine = b.mul(b.ceilDiv(header, lineBytes), lanes);
  return {base, b.add(firstLine, b.mul(b.ceilDiv(depth, lineCodes), lanes)), firstLine, group};
}

/// The loop for one size of tile, of no rows of x if bytes and their sums are all that is wanted.
static void emitLoop(KernelBuilder &b, const Int4Panels &stored, const Int4Tile &tile, int64_t rows, int64_t panels) {
  const int64_t chunkLines = std::min(stored.group, longestChunk) / lineCodes;
  KernelBuilder::Values rowBases, groups, lines, targets, places;
  for (int64_t r = 0; r < rows; ++r)
    rowBases.push_back(b.at(tile.x.base, b.mul(tile.x.stride, r)));
  for (int64_t p = 0; p < panels; ++p) {
    Value panel = b.at(stored.base, b.mul(stored.stride, p));
    groups.push_back(b.atByte(panel, b.integer(groupsAt)));
    lines.push_back(b.at(panel, stored.firstLine));
    targets.push_back(b.at(tile.bytes.base, b.mul(tile.bytes.stride, p)));
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < panels; ++p)
      places.push_back(b.at(b.at(tile.y.base, b.mul(tile.y.stride, r)), p * lanes));
  for (int64_t p = 0; p < panels; ++p)
    places.push_back(b.at(tile.sumsOfBytes, p * lanes));
  KernelBuilder::Values initial;
  for (Value place : places)
    initial.push_back(b.select(tile.accumulate, b.load(place), b.splat(0.0f)));

  Value begin = b.div(tile.from, b.integer(lineWords)), end = b.ceilDiv(b.add(tile.from, tile.length), lineWords);
  Value firstChunk = b.div(begin, b.integer(chunkLines)), endChunk = b.ceilDiv(end, chunkLines);
  KernelBuilder::Values sums = b.forRange(firstChunk, endChunk, 1, initial, [&](Value chunk, ValueRange carried) {
    KernelBuilder::Values steps, atZero;
    for (Value base : groups) {
      Value group = b.div(chunk, b.integer(stored.group / (chunkLines * lineCodes)));
      Value ofGroup = b.loadBytesRepeated(b.atByte(base, b.mul(group, groupBytes)));
      steps.push_back(b.add(b.maskBits(ofGroup, 0x000F000F), b.splatBits(0x00010001)));
      atZero.push_back(b.mulHalves(b.maskBits(b.shiftRight(ofGroup, 4), 0x0F0F0F0F), steps.back()));
    }
    Value first = b.max(b.mul(chunk, chunkLines), begin), last = b.min(b.mul(b.add(chunk, 1), chunkLines), end);
    KernelBuilder::Values inner(carried.take_front(rows * panels));
    inner.append(panels, b.splatBits(0)); // sums of codes
    inner = b.forRange(first, last, 1, inner, [&](Value line, ValueRange carried) {
      Value word = b.mul(b.sub(line, begin), lineWords);
      Value asked = b.atByte(tile.ahead.base, b.mul(word, tile.ahead.step));
      KernelBuilder::Values lineOfCodes, next(carried);
      for (Value base : lines) {
        b.prefetch(asked, KernelBuilder::Cache::Second);
        asked = b.atByte(asked, tile.ahead.stride);
        lineOfCodes.push_back(b.bitsOf(b.load(b.at(base, b.mul(line, lanes)))));
      }
      for (int64_t half = 0; half < lineWords; ++half) {
        KernelBuilder::Values columns;
        for (int64_t p = 0; p < panels; ++p) {
          Value codes = b.maskBits(half ? b.shiftRight(lineOfCodes[p], 4) : lineOfCodes[p], 0x0F0F0F0F);
          Value &sumOfCodes = next[rows * panels + p];
          sumOfCodes = b.add(sumOfCodes, codes);
          columns.push_back(b.subBytes(b.mulHalves(codes, steps[p]), atZero[p]));
          b.store(b.floatsOf(columns[p]), b.at(b.at(targets[p], b.mul(word, lanes)), half * lanes));
        }
        for (int64_t r = 0; r < rows; ++r) {
          Value x = b.broadcast(b.loadScalar(b.at(b.at(rowBases[r], word), half)));
          for (int64_t p = 0; p < panels; ++p) {
            Value &sum = next[r * panels + p];
            sum = b.floatsOf(b.dotU8S8(b.bitsOf(sum), x, columns[p]));
          }
        }
      }
      return next;
    });
    Value codesInLane = b.broadcast(b.wordOf(b.mul(b.sub(last, first), lineCodes)));
    KernelBuilder::Values next(ArrayRef(inner).take_front(rows * panels));
    for (int64_t p = 0; p < panels; ++p) {
      Value codes = b.dotU8S8(b.splatBits(0), inner[rows * panels + p], b.splatBits(0x01010101));
      Value bytes = b.sub(b.mul(codes, b.maskBits(steps[p], 0xFF)), b.mul(codesInLane, b.maskBits(atZero[p], 0xFF)));
      next.push_back(b.floatsOf(b.add(b.bitsOf(carried[rows * panels + p]), bytes)));
    }
    return next;
  });
  for (auto [sum, place] : llvm::zip_equal(sums, places))
    b.store(sum, place);
}

/// The module's function for tiles of weights in such groups; added by the first kernel that calls it.
static func::FuncOp tileFunction(ModuleOp module, int64_t group, IsaLevel level) {
  const std::string name =
      "lathe_tile_s4_g" + std::to_string(group) + "_level" + std::to_string(static_cast<int>(level));
  if (auto present = module.lookupSymbol<func::FuncOp>(name))
    return present;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext()), integer = builder.getI64Type();
  auto function = func::FuncOp::create(
      builder, module.getLoc(), name,
      builder.getFunctionType({pointer, integer, integer, integer, integer, pointer, integer, pointer, integer, pointer,
                               integer, integer, pointer, integer, pointer, builder.getI1Type(), integer},
                              {}));
  function.setPrivate();
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));

  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelBuilder b(builder, module.getLoc(), level);
  auto argument = [&](unsigned index) -> Value { return function.getArgument(index); };
  const Int4Panels stored = {argument(0), argument(1), argument(2), group};
  const Int4Tile tile = {.from = argument(3),
                         .length = argument(4),
                         .x = {argument(5), argument(6)},
                         .y = {argument(7), argument(8)},
                         .ahead = {argument(9), argument(10), argument(11)},
                         .bytes = {argument(12), argument(13)},
                         .sumsOfBytes = argument(14),
                         .accumulate = argument(15)};
  b.switchOn(argument(16), int4TileRows * tilePanels,
             [&](int64_t shape) { emitLoop(b, stored, tile, shape / tilePanels + 1, shape % tilePanels + 1); });
  func::ReturnOp::create(b);
  return function;
}

void Int4Panels::emitTile(KernelBuilder &b, const Int4Tile &tile, Value rows, Value panels) const {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Value shape = b.add(b.mul(b.add(rows, -1), tilePanels), b.add(panels, -1));
  func::CallOp::create(b, tileFunction(module, group, b.level),
                       ValueRange{base, stride, firstLine, tile.from, tile.length, tile.x.base, tile.x.stride,
                                  tile.y.base, tile.y.stride, tile.ahead.base, tile.ahead.step, tile.ahead.stride,
                                  tile.bytes.base, tile.bytes.stride, tile.sumsOfBytes, tile.accumulate, shape});
}

void Int4Panels::emitHeaderPrefetch(KernelBuilder &b, Value panels) const {
  b.forRange(b.integer(0), panels, 1, [&](Value panel) {
    Value header = b.at(base, b.mul(panel, stride));
    b.forRange(b.integer(0), firstLine, lanes, [&](Value word) { b.prefetch(b.at(header, word)); });
  });
}

void Int4Panels::emitUnpacking(KernelBuilder &b, const Int4Tile &tile, Value panels) const {
  b.switchOn(b.add(panels, -1), unpackedPanels,
             [&](int64_t more) { emitLoop(b, *this, tile, /*rows=*/0, /*panels=*/more + 1); });
}

} // namespace lathe::gemm
