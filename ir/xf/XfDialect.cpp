//===- XfDialect.cpp - registration of the xf dialect -------------------------===//
#include "ir/xf/XfDialect.h"

#include "ir/xf/Buckets.h"

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
