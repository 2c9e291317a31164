//===- LowerEntries.cpp - scheduled entries into functions of a frame ---------===//
//
// A scheduled entry has few kinds of ops: sizes in arithmetic, addresses, launches, and loops over layers. Each is
// turned into i64 arithmetic, an address, or a call; there is nothing to convert patterns for.
//
//===----------------------------------------------------------------------===//
#include "backends/cpu/LoweredEntry.h"
#include "backends/cpu/Passes.h"
#include "lathe/program.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstddef>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERENTRIESPASS
#include "backends/cpu/Passes.h.inc"

namespace {

class EntryLowering {
public:
  EntryLowering(func::FuncOp entry) : entry(entry), builder(entry->getContext()), loc(entry.getLoc()) {}

  LogicalResult run();

private:
  LogicalResult lowerBlock(Block &block);
  LogicalResult lower(Operation *op);
  LogicalResult lowerLoop(scf::ForOp loop);
  LogicalResult lowerLaunch(xf::LaunchOp launch);
  DictionaryAttr describeResult(xf::LaunchOp launch);
  Value weightAddress(xf::WeightAddressOp op);
  Value bufferAddress(xf::BufferOp op);

  Type pointer() { return LLVM::LLVMPointerType::get(builder.getContext()); }
  Value constant(int64_t value) { return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value)); }
  Value atByte(Value base, Value offset) {
    return LLVM::GEPOp::create(builder, loc, pointer(), builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset});
  }
  Value load(Type type, Value base, int64_t byteOffset) {
    return LLVM::LoadOp::create(builder, loc, type, atByte(base, constant(byteOffset)));
  }
  Value field(Type type, size_t offset) { return load(type, frame, offset); }
  /// The address that an array of pointers holds at `index`.
  Value element(Value array, Value index) {
    Value address = LLVM::GEPOp::create(builder, loc, pointer(), pointer(), array, ArrayRef<LLVM::GEPArg>{index});
    return LLVM::LoadOp::create(builder, loc, pointer(), address);
  }
  /// The cast goes away when both sides are LLVM's.
  Value functionAddress(func::FuncOp function) {
    Value address = func::ConstantOp::create(builder, loc, function.getFunctionType(), function.getSymName());
    return UnrealizedConversionCastOp::create(builder, loc, pointer(), address).getResult(0);
  }
  /// A count rounded up to whole LATHE_ROW_QUANTUMs, as lathe_size_formula counts.
  Value rounded(Value count) {
    Value up = arith::AddIOp::create(builder, loc, count, constant(LATHE_ROW_QUANTUM - 1));
    return arith::AndIOp::create(builder, loc, up, constant(-LATHE_ROW_QUANTUM));
  }
  /// A constant i64 table, and its entry at `index`. Values that lie evenly, as weights of layers that share none do,
  /// are computed instead: code and constants do not grow with the number of layers.
  Value tableEntry(ArrayRef<int64_t> values, Value index, StringRef name);

  func::FuncOp entry, lowered;
  OpBuilder builder;
  Location loc;
  IRMapping values;
  Value frame, slots;
  static constexpr size_t regionCount = xf::getMaxEnumValForRows() + 1;
  std::array<Value, regionCount> regionBases, regionRows; ///< of the arena, by kind of rows
  SmallVector<Attribute> steps;
  int64_t timesPerRun = 1; ///< that the op being lowered is done
  unsigned tables = 0;
};

