#!/usr/bin/env bash
# check-layering.sh [ROOT]: no include runs backwards along ir <- passes <- backends <- compiler, the runtime includes
# nothing above it, no file has grown past a sitting, and none names a folder of somebody's machine.
set -uo pipefail
cd "${1:-"$(dirname "${BASH_SOURCE[0]}")/../.."}" || exit 2
ours='ir|passes|backends|compiler|runtime|tests|benchmarks'
offences=0
sources() { find "$@" -type f \( -name '*.h' -o -name '*.c' -o -name '*.cpp' -o -name '*.td' -o -name '*.def' \) 2>/dev/null | LC_ALL=C sort; }
report() { # WHAT: reads offending lines
  while IFS= read -r line; do
    echo "$line: $1" >&2
    offences=$((offences + 1))
  done
}
allow() { # FOLDER ALLOWED: includes of this folder may begin with what is allowed, besides other projects' headers
  sources "$1" | xargs -r grep -nHE "^ *#? *include +[\"<]($ours|lathe|mlir|llvm)/" | grep -vE "include +[\"<]($2)/"
}

report "runtime includes runtime only; it ships, without LLVM" < <(allow runtime 'runtime|lathe')
report "ir includes ir and MLIR only" < <(allow ir 'ir|mlir|llvm')
report "passes include ir and passes only" < <(allow passes 'ir|passes|mlir|llvm')
report "backends include ir, passes, backends and the ABI (lathe/) only" < <(allow backends 'ir|passes|backends|lathe|mlir|llvm')
report "compiler includes neither tests nor benchmarks" < <(allow compiler 'ir|passes|backends|compiler|runtime|lathe|mlir|llvm')
report "longer than 800 lines: look for the seam" < <(
  sources ir passes backends compiler runtime tests benchmarks | while IFS= read -r file; do
    [ "$(wc -l < "$file")" -le 800 ] || echo "$file"
  done)
report "names a folder of one machine" < <(
  find . \( -name .git -o -name 'build*' -o -name goldens -o -path ./tests/lint \) -prune -o -type f \( -name '*.h' \
    -o -name '*.c' -o -name '*.cpp' -o -name '*.td' -o -name '*.mlir' -o -name '*.test' -o -name '*.py' -o -name '*.sh' \
    -o -name '*.md' -o -name '*.cmake' -o -name 'CMake*' -o -name dev \) -print0 |
    xargs -0 -r grep -nHE '(^|[^[:alnum:]_.$}/*])/(root|home|work|opt|Users)/[[:alnum:]_.-]')

[ "$offences" -eq 0 ] || { echo "$offences offences" >&2; exit 1; }
