#!/usr/bin/env bash
# scripts/readme.sh [--check] - puts the program's own --help into README.md between its two marks; --check only compares.
set -eu
cd "$(dirname "$0")/.."
program=${RINGBENCH:-./ringbench}
fresh=$(mktemp)
trap 'rm -f "$fresh" "$fresh.help"' EXIT
"$program" run --help >"$fresh.help"
awk -v help="$fresh.help" '
    /^<!-- options -->$/ { print; print "```"; while ((getline line < help) > 0) print line; print "```"; skip = 1; next }
    /^<!-- end of options -->$/ { skip = 0 }
    !skip' README.md >"$fresh"
if [ "${1:-}" = --check ]; then
    diff README.md "$fresh"
else
    cat "$fresh" >README.md
fi