LogicalResult EntryLowering::run() {
  const unsigned sizeCount =
      llvm::count_if(entry.getArgumentTypes(), [](Type type) { return type.isInteger(64); }); // inputs are in memory
  if (sizeCount != 3 && sizeCount != 5)
    return entry.emitError("has ") << entry.getNumArguments()
                                   << " arguments; a scheduled entry ends in tokens, batch and longest, and with a "
                                      "second token axis targets and the longest of these";
  builder.setInsertionPoint(entry);
  lowered = func::FuncOp::create(builder, loc, loweredEntrySymbol(entry.getSymName()),
                                 builder.getFunctionType({pointer()}, {builder.getI32Type()}));
  Block *block = lowered.addEntryBlock();
  frame = block->getArgument(0);
  builder.setInsertionPointToStart(block);

  Type i64 = builder.getI64Type();
  Value inputs = field(pointer(), offsetof(lathe_frame, inputs));
  unsigned inputCount = entry.getNumArguments() - sizeCount;
  for (unsigned index = 0; index < inputCount; ++index)
    values.map(entry.getArgument(index), element(inputs, constant(index)));
  Value tokens = field(i64, offsetof(lathe_frame, tokens)), batch = field(i64, offsetof(lathe_frame, batch)),
        longest = field(i64, offsetof(lathe_frame, longest)), targets = field(i64, offsetof(lathe_frame, targets)),
        longestTargets = field(i64, offsetof(lathe_frame, longest_targets));
  const Value sizes[] = {tokens, batch, longest, targets, longestTargets};
  for (auto [argument, size] : llvm::zip_first(entry.getArguments().drop_front(inputCount), sizes))
    values.map(argument, size);

  // The arena's regions, one per kind of rows, follow each other as in lathe_size_formula.
  auto arena = entry->getAttrOfType<DictionaryAttr>(xf::XfDialect::arenaAttr);
  auto pairs = [&](Value queries, Value keys) { // dense entries only, where tokens = batch * longest
    return rounded(arith::MulIOp::create(builder, loc, queries, keys));
  };
  regionRows = {rounded(tokens),
                rounded(batch),
                pairs(tokens, longest),
                rounded(targets),
                pairs(targets, longestTargets),
                pairs(targets, longest),
                pairs(tokens, longestTargets)};
  Value base = field(pointer(), offsetof(lathe_frame, arena));
  for (size_t index = 0; index < regionCount; ++index) {
    const auto rows = xf::Rows(index);
    auto bytesPerRow = arena ? arena.getAs<IntegerAttr>(xf::bytesPerRowName(rows)) : IntegerAttr();
    if (!bytesPerRow && rows >= xf::Rows::Targets) // there may be no second token axis
      continue;
    if (!bytesPerRow)
      return entry.emitError("has no arena plan; run lathe-plan-arena first");
    regionBases[index] = base;
    Value bytes = arith::MulIOp::create(builder, loc, regionRows[index], constant(bytesPerRow.getInt()));
    base = atByte(base, bytes);
  }

  unsigned mostSlots = 1;
  entry.walk([&](xf::LaunchOp launch) { mostSlots = std::max<unsigned>(mostSlots, launch.getInputs().size()); });
  slots = LLVM::AllocaOp::create(builder, loc, pointer(), i64, constant(mostSlots));

  if (failed(lowerBlock(entry.getBody().front())))
    return failure();
  Value ok = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(LATHE_OK));
  func::ReturnOp::create(builder, loc, ok);
  for (NamedAttribute attribute : entry->getDiscardableAttrs())
    lowered->setAttr(attribute.getName(), attribute.getValue());
  SmallVector<Attribute> inputDescriptions;
  for (unsigned index = 0; index < inputCount; ++index)
    inputDescriptions.push_back(entry.getArgAttrDict(index));
  lowered->setAttr(xf::XfDialect::inputsAttr, builder.getArrayAttr(inputDescriptions));
  lowered->setAttr(xf::XfDialect::stepsAttr, builder.getArrayAttr(steps));
  entry.erase();
  return success();
}

LogicalResult EntryLowering::lowerBlock(Block &block) {
  for (Operation &op : block)
    if (failed(lower(&op)))
      return failure();
  return success();
}

