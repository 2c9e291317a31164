#include "backends/cpu/kernels/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {
namespace {

/// Pointers into tensors promise no more than the alignment of a float; unaligned vector loads cost nothing when the
/// address happens to be aligned.
constexpr unsigned floatAlignment = 4, bf16Alignment = 2;

bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value.getType())); }

} // namespace

KernelBuilder::KernelBuilder(func::FuncOp kernel, IsaLevel level)
    : ImplicitLocOpBuilder(kernel.getLoc(), kernel.getContext()), level(level), begin(kernel.getArgument(1)),
      end(kernel.getArgument(2)), scratch(kernel.getArgument(3)), arguments(kernel.getArgument(0)) {
  setInsertionPointToEnd(&kernel.getBody().front());
}

VectorType KernelBuilder::vectorType() { return VectorType::get({lanes}, getF32Type()); }
Type KernelBuilder::pointerType() { return LLVM::LLVMPointerType::get(getContext()); }

// Slots.

Value KernelBuilder::slotAddress(unsigned index) {
  return LLVM::GEPOp::create(*this, pointerType(), getI64Type(), arguments,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
}
Value KernelBuilder::pointerSlot(unsigned index) {
  return LLVM::LoadOp::create(*this, pointerType(), slotAddress(index));
}
Value KernelBuilder::integerSlot(unsigned index) {
  return LLVM::LoadOp::create(*this, getI64Type(), slotAddress(index));
}
Value KernelBuilder::floatSlot(unsigned index) { return LLVM::LoadOp::create(*this, getF32Type(), slotAddress(index)); }

// Constants.

Value KernelBuilder::integer(int64_t value) {
  return arith::ConstantOp::create(*this, getI64Type(), getI64IntegerAttr(value));
}
Value KernelBuilder::flag(bool value) { return arith::ConstantOp::create(*this, getI1Type(), getBoolAttr(value)); }
Value KernelBuilder::scalar(float value) {
  return arith::ConstantOp::create(*this, getF32Type(), getF32FloatAttr(value));
}
Value KernelBuilder::splat(float value) {
  return arith::ConstantOp::create(*this, vectorType(), DenseElementsAttr::get(vectorType(), value));
}
Value KernelBuilder::splatBits(int32_t value) {
  auto type = VectorType::get({lanes}, getI32Type());
  return arith::ConstantOp::create(*this, type, DenseElementsAttr::get(type, value));
}
Value KernelBuilder::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, VectorType::get({lanes}, scalar.getType()), scalar);
}

// Arithmetic.

