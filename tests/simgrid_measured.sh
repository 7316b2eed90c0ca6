#!/usr/bin/env bash
# The model against this machine: shared memory, as the fastest call of two sizes gives it, is the link; the sizes between are predicted.
# Sizes stay in the caches. Only when RINGBENCH_MEASURE is set: a time that
# varies cannot be predicted, and a busy machine must not turn a check red.
. scripts/tap.sh
quick=(--collective all_reduce --algorithm ring --transport shm --baseline none --no-report -f 2)
cores=$(nproc)

busy() {
    awk -v cores="$cores" '{ exit !($1 > cores / 2) }' /proc/loadavg
}

if [ "$cores" -lt 2 ]; then
    skip "predicted within 10 % of what is measured" "one core: the ranks take turns"
    finish
    exit
fi
if [ -z "${RINGBENCH_MEASURE:-}" ]; then
    skip "predicted within 10 % of what is measured" "a measurement, not a check: RINGBENCH_MEASURE=1 asks for it"
    finish
    exit
fi
if busy; then
    skip "predicted within 10 % of what is measured" "the machine is busy ($(cut -d' ' -f1 /proc/loadavg) on $cores cores)"
    finish
    exit
fi

ok "measures two ranks over shared memory" timeout 120 mpirun --allow-run-as-root -n 2 "$RINGBENCH" run "${quick[@]}" -b 256K -e 1M --budget 1s --output "$work/run"
jq -r 'select(.kind == "case" and .in_place == false) | [.bytes, .time_us.min, .time_us.median] | @tsv' "$work/run/results.jsonl" | sort -n >"$work/measured"

# Two messages of half the size, one after the other: t = 2 alpha + S / B.
awk 'NR == 1 { s = $1; t = $2 } { S = $1; T = $2 }
     END { B = (S - s) / (T - t); a = (t - s / B) / 2; printf "%.9g %.9g\n", B / 1000, (a > 0 ? a : 0) }' "$work/measured" >"$work/link"
read -r rate latency <"$work/link"
printf 'gpu = GH200 96GB\nper_node = 2\nnodes = 1\nlink_GBps = %s\nlink_us = %s\n' "$rate" "$latency" >"$work/machine.cluster"
ok "predicts the same sizes" "$RINGBENCH" simulate --cluster "$work/machine.cluster" --algorithm ring_all_reduce -b 256K -e 1M -f 2 --protocol bare \
    --output "$work/simulated.jsonl"
jq -r 'select(.kind == "case") | [.bytes, .time_us.median] | @tsv' "$work/simulated.jsonl" | sort -n >"$work/predicted"
join "$work/measured" "$work/predicted" 2>/dev/null | awk '{ printf "# %d bytes: measured %.1f us, predicted %.1f us, %+.1f %%\n", $1, $2, $4, 100 * ($4 / $2 - 1) }'
noisy=$(awk '$3 > 2 * $2 { n++ } END { print n + 0 }' "$work/measured")
if [ "$noisy" -gt 0 ] || busy; then
    skip "predicted within 10 % of what is measured" "the times of $noisy sizes vary twofold: others use the processors"
else
    is "sizes that are off by more than 10 %" "$(join "$work/measured" "$work/predicted" | awk '{ d = $4 / $2 - 1; n += d > 0.1 || d < -0.1 } END { print n + 0 }')" 0
fi
finish