LogicalResult EntryLowering::lower(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<func::ReturnOp, scf::YieldOp>([](auto) { return success(); })
      .Case([&](scf::ForOp loop) { return lowerLoop(loop); })
      .Case([&](xf::LaunchOp launch) { return lowerLaunch(launch); })
      .Case([&](xf::WeightAddressOp op) { return values.map(op.getResult(), weightAddress(op)), success(); })
      .Case([&](xf::BufferOp op) { return values.map(op.getResult(), bufferAddress(op)), success(); })
      .Case([&](xf::OutputAddressOp op) {
        Value index = tableEntry(op.getOutputs(), values.lookupOrNull(op.getIndex()), "outputs");
        values.map(op.getResult(), element(field(pointer(), offsetof(lathe_frame, outputs)), index));
        return success();
      })
      .Case([&](xf::ColumnsOp op) {
        Value bytes = constant(op.getFrom() * cast<MemRefType>(op.getType()).getElementTypeBitWidth() / CHAR_BIT);
        values.map(op.getResult(), atByte(values.lookup(op.getBuffer()), bytes));
        return success();
      })
      .Default([&](Operation *op) -> LogicalResult {
        if (!isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
          return op->emitOpError("is not part of a scheduled entry");
        builder.clone(*op, values);
        return success();
      });
}

LogicalResult EntryLowering::lowerLoop(scf::ForOp loop) {
  auto lowerBound = values.lookup(loop.getLowerBound()), upper = values.lookup(loop.getUpperBound()),
       step = values.lookup(loop.getStep());
  std::optional<int64_t> first = getConstantIntValue(loop.getLowerBound()),
                         last = getConstantIntValue(loop.getUpperBound()), stride = getConstantIntValue(loop.getStep());
  if (!first || !last || !stride || *stride < 1)
    return loop.emitOpError("goes from a bound to a bound that are not constants; a scheduled entry loops over layers");
  // The loop is left early when a launch fails, so it is blocks and branches rather than an scf.for.
  Block *header = lowered.addBlock(), *body = lowered.addBlock(), *after = lowered.addBlock();
  Value index = header->addArgument(builder.getI64Type(), loc);
  cf::BranchOp::create(builder, loc, header, ValueRange{lowerBound});
  builder.setInsertionPointToStart(header);
  Value more = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, index, upper);
  cf::CondBranchOp::create(builder, loc, more, body, after);
  builder.setInsertionPointToStart(body);
  values.map(loop.getInductionVar(), index);
  int64_t outside =
      std::exchange(timesPerRun, timesPerRun * llvm::divideCeil(std::max<int64_t>(*last - *first, 0), *stride));
  if (failed(lowerBlock(*loop.getBody())))
    return failure();
  timesPerRun = outside;
  Value next = arith::AddIOp::create(builder, loc, index, step);
  cf::BranchOp::create(builder, loc, header, ValueRange{next});
  builder.setInsertionPointToStart(after);
  return success();
}

Value EntryLowering::tableEntry(ArrayRef<int64_t> entries, Value index, StringRef name) {
  if (!index)
    return constant(entries.front());
  int64_t step = entries.size() > 1 ? entries[1] - entries[0] : 0;
  bool even =
      llvm::all_of(llvm::seq<size_t>(1, entries.size()), [&](size_t i) { return entries[i] - entries[i - 1] == step; });
  if (even) {
    Value distance = arith::MulIOp::create(builder, loc, index, constant(step));
    return arith::AddIOp::create(builder, loc, constant(entries.front()), distance);
  }
  auto type = LLVM::LLVMArrayType::get(builder.getI64Type(), entries.size());
  auto symbol = (lowered.getSymName() + "." + name + "." + Twine(tables++)).str();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(lowered);
    LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                           builder.getI64TensorAttr(entries));
  }
  Value table = LLVM::AddressOfOp::create(builder, loc, pointer(), symbol);
  Value address =
      LLVM::GEPOp::create(builder, loc, pointer(), builder.getI64Type(), table, ArrayRef<LLVM::GEPArg>{index});
  return LLVM::LoadOp::create(builder, loc, builder.getI64Type(), address);
}

Value EntryLowering::weightAddress(xf::WeightAddressOp op) {
  auto module = entry->getParentOfType<ModuleOp>();
  SmallVector<int64_t> offsets;
  for (auto symbol : op.getWeights().getAsRange<FlatSymbolRefAttr>())
    offsets.push_back(module.lookupSymbol<xf::PackedWeightOp>(symbol.getAttr()).getOffset());
  Value offset = tableEntry(offsets, values.lookupOrNull(op.getIndex()), "weights");
  return atByte(field(pointer(), offsetof(lathe_frame, weights)), offset);
}

Value EntryLowering::bufferAddress(xf::BufferOp op) {
  size_t region = size_t(op.getRows());
  assert(op.getOffset() && "PlanArena has run");
  Value offset = arith::MulIOp::create(builder, loc, regionRows[region], constant(*op.getOffset()));
  return atByte(regionBases[region], offset);
}

