//===- BuilderTypes.h - what BlockBuilder and ModelBuilder ask of values ------===//
#ifndef LATHE_COMPILER_IMPORT_BUILDERTYPES_H
#define LATHE_COMPILER_IMPORT_BUILDERTYPES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace lathe {

inline mlir::RankedTensorType typeOf(mlir::Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }

/// The value's type with another last extent.
inline mlir::RankedTensorType withWidth(mlir::Value value, int64_t width) {
  llvm::SmallVector<int64_t> shape(typeOf(value).getShape());
  shape.back() = width;
  return typeOf(value).clone(shape);
}

/// What a value is called where the IR is printed.
inline mlir::Location nameOf(mlir::Builder &builder, llvm::StringRef name) {
  return mlir::NameLoc::get(builder.getStringAttr(name));
}

} // namespace lathe

#endif
