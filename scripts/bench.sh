#!/usr/bin/env bash
# scripts/bench.sh - the comparisons behind the numbers in the README: against memcpy, against Open MPI on two pinned
# cores, and with more ranks than cores. BUDGET=seconds a case (default 0.25). Wants an otherwise idle machine.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
out=$build/bench
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# The opponent at its best: without these Open MPI loses large messages to page faults on its own temporary buffers.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4294967295

title() { printf '\n== %s\n' "$*"; }

against_mpi() { # ranks, mpirun options..., --, ringbench options...
    local ranks=$1 launch=()
    shift
    while [ "$1" != -- ]; do launch+=("$1"); shift; done
    shift
    mpirun -n "$ranks" "${launch[@]}" ./ringbench --collective all_reduce,reduce_scatter,all_gather --budget "${BUDGET:-0.25}" \
        --no-report --output "$out/$ranks" "$@" >"$out/$ranks.txt" 2>"$out/$ranks.err" || { cat "$out/$ranks.err"; exit 1; }
    "$build/yardstick" "$out/$ranks/results.jsonl"
}

rm -rf "$out"
mkdir -p "$out"
title "the engine against the machine"
"$build/yardstick"
title "two ranks on two pinned cores, against Open MPI on the same buffers"
against_mpi 2 --bind-to core -- -b 8 -e 256M -f 2
grep '^# Harness' "$out/2.txt"
for ranks in 4 8; do
    title "$ranks ranks, more than cores: 1 MiB in at most twice Open MPI's time is a ratio of 0.5 or more"
    against_mpi "$ranks" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -- -b 1M -e 1M
done
