//===- FrontEnd.h - images of bytes as what an entry reads ---------------------===//
#ifndef LATHE_COMPILER_IMPORT_FRONTEND_H
#define LATHE_COMPILER_IMPORT_FRONTEND_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Says of an entry that reads images how those of bytes are prepared for it, by the directory's
/// preprocessor_config.json; nothing where there is no such file, or no such entry. Of images with other than three
/// channels nothing is said either: the processors' results depend on what the caller means by them. What the file asks
/// for and we cannot do is an error, and so is a size that the entry does not read.
llvm::Error attachFrontEnd(mlir::ModuleOp module, llvm::StringRef directory, llvm::StringRef modelType);

} // namespace lathe

#endif
