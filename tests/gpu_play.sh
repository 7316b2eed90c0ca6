#!/usr/bin/env bash
# The kernels on a GPU: all algorithms, types, operators, protocols and ragged counts with 1 to 16 ranks on one, by forked processes (no mpirun);
# faults; compute-sanitizer on a small case where it is there; then ringbench itself, every element checked.
#
# GPU_PROGRAMS: the folder of gpu-play [$BUILD]. RUN: starts ringbench, "-n RANKS" first [scripts/launch.sh]. An archive of scripts/gpu-pack sets both.
cd "$(dirname "$0")/.." || exit 1
. scripts/tap.sh
. scripts/gpu.sh
play=${GPU_PROGRAMS:-${BUILD:-build}}/gpu-play

why=$(gpu_why_not)
[ -n "$why" ] || [ -x "$play" ] || why="$play is not built (\"make check-gpu\" builds it)"
if [ -n "$why" ]; then
    skip "the kernels on a GPU" "$why"
    finish
fi

run() { # ranks, options of ringbench...
    local ranks=$1
    shift
    if [ -n "${RUN:-}" ]; then
        $RUN -n "$ranks" "$@"
    else
        scripts/launch.sh --ranks "$ranks" "$@"
    fi
}

"$play" >"$work/play" 2>"$work/play.err"
grep -q '^1\.\.[1-9]' "$work/play" || tap_report 1 "gpu-play starts" || tap_show "$work/play" "$work/play.err"
while read -r line; do
    code=0
    [ "${line%% *}" = ok ] || code=1
    tap_report $code "${line#*- }" || tap_show "$work/play.err"
done < <(grep -E '^(not )?ok ' "$work/play")
is "gpu-play plays all that it planned" "$(grep -cE '^(not )?ok ' "$work/play")" "$(sed -n 's/^1\.\.//p' "$work/play")"

for tool in memcheck racecheck; do
    if command -v compute-sanitizer >/dev/null; then
        ok "compute-sanitizer: $tool" compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 9 "$play" small
    else
        skip "compute-sanitizer: $tool" "compute-sanitizer is not here"
    fi
done

checked() { # ranks, options...: nothing wrong in any table
    run "$1" --ranks-per-gpu "$1" --baseline none --no-report --output "$work/run" -c 1 -n 3 "${@:2}" >"$out" 2>"$err" || { tail -n 5 "$err"; return 1; }
    grep -q '^# Out of bounds values : 0 OK' "$out" && ! grep -q '^# Out of bounds values : .* FAILED' "$out"
}

layer() { # ranks, type: a layer's products and calls together, compared element by element; skipped where cuBLAS or the type is not here
    local name="a tensor-parallel layer, $1 ranks, $2" code=0
    run "$1" --ranks-per-gpu "$1" --workload tp-layer --workload-only --compute-type "$2" --scale 4 --workload-budget 200ms --baseline none --no-report \
        --output "$work/layer" >"$out" 2>"$err" || code=$?
    [ $code -ne 5 ] || { skip "$name" "$(grep '^ringbench: ' "$err" | tail -n 1)"; return; }
    tap_report $code "$name" || tap_show "$out" "$err"
}
if [ -n "${RUN:-}" ] || command -v mpirun >/dev/null; then
    for ranks in 2 4 8; do
        ok "ringbench, $ranks ranks: every protocol up to 64 MiB" checked $ranks --collective all --protocol all -b 4 -e 64M -f 16
        ok "ringbench, $ranks ranks: copy engines through pinned host memory" checked $ranks --collective all_reduce,alltoall --transport cuda_copy -b 4 -e 16M -f 16
        ok "ringbench, $ranks ranks: calls replayed as a graph" checked $ranks --collective all_reduce --protocol all -G 2 -b 4 -e 16M -f 16
        ok "ringbench, $ranks ranks: slots in pinned host memory" checked $ranks --collective all_reduce,alltoall --transport cuda_staged -b 4 -e 16M -f 16
    done
    for type in bf16 fp16 tf32 fp8; do
        for ranks in 2 4 8; do
            layer $ranks $type
        done
    done
    ok "ringbench, 2 ranks: ragged sizes of halves" checked 2 --collective all -d half -b 3 -e 1M -f 7
else
    skip "ringbench on a GPU" "there is no mpirun"
fi
finish
