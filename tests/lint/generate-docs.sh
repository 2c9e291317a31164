#!/usr/bin/env bash
# generate-docs.sh [--check]: docs/generated from the TableGen sources and from the list of families; with --check, fails
# where the committed pages are not what would be written. LATHE_LLVM_TOOLS names LLVM 22's bin folder where that is not
# Debian's, LATHE_MODELS the program lathe-models where that is not in build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
llvm=${LATHE_LLVM_TOOLS:-/usr/lib/llvm-22/bin}
committed=docs/generated pages=docs/generated
if [ "${1:-}" = --check ]; then
  pages=$(mktemp -d)
  trap 'rm -rf "$pages"' EXIT
elif [ $# -gt 0 ]; then
  echo "generate-docs.sh: unknown argument '$1'; accepted is --check" >&2
  exit 2
fi
mkdir -p "$pages"

page() { # NAME TITLE SOURCE MODE...
  local name=$1 title=$2 source=$3
  shift 3
  # Titles and tables of contents of TableGen's own go; so do its comments that name the source's path.
  {
    printf '# %s\n\n<!-- Written by ./dev docs from %s; changes belong there. -->\n\n' "$title" "$source"
    "$llvm/mlir-tblgen" "$@" -I . -I "$llvm/../include" "$source" |
      sed -e '/^<!-- .* -->$/d' -e '/^# /d' -e '/^\[TOC\]$/d' -e 's/[[:space:]]*$//'
  } | cat -s > "$pages/$name.md"
}
page xf "The xf dialect" ir/xf/XfOps.td -gen-dialect-doc -dialect=xf
page graph-passes "Graph passes" passes/graph/Passes.td -gen-pass-doc
page precision-passes "Precision passes" passes/precision/Passes.td -gen-pass-doc
page schedule-passes "Schedule passes" passes/schedule/Passes.td -gen-pass-doc
page verify-passes "Stage verifiers" passes/verify/Passes.td -gen-pass-doc
page cpu-passes "Passes of the CPU back end" backends/cpu/Passes.td -gen-pass-doc
"${LATHE_MODELS:-build/bin/lathe-models}" > "$pages/models.md"

if [ "$pages" != "$committed" ] && ! diff -ru "$committed" "$pages"; then
  echo "docs/generated is not current: run ./dev docs and commit what it writes" >&2
  exit 1
fi
