//===- AssignPrecision.cpp - linears and tables get a precision ---------------===//
#include "passes/precision/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct AssignPrecision : impl::AssignPrecisionPassBase<AssignPrecision> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;

  void runOnOperation() override {
    if (precision == "f32")
      return;
    std::optional<xf::Precision> wanted = xf::symbolizePrecision(precision);
    if (!wanted) {
      getOperation().emitError() << "there is no precision '" << precision << "'; accepted are f32, bf16, int8";
      return signalPassFailure();
    }
    getOperation().walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op).Case<xf::LinearOp, xf::LookupOp, xf::EmbedOp>(
          [&](auto reader) { reader.setPrecision(wanted); });
      if (auto attention = dyn_cast<xf::AttentionOp>(op))
        attention.setPrecision(xf::Precision::BF16);
    });
  }
};

} // namespace
} // namespace lathe
