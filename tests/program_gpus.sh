#!/usr/bin/env bash
# -g: several GPUs in a process, each a rank of its own, on simulated GPUs: with and without mpirun, beside a stand-in for NCCL, right results,
# records that say which process, thread and GPU a rank is, and one line where it cannot be.
. scripts/tap.sh
libraries=$PWD/${BUILD:-build}/tests
[ "${BUILD:-build}" = "${BUILD#/}" ] || libraries=$BUILD/tests
program=$(dirname "$libraries")/ringbench-simulated-gpu
if [ ! -x "$program" ]; then
    skip "several simulated GPUs in a process" "$program was not built"
    finish
fi
export RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cd "$work" || exit 1
few=(--channels 2 -b 1K -e 16K -f 16 -n 3 -w 1 --no-report --budget 1ms)
one=(--collective all_reduce --algorithm ring --baseline none)
# shellcheck disable=SC2317 # only where the program was built
alone() { "$program" "${few[@]}" "$@"; }
# shellcheck disable=SC2317
two() { mpirun --oversubscribe -n 2 "$program" "${few[@]}" "$@"; }
cases() { jq -r "select(.kind == \"case\") | $2" "$1/results.jsonl" | sort -u; }
places() { jq -r "select(.kind == \"run\") | .placement | map(\"$2\") | join(\" \")" "$1/results.jsonl"; }
said() { grep -c '^ringbench: ' "$err"; }

export RINGBENCH_SIMULATED_GPUS=2
exits "two GPUs of one process, without mpirun" 0 alone -g 2 --nccl "$libraries/libnccl-2.30.7.so" --nccl-algo auto,Ring \
    --collective all_reduce,reduce_scatter,alltoall,push_pull --output alone
is "nothing is wrong" "$(cases alone .wrong)" 0
is "two ranks" "$(cases alone .ranks)" 2
is "NCCL beside them, also with an algorithm that was asked for" "$(cases alone 'select(.baseline) | .baseline' | paste -sd ' ')" "nccl nccl-ring"
is "ours have a ratio" "$(cases alone 'select(.collective == "all_reduce" and .baseline == false) | .ratio > 0')" true
is "the environment is as it was, but for NCCL's ceiling" "$(jq -c 'select(.kind == "run") | .environment | [.NCCL_ALGO, .NCCL_MAX_CTAS]' alone/results.jsonl)" '[null,"2"]'
is "records: thread, GPU and bus of each rank" "$(places alone '\(.rank)/\(.thread)/\(.gpu)/\(.bus)')" "0/0/0/0000:01:00.0 1/1/1/0000:02:00.0"
is "one process" "$(jq 'select(.kind == "run") | .placement | map(.pid) | unique | length' alone/results.jsonl)" 1
like "the heading is that of nccl-tests" "$out" '^# nThread 1 nGpus 2 minBytes 1024'
like "so are the ranks" "$out" '^#  Rank  1 Group  0 Pid +[0-9]+ on +[^ ]+ device  1 \[0000:02:00\.0\] simulated GPU 1'

export RINGBENCH_SIMULATED_GPUS=4
exits "two processes of two GPUs" 0 two -g 2 --nccl "$libraries/libnccl-2.30.7.so" --collective all_reduce,all_gather --algorithm ring --output both
is "four ranks, nothing wrong" "$(cases both '"\(.ranks) \(.wrong)"')" "4 0"
is "process by process" "$(places both '\(.rank)/\(.thread)/\(.gpu)')" "0/0/0 1/1/1 2/0/2 3/1/3"
is "two processes" "$(jq 'select(.kind == "run") | .placement | map(.pid) | unique | length' both/results.jsonl)" 2
is "each case once" "$(jq -r 'select(.kind == "case") | "\(.collective) \(.baseline) \(.in_place) \(.bytes)"' both/results.jsonl | sort | uniq -d)" ""
exits "threads and GPUs are multiplied" 0 alone -t 2 -g 2 "${one[@]}" --output product
is "four ranks of one process" "$(places product '\(.thread)/\(.gpu)')" "0/0 1/1 2/2 3/3"

RINGBENCH_SIMULATED_GPUS=2 exits "two threads share each GPU" 0 alone -g 4 --ranks-per-gpu 2 "${one[@]}" --output shared
is "ranks in order fill GPU after GPU" "$(places shared '\(.thread)/\(.gpu)')" "0/0 1/0 2/1 3/1"
is "nothing is wrong" "$(cases shared .wrong)" 0
RINGBENCH_SIMULATED_GPUS=4x1 exits "without peer access, through the host's memory" 0 two -g 2 "${one[@]}" --output staged
is "nothing is wrong" "$(cases staged '"\(.transport) \(.wrong)"')" "cuda_staged 0"

RINGBENCH_SIMULATED_GPUS=2 exits "fewer GPUs than ranks" 6 two -g 2 "${one[@]}" --output few
like "says how many are there" "$err" '2 ranks on one GPU \(simulated GPU 0, 0000:01:00\.0; this process sees 2\), at most 1 allowed: use --ranks-per-gpu 2'
is "once" "$(grep -c 'ranks on one GPU' "$err")" 1
CUDA_VISIBLE_DEVICES=0 RINGBENCH_SIMULATED_GPUS=1 exits "fewer are visible" 6 alone -g 2 "${one[@]}" --output few
like "says what is" "$err" 'this process sees 1, CUDA_VISIBLE_DEVICES=0\)'
RINGBENCH_SIMULATED_GPUS=0 exits "no GPU at all" 6 alone -g 4 "${one[@]}" --output none
like "says what to start instead" "$err" '^ringbench: -t 1 -g 4: 1 process of 4 GPUs, and here is none: .*: mpirun -n 4$'
is "in one line" "$(said)" 1
exits "ranks on processors" 6 two -g 2 --transport shm "${one[@]}" --output host
like "are processes" "$err" '^ringbench: -t 1 -g 2: for ranks on GPUs, and --transport shm is between processors, .*: mpirun -n 4$'
is "said once" "$(said)" 1

FAKE_NCCL_FAULT=call exits "a failing call ends with nccl-tests' code" 3 alone -g 2 --nccl "$libraries/libnccl-2.30.7.so" --collective all_reduce \
    --algorithm ring --output fault
FAKE_NCCL_FAULT=hang exits "a call that never ends is no progress" 4 alone -g 2 --nccl "$libraries/libnccl-2.30.7.so" --collective all_reduce \
    --algorithm ring -T 8 --output hang
like "it says where" "$err" 'no progress for 8 s \(-T\): rank [01]( \(pid [0-9]+\))? is verifying all_reduce baseline over nccl'
is "once" "$(said)" 1

"$program" "${few[@]}" -g 2 "${one[@]}" -N 0 --output soak >"$out" 2>"$err" &
pid=$!
for _ in $(seq 300); do
    [ -s soak/results.jsonl ] && break
    sleep 0.1
done
kill -TERM $pid
wait $pid
is "SIGTERM ends all threads" $? 143
like "and says so" "$err" 'ended by signal 15'
finish
