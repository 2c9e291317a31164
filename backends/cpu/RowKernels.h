//===- RowKernels.h - row programs as kernels ---------------------------------===//
//
// A row program (backends/halide/RowProgram.h) becomes a loop over the rows of a panel that calls a function of one
// row, which Halide compiles (HalideFunctions.h).
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_BACKENDS_CPU_ROWKERNELS_H
#define LATHE_BACKENDS_CPU_ROWKERNELS_H

#include "backends/halide/RowProgram.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// The family that an xf.kernel of a row program names; its one parameter is the program's text.
constexpr llvm::StringLiteral rowKernelFamily = "rows_f32";
constexpr llvm::StringLiteral rowProgramParameter = "program";

/// The kernel's name, equal exactly when programs are: "lathe_rows_f32_" and a hash of the text.
std::string rowKernelSymbol(llvm::StringRef program);

/// Slots of a launch: for each input and then each result in the program's order its address and the elements from row
/// to row (of a shared input not looked at), then the number of rows M. No result may overlap an input or another
/// result.
unsigned rowKernelSlots(const RowProgram &program);
/// The slots that are written.
llvm::SmallVector<int64_t> rowKernelWrites(const RowProgram &program);

/// Emits the number of panels for M rows.
mlir::Value emitRowPanels(mlir::OpBuilder &builder, mlir::Location loc, const RowProgram &program, mlir::Value rows);
/// Bytes of scratch that a worker needs.
int64_t rowKernelScratch(const RowProgram &program);

/// Emits the kernel as a func.func at the end of the module and declares its function of one row. Fails with a message
/// at the module's location if the text is no program.
mlir::LogicalResult buildRowKernel(mlir::OpBuilder &builder, mlir::ModuleOp module, llvm::StringRef symbol,
                                   llvm::StringRef program);

} // namespace lathe

#endif
