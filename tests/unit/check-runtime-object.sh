#!/bin/sh
# check-runtime-object.sh OBJECT SYMBOLS: what ships in every artifact needs no symbol outside the list, holds nothing
# mutable, and stays small.
set -eu
object=$1 symbols=$2 limit=200000

LC_ALL=C nm --undefined-only --format=posix "$object" | cut -d' ' -f1 | LC_ALL=C sort > needed.txt
if ! diff "$symbols" needed.txt; then
  echo "undefined symbols differ from $symbols ('>': new, '<': no longer needed)" >&2
  exit 1
fi

mutable=$(size -A "$object" | awk '/^\.(data|bss|tdata|tbss)/ && !/^\.data\.rel\.ro/ { bytes += $2 } END { print bytes + 0 }')
code=$(size -A "$object" | awk '/^\.(text|rodata|data\.rel\.ro)/ { bytes += $2 } END { print bytes + 0 }')
echo "runtime: $code bytes of code and constants (limit $limit), $mutable bytes of mutable globals"
[ "$mutable" -eq 0 ] || { echo "the runtime has mutable globals" >&2; exit 1; }
[ "$code" -le "$limit" ] || { echo "the runtime is larger than $limit bytes" >&2; exit 1; }
