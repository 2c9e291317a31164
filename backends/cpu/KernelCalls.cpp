//===- KernelCalls.cpp - buffers, weights and launches while they are chosen --===//
#include "backends/cpu/KernelCalls.h"

#include "backends/cpu/RowKernels.h"
#include "backends/cpu/kernels/Quantized.h"
#include "backends/cpu/layouts/WeightLayout.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// WeightTable
//===----------------------------------------------------------------------===//

SmallVector<int64_t> WeightTable::shapeOf(ArrayRef<std::string> sources) {
  SmallVector<int64_t> shape;
  for (const std::string &source : sources) {
    auto type = module.lookupSymbol<xf::WeightOp>(source).getLoadedType();
    if (shape.empty())
      shape.assign(type.getShape().begin(), type.getShape().end());
    else
      shape[0] += type.getDimSize(0);
  }
  return shape;
}

FlatSymbolRefAttr WeightTable::pack(ArrayRef<std::string> sources, StringRef layout, StringRef smoothing,
                                    StringRef importance, bool counts) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Attribute> references, recipe;
  for (const std::string &source : sources) {
    references.push_back(FlatSymbolRefAttr::get(builder.getContext(), source));
    recipe.push_back(module.lookupSymbol<xf::WeightOp>(source).getContent());
  }
  recipe.push_back(builder.getStringAttr(layout));
  for (StringRef columns : {smoothing, importance})
    recipe.push_back(columns.empty() ? Attribute(builder.getUnitAttr())
                                     : module.lookupSymbol<xf::WeightOp>(columns).getContent());
  xf::PackedWeightOp &weight = packed[builder.getArrayAttr(recipe)];
  if (weight) {
    weight.setUses(weight.getUses() + counts);
    return FlatSymbolRefAttr::get(weight);
  }
  std::string name = "packed." + sources.front() + (layout.starts_with("rows") ? ".rows" : "");
  for (unsigned suffix = 1; module.lookupSymbol(name); ++suffix)
    name = "packed." + sources.front() + "." + std::to_string(suffix);
  int64_t bytes = lookupLayout(layout)->bytes(builder, shapeOf(sources));
  auto optional = [&](StringRef name) {
    return name.empty() ? FlatSymbolRefAttr() : FlatSymbolRefAttr::get(builder.getContext(), name);
  };
  weight = xf::PackedWeightOp::create(builder, builder.getUnknownLoc(), builder.getStringAttr(name),
                                      builder.getArrayAttr(references), builder.getStringAttr(layout),
                                      builder.getI64IntegerAttr(nextOffset), builder.getI64IntegerAttr(bytes),
                                      /*uses=*/builder.getI64IntegerAttr(1), optional(smoothing), optional(importance));
  nextOffset += llvm::alignTo(bytes, 64);
  return FlatSymbolRefAttr::get(weight);
}

//===----------------------------------------------------------------------===//
// KernelCalls
//===----------------------------------------------------------------------===//

Value KernelCalls::integer(int64_t value) {
  return arith::ConstantOp::create(builder, loc(), builder.getI64IntegerAttr(value));
}
Value KernelCalls::real(double value) {
  return arith::ConstantOp::create(builder, loc(), builder.getF32FloatAttr(float(value)));
}

Value KernelCalls::countOf(xf::Rows rows) {
  if (xf::isScores(rows))
    return arith::MulIOp::create(builder, loc(), countOf(xf::queriesOf(rows)), longestOf(xf::keysOf(rows)));
  return rows == xf::Rows::Sequences ? batch : rows == xf::Rows::Targets ? targets : tokens;
}

static MemRefType rowsType(OpBuilder &builder, int64_t width) {
  return MemRefType::get({ShapedType::kDynamic, width}, builder.getF32Type());
}

