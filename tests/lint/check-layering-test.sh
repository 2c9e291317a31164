#!/usr/bin/env bash
# Each rule of check-layering.sh finds the offence it is for, and a clean tree has none.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check-layering.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{ir,passes,backends,compiler,runtime,tests,docs}

expect() { # TEXT: the check fails and says so, with this one offence
  if output=$("$check" "$tree" 2>&1); then
    echo "not found: $1" >&2
    exit 1
  fi
  grep -qF "$1" <<< "$output" && grep -qxF "1 offences" <<< "$output" || { printf 'expected %s, got:\n%s\n' "$1" "$output" >&2; exit 1; }
}
offend() { # FILE LINE TEXT
  echo "$2" > "$tree/$1"
  expect "$3"
  rm "$tree/$1"
}

echo '#include "lathe/abi.h"' > "$tree/backends/Good.cpp"
echo '#include "mlir/IR/Value.h"' > "$tree/ir/Good.h"
echo 'See https://example.org/home/page and out/root/x.' > "$tree/docs/good.md"
"$check" "$tree"

offend runtime/Bad.cpp '#include "ir/xf/XfDialect.h"' 'runtime/Bad.cpp:1:'
offend runtime/Bad.h '#include "llvm/ADT/StringRef.h"' 'runtime/Bad.h:1:'
offend ir/Bad.td 'include "passes/graph/Passes.td"' 'ir/Bad.td:1:'
offend passes/Bad.h '#include "backends/cpu/Passes.h"' 'passes/Bad.h:1:'
offend passes/Bad.cpp '#include "lathe/abi.h"' 'passes/Bad.cpp:1:'
offend backends/Bad.cpp '#  include "compiler/driver/Compile.h"' 'backends/Bad.cpp:1:'
offend backends/Bad.def '#include "runtime/core/Pool.h"' 'backends/Bad.def:1:'
offend compiler/Bad.cpp '#include "tests/support/Tensors.h"' 'compiler/Bad.cpp:1:'
offend docs/bad.md 'as in /home/somebody/lathe' 'docs/bad.md:1:'
offend ir/Long.cpp "$(yes '//' | head -801)" 'ir/Long.cpp: longer than 800 lines'
