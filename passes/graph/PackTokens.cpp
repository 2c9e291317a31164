//===- PackTokens.cpp - [batch, seq] becomes one token axis -------------------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PACKTOKENSPASS
#include "passes/graph/Passes.h.inc"

namespace {

bool isMask(Type type) { return cast<RankedTensorType>(type).getElementType().isInteger(1); }

/// Whether a tensor is [batch, seq, ...]: the only ones whose first two extents are both dynamic.
bool isPadded(RankedTensorType type) { return type.getRank() >= 2 && type.isDynamicDim(0) && type.isDynamicDim(1); }

/// [batch, seq, ...] -> [tokens, ...]; a mask becomes cu_seqlens; other types stay.
Type packedType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (!isPadded(tensor))
    return type;
  if (isMask(type))
    return RankedTensorType::get({ShapedType::kDynamic}, IntegerType::get(type.getContext(), 32));
  return tensor.clone(tensor.getShape().drop_front());
}

/// The argument that is the attention mask, before or after packing; null if there is none.
Value findMask(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (isMask(argument.getType()))
      return argument;
  return nullptr;
}

/// Why `op` cannot work on packed tokens, or nothing.
std::optional<std::string> whyNotPacked(Operation *op, Value mask) {
  auto name = [&] { return "'" + op->getName().getStringRef().str() + "'"; };
  auto wantsMask = [&](Value used) -> std::optional<std::string> {
    if (used && used == mask)
      return std::nullopt;
    return name() + " does not use the attention mask, so padding would change its result";
  };
  return llvm::TypeSwitch<Operation *, std::optional<std::string>>(op)
      .Case<xf::LoadWeightOp, xf::ConcatOp, xf::LookupOp, xf::EmbedOp, xf::LinearOp, xf::SplitOp, xf::AddOp,
            xf::ScaleOp, xf::ActivateOp, xf::LayerNormOp, xf::HeadNormOp, xf::NormalizeOp, xf::JoinOp, xf::AnglesOp,
            xf::RotateOp, xf::ConstantOp, xf::MapOp, xf::CombineOp, xf::SelectOp, xf::ReduceOp, func::ReturnOp>(
          [](auto) { return std::nullopt; })
      .Case([&](xf::AttentionOp attention) { return wantsMask(attention.getMask()); })
      .Case([&](xf::PoolOp pool) { return wantsMask(pool.getMask()); })
      .Case([&](xf::FirstTokenOp) -> std::optional<std::string> {
        if (mask)
          return std::nullopt;
        return name() + " stands where no attention mask is known";
      })
      .Case<xf::LayerOp, xf::LayersOp>([&](auto call) -> std::optional<std::string> {
        for (Value operand : call.getInputs())
          if (isMask(operand.getType()) && operand != mask)
            return name() + " is given a mask that is not the attention mask";
        return std::nullopt;
      })
      .Default([&](Operation *) { return name() + " mixes tokens and does not know cu_seqlens"; });
}

struct PackTokens : impl::PackTokensPassBase<PackTokens> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      Value mask = findMask(function);
      if (llvm::count_if(function.getArgumentTypes(), isMask) > 1)
        return recordDeclined(&function.getBody().front().back(), "PackTokens", "the token axis",
                              "@" + function.getSymName() + " takes several masks");
      if (!mask && function->hasAttr(xf::XfDialect::entryAttr))
        return recordDeclined(&function.getBody().front().back(), "PackTokens", "the token axis",
                              "@" + function.getSymName() + " has no attention mask to tell which tokens exist");
      for (Operation &op : function.getBody().front())
        if (std::optional<std::string> reason = whyNotPacked(&op, mask))
          return recordDeclined(&op, "PackTokens", "the token axis", *reason);
    }
    for (func::FuncOp function : functions)
      pack(function);
    for (func::FuncOp function : functions)
      if (function->hasAttr(xf::XfDialect::entryAttr))
        recordMade(&function.getBody().front().back(), "PackTokens", "the token axis");
  }

  static void pack(func::FuncOp function) {
    Value mask = findMask(function);
    for (BlockArgument argument : function.getArguments()) {
      if (argument == mask && function->hasAttr(xf::XfDialect::entryAttr))
        function.setArgAttr(argument.getArgNumber(), xf::XfDialect::inputAttr,
                            StringAttr::get(function.getContext(), "cu_seqlens"));
      argument.setType(packedType(argument.getType()));
    }
    for (Operation &op : function.getBody().front()) {
      for (Value result : op.getResults())
        result.setType(packedType(result.getType()));
      llvm::TypeSwitch<Operation *>(&op)
          .Case<xf::AttentionOp, xf::PoolOp>([&](auto masked) {
            masked.getMaskMutable().clear();
            masked.getCuSeqlensMutable().assign(mask);
          })
          .Case([&](xf::FirstTokenOp first) { first.getCuSeqlensMutable().assign(mask); });
    }
    Operation *terminator = function.getBody().front().getTerminator();
    function.setType(
        FunctionType::get(function.getContext(), function.getBody().getArgumentTypes(), terminator->getOperandTypes()));
  }
};

} // namespace
} // namespace lathe
