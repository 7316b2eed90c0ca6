#!/usr/bin/env bash
# GPUs of several hosts in the whole program: two network namespaces of two simulated GPUs each, mpirun across them over TCP. What auto
# takes, right results of every collective, two levels, what is refused, and a rank that is killed.
# shellcheck disable=SC2317 # functions that are called by name
. scripts/tap.sh
. tests/hosts/net.sh
libraries=$PWD/${BUILD:-build}
[ "${BUILD:-build}" = "${BUILD#/}" ] || libraries=$BUILD
program=$libraries/ringbench-simulated-gpu
[ -x "$program" ] || { skip "GPUs of several hosts" "$program was not built"; finish; }
why=$(net_possible) || { skip "GPUs of several hosts" "$why"; finish; }
command -v jq >/dev/null || { skip "GPUs of several hosts" "no jq"; finish; }
net_up a b
RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data}
export RINGBENCH_DATA
results=$work/run/results.jsonl

measure() { # GPUs a host, ranks a host, options
    local gpus=$1 slots=$2
    shift 2
    rm -rf "$work/run"
    net_mpirun "$slots" -x RINGBENCH_SIMULATED_GPUS="$gpus" "$program" --output "$work/run" --baseline none --no-report "$@"
}
cases() { jq -rs "[.[] | select(.kind == \"case\") | $1] | unique | map(tostring) | join(\" \")" "$results"; }

exits "four GPUs on two hosts, every collective" 0 measure 2 2 --collective all --algorithm all -b 1000 -e 64000 -f 64 -n 2 -w 1 --budget 1ms
is "GPUs across hosts were chosen" "$(cases .transport)" cuda+mpi
is "nothing is wrong" "$(cases .wrong)" 0
is "four ranks on two hosts" "$(cases '"\(.ranks) \(.nodes)"')" "4 2"
is "through slots: a network carries no flags in the data" "$(cases .protocol)" slots
like "the header says where slots lie and who moves them" "$out" '^# Transport .*cuda\+mpi by auto.*inside a host in GPU memory, between hosts slots in pinned host memory, moved by MPI'
is "each rank's GPU is in the record" "$(jq -r 'select(.kind == "run") | [.placement[] | "\(.node):\(.gpu)"] | join(" ")' "$results")" "0:0 0:1 1:0 1:1"

exits "sizes of several pieces, GPUs without access to each other inside" 0 measure 2x1 2 --collective all_reduce --algorithm ring,two_level \
    --datatype float,half,int8 -b 4M -e 4M -n 2 -w 1 --budget 1ms
is "nothing is wrong" "$(cases .wrong)" 0
is "both algorithms, three types" "$(cases '.algorithm + ":" + .type' | wc -w)" 6
like "pinned memory inside" "$out" '^# Transport .*inside a host in pinned host memory, between hosts'
like "across the network two levels send less" "$out" '^#   all_reduce +two_level +cuda\+mpi .* 4 MiB of a 4 MiB message'

exits "lines are left out where no transport carries them" 0 measure 1 1 --protocol slots,ll --collective all_reduce --algorithm ring -b 1K -e 1K -n 2 -w 1
is "slots alone" "$(cases .protocol)" slots

exits "two ranks on a GPU of each host" 6 measure 1 2 --ranks-per-gpu 2 --transport cuda+mpi --collective all_reduce -b 1K -e 1K
like "are refused in words" "$err" 'rank [0-3] shares simulated GPU 0 \(0000:01:00\.0\) with 1 others: to reach other hosts each rank needs a GPU of its own'
exits "a transport of one host" 6 measure 1 1 --transport cuda_peer --collective all_reduce -b 1K -e 1K
like "is refused" "$err" '--transport cuda_peer: refused: the ranks are on several machines'
no_gpu_there() {
    rm -rf "$work/run"
    net_run a mpirun "${net_options[@]}" -np 1 -H "${net_hosts[0]}" -x RINGBENCH_SIMULATED_GPUS=1 "$program" "${these[@]}" : \
        -np 1 -H "${net_hosts[1]}" -x RINGBENCH_SIMULATED_GPUS=0 "$program" "${these[@]}"
}
these=(--output "$work/run" --baseline none --no-report --transport cuda+mpi --collective all_reduce -b 1K -e 1K)
exits "a host without a GPU" 6 no_gpu_there
like "is the reason" "$err" '--transport cuda\+mpi: refused: another rank cannot use it'

# One process a host for its GPUs, as nccl-tests has it: ranks are threads and share their process's MPI.
exits "a process of two GPUs on each host, every collective" 0 measure 2 1 -g 2 --collective all --algorithm all -b 1000 -e 64000 -f 64 -n 2 -w 1 --budget 1ms
is "threads: GPUs across hosts were chosen" "$(cases .transport)" cuda+mpi
is "threads: nothing is wrong" "$(cases .wrong)" 0
is "threads: four ranks on two hosts" "$(cases '"\(.ranks) \(.nodes)"')" "4 2"

# A rank dies in mid-run.
rm -rf "$work/run"
net_mpirun 1 -x RINGBENCH_SIMULATED_GPUS=1 "$program" --output "$work/run" --baseline none --no-report -T 20 --collective all_reduce --algorithm ring \
    -b 64K -e 64K -n 100000 >"$out" 2>"$err" &
job=$!
net_kill_ranks b "$program" "$results"
for _ in $(seq 200); do
    kill -0 $job 2>/dev/null || break
    sleep 0.1
done
ok "a rank is killed: the job has ended" eval "! kill -0 $job 2>/dev/null"
ended=0
wait $job || ended=$?
ok "not in good order" test $ended -ne 0
finish
