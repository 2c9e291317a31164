// A vocabulary for writing kernels: everything a kernel needs, and nothing that would need the C library.
//
// A kernel is `func.func @symbol(%args: !llvm.ptr, %begin: i64, %end: i64, %scratch: !llvm.ptr)` (lathe_kernel in
// runtime/include/lathe/program.h). Values are i64, f32, vectors of 16 f32 and pointers; addresses count f32 elements
// unless said otherwise. Every sum is written out in a fixed order: nothing here may reassociate.
#ifndef LATHE_BACKENDS_CPU_KERNELS_KERNELBUILDER_H
#define LATHE_BACKENDS_CPU_KERNELS_KERNELBUILDER_H

#include "backends/cpu/IsaLevel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe {

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;
  using Values = llvm::SmallVector<mlir::Value>;

  /// f32 values of one vector register: a property of all our ISA levels.
  static constexpr int64_t lanes = 16;

  /// Continues an empty kernel function whose entry block exists.
  KernelBuilder(mlir::func::FuncOp kernel, IsaLevel level);
  /// Emits plain i64 arithmetic wherever `builder` stands, outside of a kernel.
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, IsaLevel level = IsaLevel::Avx512)
      : ImplicitLocOpBuilder(loc, builder), level(level) {}

  /// The instructions there are: one of the levels at which the variant has code of its own (KernelFamily::levels).
  const IsaLevel level;

  /// The kernel's arguments.
  Value begin, end, scratch;

  /// The kernel's slots, by their index in its family's list.
  Value pointerSlot(unsigned index);
  Value integerSlot(unsigned index);
  Value floatSlot(unsigned index);

  Value integer(int64_t value);
  Value flag(bool value);
  Value scalar(float value);
  Value splat(float value);
  /// Sixteen lanes of an integer, for arithmetic on the bits of floats.
  Value splatBits(int32_t value);
  Value broadcast(Value scalar);

  /// Arithmetic on i64, f32 or vectors of either, by the type of `a`.
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value rem(Value a, Value b);
  Value add(Value a, int64_t b) { return add(a, integer(b)); }
  Value mul(Value a, int64_t b) { return mul(a, integer(b)); }
  Value ceilDiv(Value a, Value b) { return div(add(a, add(b, -1)), b); }
  Value ceilDiv(Value a, int64_t b) { return div(add(a, integer(b - 1)), integer(b)); }
  /// a * b + c, rounded once.
  Value fma(Value a, Value b, Value c);
  /// sum + a.1 * b.1 + a.0 * b.0, where each lane of a and b holds two bf16 (0 in the lower half), their products are
  /// exact and each addition is rounded once. With the instruction for it, denormals count as zero.
  Value dotBf16(Value sum, Value a, Value b);
  /// sum + the four products of a's and b's bytes, exact: lanes of i32, in a of unsigned bytes, in b of signed ones.
  Value dotU8S8(Value sum, Value a, Value b);
  Value sqrt(Value a);
  /// a - floor(a), 0 of infinities; and a * 2^floor(exponent), 0 where that is too small.
  Value fraction(Value a);
  Value timesPowerOf2(Value a, Value exponent);
  /// For floats, b where either is NaN, as the machine's own instructions do.
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value less(Value a, Value b);
  Value equal(Value a, Value b);
  Value select(Value condition, Value a, Value b);
  /// For each lane one of sixteen constants, by the lower four bits of `index`.
  Value constantAt(llvm::ArrayRef<float> constants, Value index);
  Value bitsOf(Value floats);
  Value shiftLeft(Value bits, int32_t by);
  /// Zeros come in from above.
  Value shiftRight(Value bits, int32_t by);
  Value maskBits(Value bits, int32_t mask);
  /// Lanes of i32 as two of 16 bits that are multiplied each for itself, and as four bytes that are subtracted.
  Value mulHalves(Value a, Value b);
  Value subBytes(Value a, Value b);
  Value floatsOf(Value bits);
  /// Of an i64, or of lanes of i32.
  Value floatOf(Value integer);
  /// To the nearest integer, at ties to the even one.
  Value round(Value a);
  /// A float that is an integer, or an i64 that fits, as an i32.
  Value wordOf(Value scalar);
  /// Sixteen floats that are integers, as words; and the words 0 to 15.
  Value wordsOf(Value vector);
  Value laneNumbers();

  /// The 16 lanes added, or their largest: always the same tree.
  Value sumOfLanes(Value vector);
  Value maxOfLanes(Value vector);
  Value firstLane(Value vector);
  /// Lanes of a ++ b picked by index, as vector.shuffle does.
  Value shuffle(Value a, Value b, llvm::ArrayRef<int64_t> indices);
  /// A mask of the first `count` lanes; any count, also one that is not positive or beyond 16.
  Value firstLanes(Value count);

  /// The address of element `index` behind `base`.
  Value at(Value base, Value index);
  Value at(Value base, int64_t index);
  /// The same in bytes, and in bf16.
  Value atByte(Value base, Value index);
  Value atBf16(Value base, Value index) { return atByte(base, mul(index, 2)); }

  Value loadScalar(Value address);
  Value loadPointer(Value address);
  Value isNull(Value pointer);
  /// An i32, and sixteen.
  Value loadWord(Value address);
  Value loadWords(Value address);
  /// Zero-extended to i64, respectively sign-extended.
  Value loadByte(Value address);
  Value loadIndex(Value address);
  /// Which of sixteen bytes are not zero; those outside the mask are not read and count as zero.
  Value nonZeroBytes(Value address, Value mask);
  /// The same of sixteen i32; and how many lanes a mask has.
  Value nonZeroWords(Value address, Value mask);
  Value countOf(Value mask);
  void storeScalar(Value value, Value address);
  /// Sixteen lanes; with a mask, lanes left out are neither read nor written and are zero when loaded. A null mask
  /// means all lanes.
  Value load(Value address, Value mask = nullptr);
  void store(Value vector, Value address, Value mask = nullptr);
  /// The lanes of a mask, one behind the other; few of them, as it is slow.
  void storeCompressed(Value vector, Value address, Value mask);
  /// Words whose lower halves are `lower` and whose upper halves are `upper`, both bf16, widened.
  Value bf16Pairs(Value lower, Value upper);
  /// Sixteen bf16, widened; and floats rounded to bf16, to the nearest, to even at ties.
  Value loadBf16(Value address, Value mask = nullptr);
  void storeBf16(Value vector, Value address, Value mask = nullptr);
  /// Likewise; returns the rounded ones, widened.
  Value storeRoundedBf16(Value vector, Value address);
  /// Sixteen bf16 that lie in pairs, pairs being `stride` words apart; widened.
  Value gatherBf16Pairs(Value address, Value stride, Value mask);
  /// Sixteen signed bytes as floats, one behind the other, or four by four in words that are `stride` apart.
  Value loadS8(Value address, Value mask = nullptr);
  Value gatherS8Quads(Value address, Value stride, Value mask);
  /// Sixteen bytes, each four times in its lane of i32.
  Value loadBytesRepeated(Value address);
  /// Floats that are integers from -128 to 255, as bytes; and the byte that an i64 ends with.
  void storeBytes(Value vector, Value address);
  void storeByte(Value byte, Value address);
  /// Sixteen elements `stride` apart, and those that sixteen words say, counted from `base`.
  Value gather(Value address, Value stride, Value mask);
  Value gatherAt(Value base, Value indices, Value mask = nullptr);
  /// Stores sixteen elements `stride` apart.
  void scatter(Value vector, Value address, Value stride, Value mask = nullptr);
  /// Asks for the cache line at `address`, which need not be mapped, in this cache and those behind it.
  enum class Cache { First, Second };
  void prefetch(Value address, Cache cache = Cache::First);

  using LoopBody = llvm::function_ref<void(Value index)>;
  using CarryingBody = llvm::function_ref<Values(Value index, ValueRange carried)>;
  using Body = llvm::function_ref<void()>;
  void forRange(Value from, Value to, int64_t step, LoopBody body);
  /// A loop that carries values; returns the last ones.
  Values forRange(Value from, Value to, int64_t step, ValueRange initial, CarryingBody body);
  void ifTrue(Value condition, Body body);
  void ifElse(Value condition, Body then, Body otherwise);
  /// Runs cases[selector]; the selector must lie within.
  void switchOn(Value selector, int64_t cases, llvm::function_ref<void(int64_t)> body);

  /// Walks `width` elements 16 at a time: full vectors with a null mask, then one masked vector if some are left.
  void forVectors(Value width, llvm::function_ref<void(Value offset, Value mask)> body);
  Values forVectors(Value width, ValueRange initial,
                    llvm::function_ref<Values(Value offset, Value mask, ValueRange carried)> body);
  /// The sum over `width` elements, by lanes: body gives `sum` plus its vector. Four sums run side by side, since one
  /// would wait for itself, and are added as (0 + 1) + (2 + 3); so the order depends on the width alone.
  Value sumVectors(Value width, llvm::function_ref<Value(Value offset, Value mask, Value sum)> body);

  mlir::VectorType vectorType();
  mlir::Type pointerType();

private:
  Value arguments;

  Value slotAddress(unsigned index);
  mlir::VectorType wordType() { return mlir::VectorType::get({lanes}, getI32Type()); }
  Value gatherWords(Value address, llvm::ArrayRef<int64_t> indices, Value stride, Value mask);
  Value elementAddresses(Value address, llvm::ArrayRef<int64_t> indices, Value stride);
  Value allLanes();
  Value lanesOf(llvm::ArrayRef<int32_t> values);
  Value bf16Bits(Value vector);
  Value bf16Halves(Value vector);
  Value widened(Value halves);
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_KERNELBUILDER_H