Value KernelBuilder::add(Value a, Value b) {
  if (isFloat(a))
    return arith::AddFOp::create(*this, a, b);
  return arith::AddIOp::create(*this, a, b);
}
Value KernelBuilder::sub(Value a, Value b) {
  if (isFloat(a))
    return arith::SubFOp::create(*this, a, b);
  return arith::SubIOp::create(*this, a, b);
}
Value KernelBuilder::mul(Value a, Value b) {
  if (isFloat(a))
    return arith::MulFOp::create(*this, a, b);
  return arith::MulIOp::create(*this, a, b);
}
Value KernelBuilder::div(Value a, Value b) {
  if (isFloat(a))
    return arith::DivFOp::create(*this, a, b);
  return arith::DivSIOp::create(*this, a, b);
}
Value KernelBuilder::rem(Value a, Value b) { return arith::RemSIOp::create(*this, a, b); }
Value KernelBuilder::fma(Value a, Value b, Value c) { return LLVM::FMAOp::create(*this, a, b, c); }
Value KernelBuilder::sqrt(Value a) { return LLVM::SqrtOp::create(*this, a.getType(), a); }
Value KernelBuilder::min(Value a, Value b) { return select(less(a, b), a, b); }
Value KernelBuilder::max(Value a, Value b) { return select(less(b, a), a, b); }
Value KernelBuilder::less(Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value KernelBuilder::equal(Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, b);
}
Value KernelBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value KernelBuilder::bitsOf(Value floats) {
  return arith::BitcastOp::create(*this, VectorType::get({lanes}, getI32Type()), floats);
}
Value KernelBuilder::shiftLeft(Value bits, int32_t by) { return arith::ShLIOp::create(*this, bits, splatBits(by)); }
Value KernelBuilder::shiftRight(Value bits, int32_t by) { return arith::ShRUIOp::create(*this, bits, splatBits(by)); }
Value KernelBuilder::maskBits(Value bits, int32_t mask) { return arith::AndIOp::create(*this, bits, splatBits(mask)); }
Value KernelBuilder::mulHalves(Value a, Value b) {
  auto halves = [&](Value words) {
    return LLVM::BitcastOp::create(*this, VectorType::get({2 * lanes}, getI16Type()), words);
  };
  return LLVM::BitcastOp::create(*this, wordType(), mul(halves(a), halves(b)));
}
Value KernelBuilder::subBytes(Value a, Value b) {
  auto bytes = [&](Value words) {
    return LLVM::BitcastOp::create(*this, VectorType::get({4 * lanes}, getI8Type()), words);
  };
  return LLVM::BitcastOp::create(*this, wordType(), sub(bytes(a), bytes(b)));
}
Value KernelBuilder::floatsOf(Value bits) { return arith::BitcastOp::create(*this, vectorType(), bits); }
Value KernelBuilder::constantAt(ArrayRef<float> constants, Value index) {
  Value table = arith::ConstantOp::create(*this, vectorType(), DenseElementsAttr::get(vectorType(), constants));
  auto name = getStringAttr("llvm.x86.avx512.permvar.sf.512");
  return LLVM::CallIntrinsicOp::create(*this, vectorType(), name, SmallVector<Value>{table, index}).getResult(0);
}
/// An instruction that has a mask, here of all lanes, and a rounding mode of its own, here none.
static Value maskedIntrinsic(KernelBuilder &b, StringRef name, SmallVector<Value> operands) {
  Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
  Value current = arith::ConstantOp::create(b, b.getI32IntegerAttr(4)); // _MM_FROUND_CUR_DIRECTION
  operands.append({b.splat(0.0f), all, current});
  return LLVM::CallIntrinsicOp::create(b, b.vectorType(), b.getStringAttr(name), operands).getResult(0);
}
Value KernelBuilder::fraction(Value a) {
  Value towardsLess = arith::ConstantOp::create(*this, getI32IntegerAttr(9)); // no fraction bits are kept, and no flags
  return maskedIntrinsic(*this, "llvm.x86.avx512.mask.reduce.ps.512", {a, towardsLess});
}
Value KernelBuilder::timesPowerOf2(Value a, Value exponent) {
  return maskedIntrinsic(*this, "llvm.x86.avx512.mask.scalef.ps.512", {a, exponent});
}
Value KernelBuilder::dotBf16(Value sum, Value a, Value b) {
  if (level >= IsaLevel::Avx512Bf16) {
    auto pairs = VectorType::get({2 * lanes}, getBF16Type());
    SmallVector<Value> operands = {sum, LLVM::BitcastOp::create(*this, pairs, a),
                                   LLVM::BitcastOp::create(*this, pairs, b)};
    auto name = getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512");
    return LLVM::CallIntrinsicOp::create(*this, vectorType(), name, operands).getResult(0);
  }
  // A bf16 is the upper half of a float.
  auto upper = [&](Value word) {
    return floatsOf(arith::AndIOp::create(*this, bitsOf(word), splatBits(int32_t(0xFFFF0000))));
  };
  auto lower = [&](Value word) { return floatsOf(shiftLeft(bitsOf(word), 16)); };
  return fma(lower(a), lower(b), fma(upper(a), upper(b), sum));
}
Value KernelBuilder::dotU8S8(Value sum, Value a, Value b) {
  auto call = [&](StringRef name, VectorType type, ArrayRef<Value> leading, Value x, Value y) {
    SmallVector<Value> operands(leading);
    for (Value value : {x, y})
      operands.push_back(LLVM::BitcastOp::create(*this, type, value));
    return LLVM::CallIntrinsicOp::create(*this, wordType(), getStringAttr(name), operands).getResult(0);
  };
  if (level >= IsaLevel::Avx512Vnni)
    return call("llvm.x86.avx512.vpdpbusd.512", VectorType::get({4 * lanes}, getI8Type()), {sum}, a, b);
  // Of each pair of bytes first the lower ones, then the upper ones, widened to 16 bits, whose products of two cannot
  // overflow as those of vpmaddubsw can.
  auto halves = VectorType::get({2 * lanes}, getI16Type());
  auto eight = [&] { return arith::ConstantOp::create(*this, halves, DenseElementsAttr::get(halves, int16_t(8))); };
  Value words = bitsOf(a), signedPairs = LLVM::BitcastOp::create(*this, halves, b);
  Value lowerA = arith::AndIOp::create(*this, words, splatBits(0x00FF00FF));
  Value upperA =
      arith::AndIOp::create(*this, arith::ShRUIOp::create(*this, words, splatBits(8)), splatBits(0x00FF00FF));
  Value lowerB = arith::ShRSIOp::create(*this, arith::ShLIOp::create(*this, signedPairs, eight()), eight());
  Value upperB = arith::ShRSIOp::create(*this, signedPairs, eight());
  for (auto [x, y] : {std::pair(lowerA, lowerB), std::pair(upperA, upperB)})
    sum = add(sum, call("llvm.x86.avx512.pmaddw.d.512", halves, {}, x, y));
  return sum;
}
Value KernelBuilder::floatOf(Value integer) {
  auto vector = dyn_cast<VectorType>(integer.getType());
  return arith::SIToFPOp::create(*this, vector ? Type(vectorType()) : getF32Type(), integer);
}
Value KernelBuilder::round(Value a) { return LLVM::RoundEvenOp::create(*this, a.getType(), a); }

