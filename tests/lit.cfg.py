"""lit's settings for every folder of tests with .mlir files.

Tools come from the build (LATHE_BUILD, as ctest sets it, or <repository>/build), FileCheck and its kin from LLVM 22:

    lit-22 -v tests/passes/fuse-attention.mlir
"""
import os
import pathlib

import lit.formats

source = pathlib.Path(__file__).resolve().parent.parent
build = pathlib.Path(os.environ.get("LATHE_BUILD", source / "build"))
llvm = pathlib.Path(os.environ.get("LATHE_LLVM_TOOLS", "/usr/lib/llvm-22/bin"))

if not (build / "bin" / "lathe-opt").exists():
    lit_config.fatal(f"no lathe-opt in {build / 'bin'}: build it (./dev build), or set LATHE_BUILD to the build folder")
if not (llvm / "FileCheck").exists():
    lit_config.fatal(f"no FileCheck in {llvm}: set LATHE_LLVM_TOOLS to the bin folder of LLVM 22")

config.name = "lathe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = str(source / "tests")
config.test_exec_root = str(build / "tests" / "lit")

config.environment["PATH"] = os.pathsep.join([str(build / "bin"), str(llvm), os.environ["PATH"]])
config.substitutions.append(("%goldens", str(source / "tests" / "goldens")))