Buffer KernelCalls::allocate(xf::Rows rows, int64_t width, int64_t stride, Type element) {
  auto type = MemRefType::get({ShapedType::kDynamic, stride}, element);
  Value memref = xf::BufferOp::create(builder, loc(), type, rows, /*offset=*/IntegerAttr());
  rowsOf[memref] = rows;
  return {memref, rows, width, stride};
}
Buffer KernelCalls::allocate(xf::Rows rows, int64_t width) {
  return allocate(rows, width, width, builder.getF32Type());
}
Buffer KernelCalls::allocateWords(xf::Rows rows, int64_t width) {
  return allocate(rows, width, width, builder.getI32Type());
}
Buffer KernelCalls::allocateBf16(xf::Rows rows, int64_t width) {
  return allocate(rows, width, llvm::alignTo(width, 16), builder.getBF16Type());
}
Buffer KernelCalls::allocateQuantized(xf::Rows rows, int64_t width) {
  return allocate(rows, width, quantizedRowBytes(width), builder.getI8Type());
}

Buffer KernelCalls::output(ArrayRef<int64_t> outputs, xf::Rows rows, int64_t width, Value index) {
  Value memref = xf::OutputAddressOp::create(builder, loc(), rowsType(builder, width), outputs, index);
  rowsOf[memref] = rows;
  return {memref, rows, width, width};
}

Buffer KernelCalls::columns(const Buffer &buffer, int64_t from, int64_t width) {
  auto [strides, offset] = cast<MemRefType>(buffer.memref.getType()).getStridesAndOffset();
  auto layout = StridedLayoutAttr::get(builder.getContext(), offset + from, strides);
  auto type = MemRefType::get({ShapedType::kDynamic, width}, cast<MemRefType>(buffer.memref.getType()).getElementType(),
                              layout);
  Value memref = xf::ColumnsOp::create(builder, loc(), type, buffer.memref, builder.getI64IntegerAttr(from));
  rowsOf[memref] = buffer.rows;
  return {memref, buffer.rows, width, buffer.stride};
}

Value KernelCalls::weight(const WeightRef &ref, const Packing &packing) {
  SmallVector<Attribute> symbols;
  SmallVector<std::string> sources;
  auto add = [&](const std::string &prefix) {
    sources = llvm::map_to_vector(ref.names, [&](const std::string &name) { return prefix + name; });
    auto ofColumns = [&](const std::optional<WeightRef> &columns) {
      return columns ? (columns->perLayer ? prefix : "") + columns->names.front() : std::string();
    };
    symbols.push_back(
        weights.pack(sources, packing.layout, ofColumns(packing.smoothing), ofColumns(packing.importance), countsUses));
  };
  if (ref.perLayer)
    llvm::for_each(layerPrefixes, add);
  else
    add("");
  return xf::WeightAddressOp::create(builder, loc(),
                                     lookupLayout(packing.layout)->type(builder, weights.shapeOf(sources)),
                                     builder.getArrayAttr(symbols), ref.perLayer ? layerIndex : Value());
}

xf::WorkFormula KernelCalls::bytesOf(Value argument) const {
  auto type = argument ? dyn_cast<MemRefType>(argument.getType()) : MemRefType();
  if (!type)
    return {};
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t extent : type.getShape())
    bytes *= ShapedType::isDynamic(extent) ? 1 : extent;
  if (type.hasStaticShape())
    return {xf::WorkFormula::Fixed, bytes};
  auto rows = rowsOf.find(argument);
  assert(rows != rowsOf.end() && "every buffer comes from here");
  return {xf::termOf(rows->second), bytes};
}

void KernelCalls::Costs::add(Value argument, const xf::WorkFormula &bytes) {
  (argument.getDefiningOp<xf::WeightAddressOp>() ? weightBytes : activationBytes) += bytes;
}

