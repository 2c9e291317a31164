//===- LatheOpt.cpp - runs passes on MLIR text --------------------------------===//
#include "compiler/pipelines/Pipelines.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lathe::registerLatheDialects(registry);
  lathe::registerLathePasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Lathe's passes on MLIR text\n", registry));
}