Value KernelBuilder::wordOf(Value scalar) {
  if (!isFloat(scalar))
    return arith::TruncIOp::create(*this, getI32Type(), scalar);
  return arith::FPToSIOp::create(*this, getI32Type(), scalar);
}

Value KernelBuilder::wordsOf(Value vector) { return arith::FPToSIOp::create(*this, wordType(), vector); }
Value KernelBuilder::laneNumbers() { return lanesOf(llvm::to_vector(llvm::seq<int32_t>(lanes))); }

// Lanes.

Value KernelBuilder::shuffle(Value a, Value b, ArrayRef<int64_t> indices) {
  return vector::ShuffleOp::create(*this, a, b, indices);
}
Value KernelBuilder::firstLane(Value vector) { return vector::ExtractOp::create(*this, vector, 0); }

/// Folds the upper half of the lanes onto the lower half until one is left.
static Value foldLanes(KernelBuilder &b, Value vector, function_ref<Value(Value, Value)> combine) {
  for (int64_t half = KernelBuilder::lanes / 2; half > 0; half /= 2) {
    SmallVector<int64_t> upper;
    for (int64_t lane = 0; lane < KernelBuilder::lanes; ++lane)
      upper.push_back((lane + half) % KernelBuilder::lanes);
    vector = combine(vector, b.shuffle(vector, vector, upper));
  }
  return b.firstLane(vector);
}
Value KernelBuilder::sumOfLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return add(a, b); });
}
Value KernelBuilder::maxOfLanes(Value vector) {
  return foldLanes(*this, vector, [&](Value a, Value b) { return max(a, b); });
}