void KernelCalls::launch(StringRef familyName, Params params, Arguments arguments, const Twine &step,
                         const LaunchWork &work) {
  const KernelFamily *family = lookupKernel(familyName);
  assert(family && "SelectKernels uses families that exist");
  SmallVector<Value> slots;
  SmallVector<int64_t> writes;
  Costs costs = {.flops = work.flops};
  for (auto [index, slot] : llvm::enumerate(family->slots())) {
    auto given = llvm::find_if(arguments, [&](auto &argument) { return argument.first == slot.name; });
    slots.push_back(given != arguments.end() && given->second ? given->second : integer(0));
    if (slot.name == "y" || (slot.name == "rounded" && isa<MemRefType>(slots.back().getType())))
      writes.push_back(index);
    auto partly = llvm::find_if(work.bytes, [&](auto &bytes) { return bytes.first == slot.name; });
    costs.add(slots.back(), partly != work.bytes.end() ? partly->second : bytesOf(slots.back()));
  }
  assert(llvm::all_of(arguments,
                      [&](auto &argument) {
                        return llvm::any_of(family->slots(),
                                            [&](const Slot &slot) { return slot.name == argument.first; });
                      }) &&
         "arguments are named as the family's slots");

  DictionaryAttr parameters = builder.getDictionaryAttr(params);
  launch(family->symbol(parameters), familyName, parameters, slots, family->panels(builder, loc(), parameters, slots),
         writes, costs, step);
  lathe_size_formula needed = family->scratch(parameters);
  scratch.fixed = std::max(scratch.fixed, needed.fixed);
  scratch.per_token = std::max(scratch.per_token, needed.per_token);
  scratch.per_sequence = std::max(scratch.per_sequence, needed.per_sequence);
  scratch.per_longest = std::max(scratch.per_longest, needed.per_longest);
  scratch.per_score = std::max(scratch.per_score, needed.per_score);
}

void KernelCalls::launchRows(const RowProgram &program, ValueRange slots, const Twine &step) {
  assert(slots.size() == rowKernelSlots(program) && "one value per slot");
  std::string text = printRowProgram(program);
  Costs costs; // of operations, products alone are counted
  for (Value slot : slots)
    costs.add(slot, bytesOf(slot));
  launch(rowKernelSymbol(text), rowKernelFamily, builder.getDictionaryAttr(choice(rowProgramParameter, text)), slots,
         emitRowPanels(builder, loc(), program, slots.back()), rowKernelWrites(program), costs, step);
  scratch.fixed = std::max(scratch.fixed, rowKernelScratch(program));
}

void KernelCalls::launch(StringRef symbol, StringRef family, DictionaryAttr parameters, ValueRange slots, Value panels,
                         ArrayRef<int64_t> writes, const Costs &costs, const Twine &step) {
  if (!module.lookupSymbol(symbol)) {
    OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
    xf::KernelOp::create(atEnd, loc(), builder.getStringAttr(symbol), builder.getStringAttr(family), parameters);
  }
  MLIRContext *context = builder.getContext();
  xf::LaunchOp::create(builder, loc(), FlatSymbolRefAttr::get(context, symbol), slots, panels,
                       builder.getDenseI64ArrayAttr(writes), builder.getStringAttr(function + "/" + step),
                       costs.flops.toAttribute(context), costs.weightBytes.toAttribute(context),
                       costs.activationBytes.toAttribute(context));
}

void KernelCalls::copy(const Buffer &from, const Buffer &to, const Twine &step) {
  launch("copy_f32", {},
         {{"x", from.memref},
          {"ldx", integer(from.stride)},
          {"y", to.memref},
          {"ldy", integer(to.stride)},
          {"M", countOf(from.rows)},
          {"N", integer(from.width)}},
         step);
}

NamedAttribute KernelCalls::flag(StringRef name, bool value) {
  return builder.getNamedAttr(name, builder.getBoolAttr(value));
}
NamedAttribute KernelCalls::choice(StringRef name, StringRef value) {
  return builder.getNamedAttr(name, builder.getStringAttr(value));
}
NamedAttribute KernelCalls::number(StringRef name, int64_t value) {
  return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
}

} // namespace lathe
