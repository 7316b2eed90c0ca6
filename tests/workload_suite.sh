#!/usr/bin/env bash
# ringbench workload: its list, its table and records, run --workload with the fits of the run, the page, names that are wrong.
. scripts/tap.sh
data=$PWD/report/data
cd "$work" || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export RINGBENCH_DATA=${RINGBENCH_DATA:-$data}
all=ddp,zero1,zero2,zero3,zero-offload,tp-layer,tp-2d,pipeline,ring-attention,3d,inference-tp,inference-pp

run() { # ranks names options...
    local n=$1
    shift
    mpirun --oversubscribe -n "$n" "$RINGBENCH" workload "$@" --scale 64 --workload-budget 50ms
}

records() { jq -c 'select(.kind == "workload" and .variant == "")' "$1/results.jsonl"; }

exits "the list" 0 "$RINGBENCH" workload --list
is "the list has all and the parameter server" "$(grep -c '^[a-z0-9]' "$out")" 14
like "a row says what is moved" "$out" '2 \(n-1\) P'

exits "all of them between two ranks" 0 run 2 "$all" --no-report --output two
is "a record for each" "$(records two | wc -l)" 12
is "no wrong element" "$(records two | jq -s 'map(.wrong) | add')" 0
is "bytes are those of the formulas" "$(records two | jq -s 'map(select((.bytes - .formula_bytes | fabs) > 0.5)) | length')" 0
is "parts add up to the step, measured and predicted" "$(records two | jq -s '[.[] | .measured, .predicted | (.compute_us + .waiting_us + .exposed_us - .step_us) / .step_us |
    select(fabs > 0.001)] | length')" 0
is "every step was predicted" "$(records two | jq -s 'map(select(.predicted.step_us > 0)) | length')" 12
like "the table" "$out" '^# zero3 +1x1x2 '
like "the scale is said" "$out" '^# Workloads: llama-2-7b, --scale 64: '
like "the median is said" "$out" '^# Prediction: median error [0-9.]+ % over 12 workloads'
is "other buckets for ddp, the same bytes" "$(jq -s '[.[] | select(.kind == "workload" and .name == "ddp") | .bytes] | unique | length' two/results.jsonl)" 1

exits "four ranks, grids of their own" 0 run 4 tp-2d,3d --grid 1x2x2 --no-report --output four
is "the squarest grid" "$(records four | jq -r 'select(.name == "tp-2d") | .grid')" 2x1x2
is "the grid that was asked for" "$(records four | jq -r 'select(.name == "3d") | .grid')" 1x2x2
is "and its bytes" "$(records four | jq -s 'map(select((.bytes - .formula_bytes | fabs) > 0.5 or .wrong > 0)) | length')" 0

exits "one rank" 0 run 1 ddp,pipeline --compute busy --no-report --output one
is "who needs a partner is not run, and why" "$(records one | jq -r 'select(.name == "pipeline") | .skipped')" "one rank has nobody to share with"
like "a loop instead of products is said" "$out" '^# Compute: a busy loop'

exits "beside the collectives, over MPI" 0 mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring --transport mpi -b 64 -e 256K -f 8 -n 6 \
    --baseline none --workload ddp,tp-2d --scale 64 --workload-budget 50ms --output run
is "cases and workloads in one file" "$(jq -s '[([.[] | select(.kind == "case")] | length > 3), ([.[] | select(.kind == "workload" and .variant == "")] | length)] | tostring' \
    -r run/results.jsonl)" "[true,2]"
like "the page has its section" run/report.html 'id="workloads"'
ok "its pictures" test -s run/plots/workloads-split.gp -a -s run/plots/workloads-predicted.gp
like "the transport is that of the run" <(records run | jq -r .transport) '^mpi$'

exits "an unknown name" 6 "$RINGBENCH" workload zero33
like "the nearest name" "$err" "unknown 'zero33'; did you mean zero3"
exits "an unknown model" 6 "$RINGBENCH" workload ddp --model lama-2-7
like "the nearest model" "$err" 'did you mean llama-2-7b'
exits "a grid that is none" 6 "$RINGBENCH" workload 3d --grid 2y2
like "what a grid is" "$err" 'such as 2x2x1'
exits "a grid for other ranks" 6 mpirun -n 1 "$RINGBENCH" workload 3d --grid 2x2x2 --no-report --output grid
like "how many ranks it wants" "$err" '8 ranks, here are 1'
exits "an unknown back end" 6 mpirun -n 1 "$RINGBENCH" workload ddp --compute openblass --no-report --output blas
like "the nearest back end" "$err" 'did you mean openblas'
exits "options before names" 6 "$RINGBENCH" workload --scale 8
exits "help" 0 "$RINGBENCH" workload --help
finish
