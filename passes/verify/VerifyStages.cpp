//===- VerifyStages.cpp - the promises between stages, checked ----------------===//
//
// A failure here is a defect of the compiler, never of a model: the message names the op that broke the promise.
//
//===----------------------------------------------------------------------===//
#include "passes/verify/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYIMPORTPASS
#define GEN_PASS_DEF_VERIFYGRAPHPASS
#define GEN_PASS_DEF_VERIFYPRECISIONPASS
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#define GEN_PASS_DEF_VERIFYKERNELSPASS
#include "passes/verify/Passes.h.inc"

namespace {

bool isEntry(func::FuncOp function) { return function->hasAttr(xf::XfDialect::entryAttr); }

/// Reports the first op for which `broken` gives a reason.
LogicalResult checkOps(ModuleOp module, llvm::function_ref<std::optional<std::string>(Operation *)> broken) {
  WalkResult result = module.walk([&](Operation *op) {
    if (std::optional<std::string> reason = broken(op)) {
      op->emitOpError() << *reason;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult checkEntries(ModuleOp module, llvm::function_ref<std::optional<std::string>(func::FuncOp)> broken) {
  bool any = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!isEntry(function))
      continue;
    any = true;
    if (std::optional<std::string> reason = broken(function))
      return function.emitOpError() << *reason;
  }
  return any ? success() : module.emitError("has no entry function");
}

bool hasTensor(TypeRange types) { return llvm::any_of(types, llvm::IsaPred<TensorType>); }

struct VerifyImport : impl::VerifyImportPassBase<VerifyImport> {
  void runOnOperation() override {
    auto named = [](func::FuncOp entry) -> std::optional<std::string> {
      for (unsigned index = 0; index < entry.getNumArguments(); ++index)
        if (!entry.getArgAttr(index, xf::XfDialect::inputAttr))
          return "argument " + std::to_string(index) + " names no input";
      for (unsigned index = 0; index < entry.getNumResults(); ++index)
        if (auto rows = entry.getResultAttrOfType<StringAttr>(index, xf::XfDialect::rowsAttr);
            !entry.getResultAttr(index, xf::XfDialect::outputAttr) || !rows || !xf::symbolizeRows(rows.getValue()))
          return "result " + std::to_string(index) + " names no output or no kind of rows";
      return std::nullopt;
    };
    auto unfused = [](Operation *op) -> std::optional<std::string> {
      if (isa<xf::AttentionOp, xf::EmbedOp, xf::LayersOp, xf::RowGroupOp>(op))
        return "is a fused form, which importers do not write";
      return std::nullopt;
    };
    if (failed(checkEntries(getOperation(), named)) || failed(checkOps(getOperation(), unfused)))
      signalPassFailure();
  }
};

struct VerifyGraph : impl::VerifyGraphPassBase<VerifyGraph> {
  void runOnOperation() override {
    auto oneForm = [](func::FuncOp entry) -> std::optional<std::string> {
      bool dense = false, packed = false;
      for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
        auto name = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr);
        dense |= name == "attention_mask";
        packed |= name == "cu_seqlens";
      }
      if (dense && packed)
        return std::string("is both dense and packed");
      return std::nullopt;
    };
    if (failed(checkEntries(getOperation(), oneForm)))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!isEntry(function) && SymbolTable::symbolKnownUseEmpty(function, getOperation())) {
        function.emitOpError("is a layer that nothing calls");
        return signalPassFailure();
      }
  }
};

struct VerifyPrecision : impl::VerifyPrecisionPassBase<VerifyPrecision> {
  void runOnOperation() override {
    auto unsupported = [](Operation *op) -> std::optional<std::string> {
      for (Type type : op->getResultTypes())
        if (auto tensor = dyn_cast<RankedTensorType>(type);
            tensor && isa<FloatType>(tensor.getElementType()) && !tensor.getElementType().isF32())
          return std::string("computes in a type that no kernel has; accepted is f32");
      return std::nullopt;
    };
    if (failed(checkOps(getOperation(), unsupported)))
      signalPassFailure();
  }
};

struct VerifySchedule : impl::VerifySchedulePassBase<VerifySchedule> {
  void runOnOperation() override {
    auto unplanned = [](Operation *op) -> std::optional<std::string> {
      if (hasTensor(op->getResultTypes()) || hasTensor(op->getOperandTypes()))
        return std::string("still has a tensor");
      if (auto buffer = dyn_cast<xf::BufferOp>(op); buffer && !buffer.getOffset())
        return std::string("has no place in the arena");
      return std::nullopt;
    };
    auto formula = [](func::FuncOp entry) -> std::optional<std::string> {
      if (!entry->hasAttr(xf::XfDialect::arenaAttr) || !entry->hasAttr(xf::XfDialect::scratchAttr))
        return std::string("has no memory formula");
      return std::nullopt;
    };
    if (failed(checkOps(getOperation(), unplanned)) || failed(checkEntries(getOperation(), formula)))
      signalPassFailure();
  }
};

struct VerifyKernels : impl::VerifyKernelsPassBase<VerifyKernels> {
  void runOnOperation() override {
    auto remains = [](Operation *op) -> std::optional<std::string> {
      if (isa_and_nonnull<xf::XfDialect>(op->getDialect()))
        return std::string("should have been lowered");
      return std::nullopt;
    };
    auto frame = [](func::FuncOp entry) -> std::optional<std::string> {
      if (entry.getNumArguments() != 1 || entry.getNumResults() != 1)
        return std::string("is no function of a frame");
      return std::nullopt;
    };
    if (failed(checkOps(getOperation(), remains)) || failed(checkEntries(getOperation(), frame)))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
