//===- Passes.td - from tensors to kernel calls to native code --*- tablegen -*-===//
#ifndef LATHE_BACKENDS_CPU_PASSES_TD
#define LATHE_BACKENDS_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def SelectKernelsPass : Pass<"lathe-cpu-select-kernels", "mlir::ModuleOp"> {
  let summary = "every op on tensors becomes a launch of a kernel over buffers";
  let description = [{
    Rewrites each entry into the form that `XfScheduleOps.td` describes. Layer functions are inlined: a stack of layers as
    one loop, whose weights come from tables. Results that are outputs are computed where the caller wants them. Weights get
    the layout that their readers want, once; a table that is looked up and multiplied with has the product's layout.
  }];
  let dependentDialects = ["::lathe::xf::XfDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect"];
}

def BuildKernelsPass : Pass<"lathe-cpu-build-kernels", "mlir::ModuleOp"> {
  let summary = "each xf.kernel becomes the function that its family's builder emits";
  let options = [
    Option<"level", "level", "::lathe::IsaLevel", /*default=*/"::lathe::IsaLevel::Avx512",
           "ISA level that the functions are for", [{::llvm::cl::values(
             clEnumValN(::lathe::IsaLevel::Avx512, "avx512", "AVX-512 F, BW, CD, DQ, VL"),
             clEnumValN(::lathe::IsaLevel::Avx512Vnni, "avx512_vnni", "and VNNI"),
             clEnumValN(::lathe::IsaLevel::Avx512Bf16, "avx512_bf16", "and BF16"),
             clEnumValN(::lathe::IsaLevel::Amx, "amx", "and AMX tiles of bf16 and int8"))}]>
  ];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect", "::mlir::amx::AMXDialect"];
}

def LowerEntriesPass : Pass<"lathe-cpu-lower-entries", "mlir::ModuleOp"> {
  let summary = "scheduled entries become functions of a lathe_frame";
  let description = [{
    `func.func @encode(buffers, sizes)` becomes `func.func @lathe_entry_encode(%frame: !llvm.ptr) -> i32`: buffers are
    addresses behind the frame's arena, inputs, outputs and weights; a launch is a call through the frame. Tables of
    weights become constants. See runtime/include/lathe/program.h for the frame.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

#endif // LATHE_BACKENDS_CPU_PASSES_TD
