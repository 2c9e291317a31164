//===- XfDialect.cpp - registration of the xf dialect -------------------------===//
#include "ir/xf/XfDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "ir/xf/XfDialect.cpp.inc"
#include "ir/xf/XfEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/xf/XfAttributes.cpp.inc"

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