/// What lathe_step_result says of the first buffer that a launch writes; null where that is not rows of f32 or bf16,
/// one for each token or sequence.
DictionaryAttr EntryLowering::describeResult(xf::LaunchOp launch) {
  if (launch.getWrites().empty())
    return nullptr;
  const int64_t slot = launch.getWrites().front();
  Value written = launch.getInputs()[slot];
  auto type = dyn_cast<MemRefType>(written.getType());
  if (!type || type.getRank() != 2 || !isa<Float32Type, BFloat16Type>(type.getElementType()))
    return nullptr;
  Value base = written;
  while (auto columns = base.getDefiningOp<xf::ColumnsOp>())
    base = columns.getBuffer();
  auto baseType = cast<MemRefType>(base.getType());
  xf::Rows rows = xf::Rows::Tokens;
  if (auto buffer = base.getDefiningOp<xf::BufferOp>()) {
    rows = buffer.getRows();
  } else if (auto output = base.getDefiningOp<xf::OutputAddressOp>()) {
    auto outputs = entry->getAttrOfType<ArrayAttr>(xf::XfDialect::outputsAttr);
    if (!outputs)
      return nullptr;
    auto description = cast<DictionaryAttr>(outputs[output.getOutputs().front()]);
    rows = xf::symbolizeRows(textOf(description, xf::XfDialect::rowsAttr)).value_or(rows);
  }
  if (xf::isScores(rows))
    return nullptr;
  auto number = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  return builder.getDictionaryAttr({number("slot", slot),
                                    number("dtype", type.getElementType().isF32() ? LATHE_F32 : LATHE_BF16),
                                    number("rows", rows == xf::Rows::Sequences ? LATHE_ROWS_SEQUENCES
                                                   : rows == xf::Rows::Targets ? LATHE_ROWS_TARGETS
                                                                               : LATHE_ROWS_TOKENS),
                                    number("width", type.getDimSize(1)), number("stride", baseType.getShape().back())});
}

/// Stores the slots and calls through the frame; a status other than 0 is returned at once.
LogicalResult EntryLowering::lowerLaunch(xf::LaunchOp launch) {
  auto kernelFunction = entry->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(launch.getKernel());
  if (!kernelFunction)
    return launch.emitOpError("calls ") << launch.getKernelAttr()
                                        << ", which is no function; run lathe-cpu-build-kernels first";
  for (auto [index, input] : llvm::enumerate(launch.getInputs())) {
    Value address = LLVM::GEPOp::create(builder, loc, pointer(), builder.getI64Type(), slots,
                                        ArrayRef<LLVM::GEPArg>{int32_t(index)});
    LLVM::StoreOp::create(builder, loc, values.lookup(input), address);
  }
  Type i32 = builder.getI32Type();
  auto type = LLVM::LLVMFunctionType::get(i32, {pointer(), i32, pointer(), pointer(), builder.getI64Type()});
  Value function = field(pointer(), offsetof(lathe_frame, launch));
  Value step = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(steps.size()));
  Value kernel = functionAddress(kernelFunction);
  auto call = LLVM::CallOp::create(builder, loc, type,
                                   ValueRange{function, frame, step, kernel, slots, values.lookup(launch.getPanels())});
  NamedAttrList description;
  description.set("name", launch.getStepAttr());
  description.set("kernel", launch.getKernelAttr().getAttr());
  description.set("calls", builder.getI64IntegerAttr(timesPerRun));
  if (DictionaryAttr result = describeResult(launch))
    description.set(loweredStepResult, result);
  for (auto [name, formula] : {std::pair(loweredStepFlops, launch.getFlopsAttr()),
                               {loweredStepWeightBytes, launch.getWeightBytesAttr()},
                               {loweredStepActivationBytes, launch.getActivationBytesAttr()}})
    if (formula)
      description.set(name, formula);
  steps.push_back(description.getDictionary(builder.getContext()));
  Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(LATHE_OK));
  Value failed = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, call.getResult(), zero);
  Block *stop = lowered.addBlock(), *next = lowered.addBlock();
  cf::CondBranchOp::create(builder, loc, failed, stop, next);
  builder.setInsertionPointToStart(stop);
  func::ReturnOp::create(builder, loc, call.getResult());
  builder.setInsertionPointToStart(next);
  return success();
}

struct LowerEntries : impl::LowerEntriesPassBase<LowerEntries> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto entry : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (entry->hasAttr(xf::XfDialect::entryAttr) && failed(EntryLowering(entry).run()))
        return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<xf::WeightOp, xf::PackedWeightOp>(op))
        op.erase();
  }
};

} // namespace
} // namespace lathe
