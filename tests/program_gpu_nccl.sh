#!/usr/bin/env bash
# The whole program on the simulated GPU beside a stand-in for NCCL: right results, ratios, several libraries and algorithms in turn, and one
# line where NCCL cannot be had.
. scripts/tap.sh
libraries=$PWD/${BUILD:-build}/tests
[ "${BUILD:-build}" = "${BUILD#/}" ] || libraries=$BUILD/tests
program=$(dirname "$libraries")/ringbench-simulated-gpu
if [ ! -x "$program" ]; then
    skip "NCCL beside ours on the simulated GPU" "$program was not built"
    finish
fi
records=$PWD/tests/nvml/records
export RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cd "$work" || exit 1
# shellcheck disable=SC2317 # only where the program was built
run() { mpirun --oversubscribe -n 2 "$program" --channels 2 -b 1K -e 16K -f 16 -n 3 -w 1 --no-report --budget 1ms "$@"; }
cases() { jq -r "select(.kind == \"case\") | $2" "$1/results.jsonl" | sort -u; }

exits "two ranks share a GPU" 0 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" --nccl-algo auto,Ring \
    --collective all_reduce,reduce_scatter,alltoall,push_pull --output shared
is "nothing is wrong" "$(cases shared .wrong)" 0
is "two baselines take turns" "$(cases shared 'select(.collective == "all_reduce" and .baseline != false) | .baseline' | paste -sd ' ')" "nccl nccl-ring"
is "ours have a ratio" "$(cases shared 'select(.collective == "all_reduce" and .baseline == false) | .ratio > 0')" true
is "so has the second baseline, the first has none" "$(cases shared 'select(.baseline != false and .collective == "reduce_scatter") | "\(.baseline) \(.ratio > 0)"' |
    paste -sd ' ')" "nccl false nccl-ring true"
is "all-to-all in place has no baseline" "$(cases shared 'select(.collective == "alltoall" and .baseline != false) | .in_place')" false
is "the run says how NCCL was run" "$(head -n 1 shared/results.jsonl | jq -r '.baselines[1].version')" \
    "NCCL 2.30.7, at most 2 CTAs a rank, algorithm Ring, protocol of its choice"
is "its environment is in the record" "$(head -n 1 shared/results.jsonl | jq -r '.environment | .NCCL_MULTI_RANK_GPU_ENABLE + " " + .NCCL_MAX_CTAS')" "1 2"
is "what it has taken, by size" "$(cases shared 'select(.baseline == "nccl" and .collective == "all_reduce") | "\(.bytes) \(.chosen)"' | paste -sd ' ')" \
    "1024 ring/ll, 1 channel 16384 ring/simple, 2 channels"
is "sends and receives tell nothing" "$(cases shared 'select(.baseline == "nccl" and .collective == "alltoall") | .chosen')" ""
ok "its log is gone" test -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'ringbench-nccl-*' -newer "$work" 2>/dev/null)"
like "the parameter server has no baseline, and why" "$out" 'NCCL has no parameter server'

exits "calls are replayed as a graph, ours and NCCL's" 0 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" --collective all_reduce,reduce_scatter \
    --algorithm ring --protocol slots,ll -G 2 -m 3 --output graph
is "and nothing is wrong" "$(cases graph .wrong)" 0
is "a sample is of the graph's calls" "$(cases graph .aggregate)" 3
is "the ratio is there" "$(cases graph 'select(.baseline == false) | .ratio > 0')" true
like "the header says so" "$out" '^# Graphs: a sample is 2 launches of a graph of 3 calls'
like "and nccl-tests' line" "$out" 'graph: 2 unalign: 0'
is "the run's record too" "$(head -n 1 graph/results.jsonl | jq -r .settings.cudagraph)" 2
exits "the host's part alone" 0 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" --collective all_reduce --algorithm ring -C 1 --output host
is "has right results" "$(cases host .wrong)" 0
exits "a graph of a processor's calls is refused" 6 run --transport shm -G 1 --output refused
like "and why" "$err" "-G: for ranks on GPUs"

exits "as many thread blocks as ours, exactly, and a policy" 0 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" --nccl-ctas equal -x 1 \
    --collective all_reduce --algorithm ring --output equal
is "NCCL was told" "$(head -n 1 equal/results.jsonl | jq -r '.environment | .NCCL_MIN_CTAS + " " + .NCCL_MAX_CTAS + " " + .NCCL_CTA_POLICY')" "2 2 1"
is "the run says so" "$(head -n 1 equal/results.jsonl | jq -r '.baselines[0].version')" \
    "NCCL 2.30.7, exactly 2 CTAs a rank, algorithm of its choice, protocol of its choice, CTA policy 1"

{ cat "$records/rtx4090_no_peer.txt"; echo 'gpu * pcie loaded generation = 3'; } >"$work/riser"
export RINGBENCH_NVML=$libraries/libnvidia-ml.so.1 RINGBENCH_NVML_RECORD=$work/riser
exits "PCIe is asked for while calls run" 0 run --ranks-per-gpu 2 --transport cuda_copy --baseline none --collective all_reduce --algorithm ring --output pcie
like "it is neither the idle one nor the best" "$out" '^# PCIe of the GPUs while calls ran: generation 3 x16, 15\.8 GB/s; GPU 0 could do generation 4 x16, 31\.5 GB/s'
is "the record has it" "$(jq -r 'select(.text == "PCIe while calls ran") | .pcie[] | "\(.rank) \(.gpu) \(.now.generation) \(.best.generation)"' pcie/results.jsonl |
    paste -sd ' ')" "0 0 3 4 1 0 3 4"
is "two ranks share the link" "$(cases pcie '"\(.ceiling_from) \(.ceiling_GBps * 100 | round)"')" "queried 788"
unset RINGBENCH_NVML RINGBENCH_NVML_RECORD

exits "one version can share a GPU, the other cannot" 0 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.28.9.so,$libraries/libnccl-2.30.7.so" \
    --collective all_reduce --algorithm ring --output versions
like "the older is n/a, and why" "$out" '^# Baseline nccl-2\.28\.9: n/a: 2 ranks share a GPU, which is not possible with this version: NCCL 2\.28\.9 refuses'
is "the newer is what ratios are of" "$(cases versions 'select(.baseline != false) | .baseline')" nccl-2.30.7
is "and they are there" "$(cases versions 'select(.baseline == false) | .ratio > 0')" true

exits "without the library it measures all the same" 0 run --ranks-per-gpu 2 --nccl "$work/none.so" --collective all_reduce --algorithm ring --output none
like "one line says so" "$out" '^# Baseline nccl: n/a: .*none\.so: cannot open shared object file'
is "there is no ratio" "$(cases none .ratio)" null

FAKE_NCCL_FAULT=call exits "a failing call ends with nccl-tests' code" 3 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" \
    --collective all_reduce --algorithm ring --output fault
like "with NCCL's own words" "$err" 'NCCL 2\.30\.7: all_reduce: internal error; last: a proxy thread has ended'
FAKE_NCCL_FAULT=hang exits "a call that never ends is no progress" 4 run --ranks-per-gpu 2 --nccl "$libraries/libnccl-2.30.7.so" \
    --collective all_reduce --algorithm ring -T 4 --output hang
like "it says where" "$err" 'no progress for 4 s \(-T\): rank [01]( \(pid [0-9]+\))? is verifying all_reduce baseline over nccl'
exits "too many at once" 6 run --ranks-per-gpu 2 --nccl a,b,c --nccl-algo auto,Ring,Tree --output many
like "it says how many" "$err" '9 baselines, at most 8'
finish