Value KernelBuilder::firstLanes(Value count) {
  auto type = VectorType::get({lanes}, getI32Type());
  SmallVector<int32_t> indices;
  for (int32_t lane = 0; lane < lanes; ++lane)
    indices.push_back(lane);
  Value lane = arith::ConstantOp::create(*this, type, DenseElementsAttr::get(type, ArrayRef<int32_t>(indices)));
  // 32-bit lanes compare twice as many at once; a count is clamped so that none is lost on the way.
  Value clamped = max(min(count, integer(lanes)), integer(0));
  Value narrow = arith::TruncIOp::create(*this, getI32Type(), clamped);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lane, broadcast(narrow));
}

// Memory.

Value KernelBuilder::at(Value base, Value index) {
  return LLVM::GEPOp::create(*this, pointerType(), getF32Type(), base, ArrayRef<LLVM::GEPArg>{index});
}
Value KernelBuilder::at(Value base, int64_t index) { return at(base, integer(index)); }
Value KernelBuilder::atByte(Value base, Value index) {
  return LLVM::GEPOp::create(*this, pointerType(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{index});
}
Value KernelBuilder::loadScalar(Value address) {
  return LLVM::LoadOp::create(*this, getF32Type(), address, floatAlignment);
}
Value KernelBuilder::loadPointer(Value address) { return LLVM::LoadOp::create(*this, pointerType(), address); }
Value KernelBuilder::loadWord(Value address) {
  return LLVM::LoadOp::create(*this, getI32Type(), address, floatAlignment);
}
Value KernelBuilder::loadWords(Value address) {
  return LLVM::LoadOp::create(*this, wordType(), address, floatAlignment);
}
Value KernelBuilder::loadByte(Value address) {
  Value byte = LLVM::LoadOp::create(*this, getI8Type(), address);
  return arith::ExtUIOp::create(*this, getI64Type(), byte);
}
Value KernelBuilder::isNull(Value pointer) {
  Value null = LLVM::ZeroOp::create(*this, pointerType());
  return LLVM::ICmpOp::create(*this, LLVM::ICmpPredicate::eq, pointer, null);
}
Value KernelBuilder::loadIndex(Value address) {
  Value index = LLVM::LoadOp::create(*this, getI32Type(), address);
  return arith::ExtSIOp::create(*this, getI64Type(), index);
}
Value KernelBuilder::nonZeroBytes(Value address, Value mask) {
  auto type = VectorType::get({lanes}, getI8Type());
  Value zeros = arith::ConstantOp::create(*this, type, getZeroAttr(type));
  Value bytes = LLVM::MaskedLoadOp::create(*this, type, address, mask, zeros, /*alignment=*/1);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, bytes, zeros);
}
Value KernelBuilder::nonZeroWords(Value address, Value mask) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, bitsOf(load(address, mask)), splatBits(0));
}
Value KernelBuilder::countOf(Value mask) {
  Value bits = LLVM::BitcastOp::create(*this, getI16Type(), mask);
  return arith::ExtUIOp::create(*this, getI64Type(), LLVM::CtPopOp::create(*this, bits));
}
void KernelBuilder::storeScalar(Value value, Value address) {
  LLVM::StoreOp::create(*this, value, address, floatAlignment);
}
Value KernelBuilder::load(Value address, Value mask) {
  if (!mask)
    return LLVM::LoadOp::create(*this, vectorType(), address, floatAlignment);
  return LLVM::MaskedLoadOp::create(*this, vectorType(), address, mask, splat(0.0f), floatAlignment);
}
void KernelBuilder::store(Value vector, Value address, Value mask) {
  if (!mask)
    LLVM::StoreOp::create(*this, vector, address, floatAlignment);
  else
    LLVM::MaskedStoreOp::create(*this, vector, address, mask, floatAlignment);
}
void KernelBuilder::storeCompressed(Value vector, Value address, Value mask) {
  LLVM::masked_compressstore::create(*this, vector, address, mask);
}
/// f32 words at address + indices[lane] * stride.
Value KernelBuilder::elementAddresses(Value address, ArrayRef<int64_t> indices, Value stride) {
  auto indexType = VectorType::get({lanes}, getI64Type());
  Value index = arith::ConstantOp::create(*this, indexType, DenseElementsAttr::get(indexType, indices));
  Value offsets = mul(index, broadcast(stride));
  return LLVM::GEPOp::create(*this, VectorType::get({lanes}, pointerType()), getF32Type(), address,
                             ArrayRef<LLVM::GEPArg>{offsets});
}
Value KernelBuilder::allLanes() {
  auto flags = VectorType::get({lanes}, getI1Type());
  return arith::ConstantOp::create(*this, flags, DenseElementsAttr::get(flags, true));
}
Value KernelBuilder::gatherWords(Value address, ArrayRef<int64_t> indices, Value stride, Value mask) {
  return LLVM::masked_gather::create(*this, vectorType(), elementAddresses(address, indices, stride), mask,
                                     ValueRange{splat(0.0f)}, getI32IntegerAttr(floatAlignment));
}
void KernelBuilder::scatter(Value vector, Value address, Value stride, Value mask) {
  Value addresses = elementAddresses(address, llvm::to_vector(llvm::seq<int64_t>(lanes)), stride);
  LLVM::masked_scatter::create(*this, vector, addresses, mask ? mask : allLanes(), getI32IntegerAttr(floatAlignment));
}
Value KernelBuilder::gather(Value address, Value stride, Value mask) {
  return gatherWords(address, llvm::to_vector(llvm::seq<int64_t>(lanes)), stride, mask);
}
Value KernelBuilder::gatherAt(Value base, Value indices, Value mask) {
  Value addresses = LLVM::GEPOp::create(*this, VectorType::get({lanes}, pointerType()), getF32Type(), base,
                                        ArrayRef<LLVM::GEPArg>{indices});
  return LLVM::masked_gather::create(*this, vectorType(), addresses, mask ? mask : allLanes(), ValueRange{splat(0.0f)},
                                     getI32IntegerAttr(floatAlignment));
}
Value KernelBuilder::gatherBf16Pairs(Value address, Value stride, Value mask) {
  SmallVector<int64_t> indices;
  SmallVector<int32_t> shifts; // that bring a lane's half of the word to the top
  for (int64_t lane = 0; lane < lanes; ++lane) {
    indices.push_back(lane / 2);
    shifts.push_back(lane % 2 ? 0 : 16);
  }
  Value words = bitsOf(gatherWords(address, indices, stride, mask));
  Value top = arith::ShLIOp::create(*this, words, lanesOf(shifts));
  return floatsOf(arith::AndIOp::create(*this, top, splatBits(int32_t(0xFFFF0000))));
}
Value KernelBuilder::lanesOf(ArrayRef<int32_t> values) {
  return arith::ConstantOp::create(*this, wordType(), DenseElementsAttr::get(wordType(), values));
}
Value KernelBuilder::gatherS8Quads(Value address, Value stride, Value mask) {
  SmallVector<int64_t> indices;
  SmallVector<int32_t> shifts; // that bring a lane's byte of the word to the top
  for (int64_t lane = 0; lane < lanes; ++lane) {
    indices.push_back(lane / 4);
    shifts.push_back(24 - lane % 4 * 8);
  }
  Value words = bitsOf(gatherWords(address, indices, stride, mask));
  Value top = arith::ShLIOp::create(*this, words, lanesOf(shifts));
  return floatOf(arith::ShRSIOp::create(*this, top, splatBits(24)));
}
Value KernelBuilder::loadS8(Value address, Value mask) {
  auto type = VectorType::get({lanes}, getI8Type());
  Value bytes;
  if (mask) {
    Value zeros = arith::ConstantOp::create(*this, type, getZeroAttr(type));
    bytes = LLVM::MaskedLoadOp::create(*this, type, address, mask, zeros, /*alignment=*/1);
  } else {
    bytes = LLVM::LoadOp::create(*this, type, address, /*alignment=*/1);
  }
  return floatOf(arith::ExtSIOp::create(*this, wordType(), bytes));
}
Value KernelBuilder::loadBytesRepeated(Value address) {
  Value bytes = LLVM::LoadOp::create(*this, VectorType::get({lanes}, getI8Type()), address, /*alignment=*/1);
  SmallVector<int64_t> indices;
  for (int64_t byte = 0; byte < 4 * lanes; ++byte)
    indices.push_back(byte / 4);
  return LLVM::BitcastOp::create(*this, wordType(), shuffle(bytes, bytes, indices));
}
void KernelBuilder::storeBytes(Value vector, Value address) {
  Value words = arith::FPToSIOp::create(*this, wordType(), vector);
  Value bytes = arith::TruncIOp::create(*this, VectorType::get({lanes}, getI8Type()), words);
  LLVM::StoreOp::create(*this, bytes, address, /*alignment=*/1);
}
void KernelBuilder::storeByte(Value byte, Value address) {
  LLVM::StoreOp::create(*this, arith::TruncIOp::create(*this, getI8Type(), byte), address);
}
Value KernelBuilder::loadBf16(Value address, Value mask) {
  // As integers: without instructions for bf16, LLVM would call a library to make them.
  auto type = VectorType::get({lanes}, getI16Type());
  Value halves;
  if (mask) {
    Value zeros = arith::ConstantOp::create(*this, type, getZeroAttr(type));
    halves = LLVM::MaskedLoadOp::create(*this, type, address, mask, zeros, bf16Alignment);
  } else {
    halves = LLVM::LoadOp::create(*this, type, address, bf16Alignment);
  }
  return widened(halves);
}
/// Bf16, as i16, as floats.
Value KernelBuilder::widened(Value halves) {
  return floatsOf(shiftLeft(arith::ExtUIOp::create(*this, wordType(), halves), 16));
}
/// The bits of floats rounded to bf16, in the lower halves of words.
Value KernelBuilder::bf16Bits(Value vector) {
  auto upperHalf = [&](Value bits) { return arith::ShRUIOp::create(*this, bits, splatBits(16)); };
  Value bits = bitsOf(vector), isOdd = arith::AndIOp::create(*this, upperHalf(bits), splatBits(1));
  Value rounded = upperHalf(add(bits, add(isOdd, splatBits(0x7FFF))));
  // A carry out of a NaN's bits would make it a number.
  Value isNaN = arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, vector, vector);
  return select(isNaN, splatBits(0x7FC0), rounded);
}
Value KernelBuilder::bf16Pairs(Value lower, Value upper) {
  Value below = arith::ShRUIOp::create(*this, bitsOf(lower), splatBits(16));
  return floatsOf(arith::OrIOp::create(*this, below, bitsOf(upper)));
}
/// Floats rounded to bf16, as i16.
Value KernelBuilder::bf16Halves(Value vector) {
  auto halves = VectorType::get({lanes}, getI16Type());
  if (level < IsaLevel::Avx512Bf16)
    return arith::TruncIOp::create(*this, halves, bf16Bits(vector));
  Value rounded = arith::TruncFOp::create(*this, VectorType::get({lanes}, getBF16Type()), vector);
  return arith::BitcastOp::create(*this, halves, rounded);
}
void KernelBuilder::storeBf16(Value vector, Value address, Value mask) {
  Value halves = bf16Halves(vector);
  if (mask)
    LLVM::MaskedStoreOp::create(*this, halves, address, mask, bf16Alignment);
  else
    LLVM::StoreOp::create(*this, halves, address, bf16Alignment);
}
Value KernelBuilder::storeRoundedBf16(Value vector, Value address) {
  Value halves = bf16Halves(vector);
  LLVM::StoreOp::create(*this, halves, address, bf16Alignment);
  return widened(halves);
}
void KernelBuilder::prefetch(Value address, Cache cache) {
  // For reading, data.
  LLVM::Prefetch::create(*this, address, /*rw=*/0, /*hint=*/cache == Cache::First ? 3 : 2, /*cache=*/1);
}

