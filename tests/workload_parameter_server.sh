#!/usr/bin/env bash
# ringbench workload parameter-server: its table and record, its options, and what happens when a server or a worker is killed.
. scripts/tap.sh
in_work

run() { # ranks options...
    local n=$1
    shift
    mpirun --oversubscribe -n "$n" "$RINGBENCH" workload parameter-server --no-report "$@"
}

record() { jq -c 'select(.kind == "workload" and .name == "parameter-server")' "$1/results.jsonl"; }

exits "all bounds" 0 run 3 -b 4K -e 64K -f 16 -n 12 --compute-time 200us --staleness 0,1,inf --output all
like "all bounds: the table" "$out" '^# 64 KiB +inf +[0-9.]+ '
like "all bounds: the real problem" "$out" '^# Least squares by SGD'
like "all bounds: the documents' statement" "$out" '^# Same volume, unequal load: with 16 workers one server moves 134.2 MB in all, the ring 125.8 MB'
record all >record.json
is "a run for every size and bound" "$(jq '.runs | length' record.json)" 6
is "no bound was passed" "$(jq '[.runs[] | select(.bound != "inf" and .stalest > (.bound | tonumber))] | length' record.json)" 0
is "iterations as asked for" "$(jq -c '[.runs[].iterations] | unique' record.json)" "[12]"
is "every iteration has its staleness" "$(jq -c '[.runs[] | (.staleness | add)] | unique' record.json)" "[24]"
is "bound 0 moves all weights to and fro, 12 times for 2 workers" "$(jq -c '[.runs[] | select(.bound == "0") | .server_bytes + 0]' record.json)" \
    "[$((4096 * 48)),$((65536 * 48))]"
simulated=$(jq -c '.solved[0].simulated' record.json)
first=$(jq -r '.solved[0].weights_digest' record.json)

exits "over MPI, a slow worker, two servers too" 0 run 4 --transport mpi -b 100 -e 100 -n 5 --compute-time 100us --slow-worker 3 --servers 1,2 --staleness 0,3 --output mpi
is "over MPI: both numbers of servers" "$(record mpi | jq -c '[.runs[] | [.servers, .workers, .bound]]')" '[[1,3,"0"],[1,3,"3"],[2,2,"0"],[2,2,"3"]]'

exits "again" 0 run 3 -b 64 -e 64 -n 3 --transport mpi --compute-by gemm --compute-time 200us --staleness 0 --output again
is "simulated time is the same every time" "$(record again | jq -c '.solved[0].simulated')" "$simulated"
is "bound 0 ends with the same weights, bit by bit, whatever carries them" "$(record again | jq -r '.solved[0].weights_digest')" "$first"

exits "one rank" 0 mpirun -n 1 "$RINGBENCH" workload parameter-server --no-report --output one
is "one rank: not run, and why" "$(record one | jq -r .skipped)" "a worker and a server are two ranks; this is one"
exits "a bound that is none" 6 run 2 --staleness 0,many --output bad
like "a bound that is none: is told" "$err" "^ringbench: --staleness: 'many' is not a number of iterations or inf"
exits "more servers than ranks" 6 run 2 --servers 2 --output bad
like "more servers than ranks: is told" "$err" '^ringbench: --servers 2: with 2 ranks there can be 1 to 1, the others work'
is "more servers than ranks: once" "$(grep -c '^ringbench: --servers' "$err")" 1

# A run that would go on for minutes, then one of its ranks dies.
pid_of_rank() { head -n 1 mid/results.jsonl | jq ".placement[$1].pid"; }

kill_one() { # rank staleness: sets ended, took
    rm -rf mid
    mpirun --oversubscribe -n 4 "$RINGBENCH" workload parameter-server --no-report -b 4K -e 4K -n 1000000 --compute-time 1ms --staleness "$2" -T 20 --output mid \
        >"$out" 2>"$err" </dev/null &
    local launched=$!
    for _ in $(seq 600); do
        grep -q '^# weights' "$out" && break
        sleep 0.05
    done
    sleep 1.5
    local victim began=$EPOCHREALTIME
    victim=$(pid_of_rank "$1")
    kill -9 "$victim"
    ended=0
    wait "$launched" || ended=$?
    took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
    named="rank $1 \(pid $victim\) is gone"
}

for role in "server 3 0" "server 3 inf" "worker 1 0" "worker 2 2"; do
    read -r what rank bound <<<"$role"
    kill_one "$rank" "$bound"
    like "$what killed, bound $bound: rank $rank is named" "$err" "$named"
    ok "$what killed, bound $bound: the others end soon" awk -v t="$took" 'BEGIN { exit t > 5 }'
    ok "$what killed, bound $bound: the code is not 0" test "$ended" -ne 0
done
finish
