//===- NarrowResults.cpp - what becomes bytes is stored in bf16 ---------------===//
#include "ir/xf/XfDialect.h"
#include "passes/precision/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWRESULTSPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct NarrowResults : impl::NarrowResultsPassBase<NarrowResults> {
  void runOnOperation() override {
    getOperation().walk([](xf::LinearOp linear) { narrow(linear); });
    getOperation().walk([](xf::AttentionOp attention) { narrow(attention); });
  }

private:
  /// Whether a use is the x of a product that finds the range of each row.
  static bool isQuantised(OpOperand &use) {
    xf::LinearOp reader = xf::readerInBytes(use);
    return reader && !reader.getRange();
  }

  template <typename Op> static void narrow(Op op) {
    Value result = op.getResult();
    if (op.getPrecision() && !result.use_empty() && llvm::all_of(result.getUses(), isQuantised))
      op.setNarrow(true);
  }
};

} // namespace
} // namespace lathe