// Control.

void KernelBuilder::forRange(Value from, Value to, int64_t step, LoopBody body) {
  forRange(from, to, step, {}, [&](Value index, ValueRange) {
    body(index);
    return Values();
  });
}

KernelBuilder::Values KernelBuilder::forRange(Value from, Value to, int64_t step, ValueRange initial,
                                              CarryingBody body) {
  auto loop = scf::ForOp::create(*this, from, to, integer(step), initial);
  InsertionGuard guard(*this);
  // A loop without values is born with its terminator, one with values is not.
  setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!initial.empty())
    scf::YieldOp::create(*this, next);
  return Values(loop.getResults());
}

void KernelBuilder::ifTrue(Value condition, Body body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

void KernelBuilder::ifElse(Value condition, Body then, Body otherwise) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

void KernelBuilder::switchOn(Value selector, int64_t cases, function_ref<void(int64_t)> body) {
  SmallVector<int64_t> values;
  for (int64_t value = 1; value < cases; ++value)
    values.push_back(value);
  Value index = arith::IndexCastOp::create(*this, getIndexType(), selector);
  auto choice = scf::IndexSwitchOp::create(*this, TypeRange{}, index, values, cases - 1);
  InsertionGuard guard(*this);
  // Case 0 is the default region.
  for (int64_t value = 0; value < cases; ++value) {
    Region &region = value == 0 ? choice.getDefaultRegion() : choice.getCaseRegions()[value - 1];
    setInsertionPointToStart(&region.emplaceBlock());
    body(value);
    scf::YieldOp::create(*this);
  }
}

void KernelBuilder::forVectors(Value width, function_ref<void(Value, Value)> body) {
  forVectors(width, {}, [&](Value offset, Value mask, ValueRange) {
    body(offset, mask);
    return Values();
  });
}

KernelBuilder::Values KernelBuilder::forVectors(Value width, ValueRange initial,
                                                function_ref<Values(Value, Value, ValueRange)> body) {
  Value left = rem(width, integer(lanes));
  Value full = sub(width, left);
  Values values = forRange(integer(0), full, lanes, initial,
                           [&](Value offset, ValueRange carried) { return body(offset, nullptr, carried); });
  auto tail = scf::IfOp::create(*this, ValueRange(initial).getTypes(), less(integer(0), left),
                                /*withElseRegion=*/!initial.empty());
  InsertionGuard guard(*this);
  // As with loops, only an op without results is born with its terminators.
  auto fill = [&](Block *block, function_ref<Values()> produce) {
    setInsertionPointToStart(block);
    Values results = produce();
    if (!initial.empty())
      scf::YieldOp::create(*this, results);
  };
  fill(tail.thenBlock(), [&] { return body(full, firstLanes(left), values); });
  if (initial.empty())
    return {};
  fill(tail.elseBlock(), [&] { return values; });
  return Values(tail.getResults());
}

Value KernelBuilder::sumVectors(Value width, function_ref<Value(Value, Value, Value)> body) {
  constexpr int64_t sums = 4, step = sums * lanes;
  Value unrolled = mul(div(width, integer(step)), step);
  Values partial =
      forRange(integer(0), unrolled, step, Values(sums, splat(0.0f)), [&](Value offset, ValueRange carried) {
        Values next;
        for (int64_t i = 0; i < sums; ++i)
          next.push_back(body(add(offset, i * lanes), nullptr, carried[i]));
        return next;
      });
  Value total = add(add(partial[0], partial[1]), add(partial[2], partial[3]));
  return forVectors(sub(width, unrolled), total, [&](Value offset, Value mask, ValueRange carried) {
    return Values{body(add(unrolled, offset), mask, carried[0])};
  })[0];
}

} // namespace lathe
