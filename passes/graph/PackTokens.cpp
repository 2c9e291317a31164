//===- PackTokens.cpp - [batch, seq] becomes one token axis -------------------===//
#include "ir/xf/TokenAxes.h"
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

/// A function's attention mask on a token axis, before or after packing; null if it is given none.
Value findMask(func::FuncOp function, xf::Rows axis, const xf::TokenAxes &axes) {
  for (BlockArgument argument : function.getArguments())
    if (isMask(argument.getType()) && axes.of(argument) == axis)
      return argument;
  return nullptr;
}

/// The masks of a function.
struct Masks {
  Masks(func::FuncOp function, const xf::TokenAxes &axes)
      : axes(axes), ofTokens(findMask(function, xf::Rows::Tokens, axes)),
        ofTargets(findMask(function, xf::Rows::Targets, axes)) {}

  /// That of the axis that a value lies on.
  Value of(Value value) const { return axes.of(value) == xf::Rows::Targets ? ofTargets : ofTokens; }

  const xf::TokenAxes &axes;
  const Value ofTokens, ofTargets;
};

/// Why `op` cannot work on packed tokens, or nothing.
std::optional<std::string> whyNotPacked(Operation *op, const Masks &masks) {
  auto name = [&] { return "'" + op->getName().getStringRef().str() + "'"; };
  auto wantsMask = [&](Value used, Value of) -> std::optional<std::string> {
    if (used && used == masks.of(of))
      return std::nullopt;
    return name() + " does not use the attention mask, so padding would change its result";
  };
  auto knowsMask = [&](Value of) -> std::optional<std::string> {
    if (masks.of(of))
      return std::nullopt;
    return name() + " stands where no attention mask is known";
  };
  return llvm::TypeSwitch<Operation *, std::optional<std::string>>(op)
      .Case<xf::LoadWeightOp, xf::ConcatOp, xf::LookupOp, xf::BlendOp, xf::EmbedOp, xf::LinearOp, xf::SplitOp,
            xf::AddOp, xf::ScaleOp, xf::ActivateOp, xf::LayerNormOp, xf::HeadNormOp, xf::NormalizeOp, xf::JoinOp,
            xf::AnglesOp, xf::RotateOp, xf::RandomFeaturesOp, xf::AxisIdsOp, xf::ConstantOp, xf::MapOp, xf::CombineOp,
            xf::SelectOp, xf::ReduceOp, func::ReturnOp>([](auto) { return std::nullopt; })
      .Case([&](xf::AttentionOp attention) {
        std::optional<std::string> reason = wantsMask(attention.getMask(), attention.getKey());
        return reason ? reason : knowsMask(attention.getQuery());
      })
      .Case<xf::LinearAttentionOp, xf::ChunkAttentionOp>(
          [&](auto attention) { return wantsMask(attention.getMask(), attention.getKey()); })
      .Case([&](xf::RememberOp remember) {
        std::optional<std::string> reason = knowsMask(remember.getX());
        return reason ? reason : knowsMask(remember.getMemory());
      })
      .Case([&](xf::PoolOp pool) { return wantsMask(pool.getMask(), pool.getX()); })
      .Case([&](xf::FirstTokenOp first) { return knowsMask(first.getX()); })
      .Case<xf::LayerOp, xf::LayersOp>([&](auto call) -> std::optional<std::string> {
        for (Value operand : call.getInputs())
          if (isMask(operand.getType()) && operand != masks.of(operand))
            return name() + " is given a mask that is not the attention mask";
        return std::nullopt;
      })
      .Default([&](Operation *) { return name() + " mixes tokens and does not know cu_seqlens"; });
}

struct PackTokens : impl::PackTokensPassBase<PackTokens> {
  void runOnOperation() override {
    const xf::TokenAxes axes(getOperation());
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      const Masks masks(function, axes);
      auto decline = [&](const Twine &why) {
        recordDeclined(&function.getBody().front().back(), "PackTokens", "the token axis",
                       ("@" + function.getSymName() + why).str());
      };
      for (xf::Rows axis : {xf::Rows::Tokens, xf::Rows::Targets})
        if (llvm::count_if(function.getArguments(), [&](BlockArgument argument) {
              return isMask(argument.getType()) && axes.of(argument) == axis;
            }) > 1)
          return decline(" takes several masks");
      if (function->hasAttr(xf::XfDialect::entryAttr))
        for (BlockArgument argument : function.getArguments())
          if (isPadded(cast<RankedTensorType>(argument.getType())) && !masks.of(argument))
            return decline(" has no attention mask to tell which tokens exist");
      for (Operation &op : function.getBody().front())
        if (std::optional<std::string> reason = whyNotPacked(&op, masks))
          return recordDeclined(&op, "PackTokens", "the token axis", *reason);
    }
    for (func::FuncOp function : functions)
      pack(function, Masks(function, axes));
    for (func::FuncOp function : functions)
      if (function->hasAttr(xf::XfDialect::entryAttr))
        recordMade(&function.getBody().front().back(), "PackTokens", "the token axis");
  }

  /// "decoder_attention_mask" is "decoder_cu_seqlens" now.
  static void renameMask(func::FuncOp function, unsigned index) {
    StringRef prefix = function.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr).getValue();
    prefix.consume_back("attention_mask");
    function.setArgAttr(index, xf::XfDialect::inputAttr, StringAttr::get(function.getContext(), prefix + "cu_seqlens"));
  }

  static void pack(func::FuncOp function, const Masks &masks) {
    for (BlockArgument argument : function.getArguments()) {
      if (isMask(argument.getType()) && function->hasAttr(xf::XfDialect::entryAttr))
        renameMask(function, argument.getArgNumber());
      argument.setType(packedType(argument.getType()));
    }
    for (Operation &op : function.getBody().front()) {
      for (Value result : op.getResults())
        result.setType(packedType(result.getType()));
      llvm::TypeSwitch<Operation *>(&op)
          .Case([&](xf::AttentionOp attention) {
            attention.getMaskMutable().clear();
            attention.getCuSeqlensMutable().assign(masks.of(attention.getQuery()));
            if (masks.axes.of(attention.getQuery()) != masks.axes.of(attention.getKey()))
              attention.getKeyCuSeqlensMutable().assign(masks.of(attention.getKey()));
          })
          .Case<xf::LinearAttentionOp, xf::ChunkAttentionOp>([&](auto attention) {
            attention.getMaskMutable().clear();
            attention.getCuSeqlensMutable().assign(masks.of(attention.getKey()));
          })
          .Case([&](xf::RememberOp remember) {
            remember.getOffsetsMutable().assign({masks.of(remember.getMemory()), masks.of(remember.getX())});
          })
          .Case([&](xf::PoolOp pool) {
            pool.getMaskMutable().clear();
            pool.getCuSeqlensMutable().assign(masks.of(pool.getX()));
          })
          .Case([&](xf::FirstTokenOp first) { first.getCuSeqlensMutable().assign(masks.of(first.getX())); });
    }
    Operation *terminator = function.getBody().front().getTerminator();
    function.setType(
        FunctionType::get(function.getContext(), function.getBody().getArgumentTypes(), terminator->getOperandTypes()));
  }
};

} // namespace
} // namespace lathe
