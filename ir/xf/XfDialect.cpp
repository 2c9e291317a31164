//===- XfDialect.cpp - registration of the xf dialect -------------------------===//
#include "ir/xf/XfDialect.h"

#include "ir/xf/Buckets.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "ir/xf/XfDialect.cpp.inc"
#include "ir/xf/XfEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/xf/XfAttributes.cpp.inc"

using namespace lathe::xf;

mlir::LogicalResult BucketsAttr::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError, BucketScheme scheme,
                                        int64_t count, int64_t distance) {
  const bool twoSided = scheme == BucketScheme::TwoSided;
  if (count < 4 || count % 2 || distance <= (twoSided ? count / 4 : count / 2))
    return emitError() << "has " << count << " buckets for distances up to " << distance
                       << "; expected an even count of at least 4, and a distance beyond its "
                       << (twoSided ? "quarter" : "half");
  return mlir::success();
}

int64_t BucketsAttr::bucketOf(int64_t distance) const {
  switch (getScheme()) {
  case BucketScheme::TwoSided:
    return twoSidedBucket(distance, getCount(), getDistance());
  case BucketScheme::OneSided:
    return oneSidedBucket(distance, getCount(), getDistance());
  }
  llvm_unreachable("a scheme");
}

mlir::LogicalResult ImageAttr::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError, int64_t channels,
                                      int64_t height, int64_t width, int64_t patchHeight, int64_t patchWidth,
                                      int64_t lead, int64_t gridHeight, int64_t gridWidth, Resize resize) {
  if (channels < 1 || patchHeight < 1 || patchWidth < 1 || lead < 0)
    return emitError() << "has " << channels << " channels, patches of " << patchHeight << " x " << patchWidth
                       << " and a lead of " << lead << "; expected positive numbers, and a lead of at least 0";
  if (height < patchHeight || width < patchWidth)
    return emitError() << "has images of " << height << " x " << width << "; expected at least a patch, " << patchHeight
                       << " x " << patchWidth;
  const int64_t rows = height / patchHeight, columns = width / patchWidth;
  if (gridHeight < 1 || gridWidth < 1 || (resize == Resize::None && (gridHeight != rows || gridWidth != columns)))
    return emitError() << "has a grid of " << gridHeight << " x " << gridWidth << " positions for " << rows << " x "
                       << columns << " patches; expected as many, or a way to resize it";
  return mlir::success();
}

void lathe::xf::XfDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/xf/XfAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/xf/XfOps.cpp.inc"
      >();
}
