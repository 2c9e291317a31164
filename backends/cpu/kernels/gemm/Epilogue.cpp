#include "backends/cpu/kernels/Greatest.h"
#include "backends/cpu/kernels/VectorMath.h"
#include "backends/cpu/kernels/gemm/Gemm.h"

using namespace mlir;

namespace lathe::gemm {

static constexpr int64_t lanes = KernelBuilder::lanes;

Operands::Operands(KernelBuilder &b, const Parameters &params, Storage storage)
    : params(params), words(storage.words), int4Group(storage.int4Group),
      narrow(words != Words::F32 && params.flag("y_bf16")), x(b.pointerSlot(X)), ldx(b.integerSlot(LdX)),
      w(b.pointerSlot(W)), bias(b.pointerSlot(Bias)), residual(b.pointerSlot(Residual)), ldr(b.integerSlot(LdR)),
      y(b.pointerSlot(Y)), ldy(b.integerSlot(LdY)), rows(b.integerSlot(M)), columns(b.integerSlot(N)),
      depth(b.integerSlot(K)) {
  Value width = depth;
  if (int64_t elements = elementsPerWord(words); elements > 1) {
    ldx = b.div(ldx, b.integer(elements));
    depth = b.ceilDiv(depth, elements);
  }
  if (int4Group) {
    const Int4Panels panels = Int4Panels::of(b, w, width, int4Group);
    panelHeader = panels.firstLine;
    panelStride = panels.stride;
  } else {
    panelHeader = b.integer(panelHeaderWords(words));
    panelStride = b.add(b.mul(depth, lanes), panelHeader);
  }
  if (words == Words::U8S8Quads && !int4Group && params.flag("y_u8"))
    steps = QuantizedSteps::ofRange(b, b.pointerSlot(Range));
}

int64_t Operands::rowHeader() const { return words == Words::U8S8Quads ? quantizedRowHeader / 4 : 0; }

Value Operands::xAt(KernelBuilder &b, Value row) const { return b.at(x, b.add(b.mul(row, ldx), rowHeader())); }
Value Operands::panelAt(KernelBuilder &b, Value column) const {
  return b.at(w, b.mul(b.div(column, b.integer(lanes)), panelStride));
}
Value Operands::wAt(KernelBuilder &b, Value column, Value k) const {
  return b.atByte(b.at(panelAt(b, column), panelHeader), b.mul(k, storedLineBytes()));
}
Int4Panels Operands::int4PanelsAt(KernelBuilder &b, Value column) const {
  return {panelAt(b, column), panelStride, panelHeader, int4Group};
}
Value Operands::yAt(KernelBuilder &b, Value row, Value column) const {
  Value element = b.add(b.mul(row, ldy), column);
  if (steps)
    return b.atByte(y, b.add(element, quantizedRowHeader));
  return narrow ? b.atBf16(y, element) : b.at(y, element);
}
Value Operands::residualAt(KernelBuilder &b, Value row, Value column) const {
  return b.at(residual, b.add(b.mul(row, ldr), column));
}

Value Operands::scaled(KernelBuilder &b, Value sums, Value row, Value column, Value sumsOfBytes) const {
  if (words != Words::U8S8Quads)
    return sums;
  Value header = b.at(x, b.mul(row, ldx)), zero = b.loadWord(b.at(header, 1)), scale = b.loadScalar(header);
  Value ofWeights = panelAt(b, column);
  Value sumsOfWeights = b.bitsOf(b.load(int4Group ? sumsOfBytes : b.at(ofWeights, lanes)));
  Value excess = b.mul(b.broadcast(zero), sumsOfWeights);
  Value exact = b.floatOf(b.sub(b.bitsOf(sums), excess));
  return b.mul(b.mul(exact, b.broadcast(scale)), int4Group ? b.loadBf16(ofWeights) : b.load(ofWeights));
}

/// Stores the greatest of sixteen columns' numbers, and which it is.
static void storeGreatest(KernelBuilder &b, const Operands &operands, Value numbers, Value row, Value column,
                          Value mask) {
  Value sixteens = b.ceilDiv(operands.columns, lanes);
  Value y = b.at(b.at(operands.y, b.mul(row, operands.ldy)), b.div(column, b.integer(lanes)));
  Greatest::of(b, numbers, Greatest::columnsFrom(b, column), mask).store(b, y, b.at(y, sixteens));
}

void emitEpilogue(KernelBuilder &b, const Operands &operands, Value staged, Value row, Value firstColumn, Value width,
                  Value sumsOfBytes) {
  const Parameters &params = operands.params;
  Value bias = b.at(operands.bias, firstColumn), residual = operands.residualAt(b, row, firstColumn);
  Value y = operands.yAt(b, row, firstColumn);
  if (operands.steps) // a row's header is written with its first columns
    b.ifTrue(b.equal(firstColumn, b.integer(0)),
             [&] { operands.steps->storeHeader(b, b.atByte(operands.y, b.mul(row, operands.ldy))); });
  b.forVectors(width, [&](Value column, Value mask) {
    Value v = operands.scaled(b, b.load(b.at(staged, column)), row, b.add(firstColumn, column),
                              sumsOfBytes ? b.at(sumsOfBytes, column) : Value());
    if (params.flag("bias"))
      v = b.add(v, b.load(b.at(bias, column)));
    v = emitActivation(b, params.choice("activation"), v);
    if (params.flag("residual"))
      v = b.add(v, b.load(b.at(residual, column), mask));
    if (params.flag("best"))
      storeGreatest(b, operands, v, row, b.add(firstColumn, column), mask);
    else if (operands.steps)
      operands.steps->store(b, v, b.atByte(y, column));
    else if (operands.narrow)
      b.storeBf16(v, b.atBf16(y, column));
    else
      b.store(v, b.at(y, column), mask);
  });
}

void emitEpiloguePrefetch(KernelBuilder &b, const Operands &operands, Value from, Value to, Value column,
                          int64_t columns) {
  auto prefetch = [&](Value row) {
    for (int64_t line = 0; line < columns; line += lanes)
      b.prefetch(b.at(row, line));
  };
  b.forRange(from, to, 1, [&](Value row) {
    if (operands.params.flag("residual"))
      prefetch(operands.residualAt(b, row, column));
    if (!operands.params.flag("best"))
      prefetch(operands.yAt(b, row, column));
  });
}

} // namespace lathe::gemm
