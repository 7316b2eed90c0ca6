#!/usr/bin/env bash
# --emulate: slower links in the place of fast ones, seen from outside.
. scripts/tap.sh
cd "$work" || exit 1
run=(mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring -n 3 -w 1 --no-report --output "$work/run")
field() { jq -r "select(.kind == \"case\") | $1" run/results.jsonl | sort -u; }

exits "a rate" 0 "${run[@]}" --emulate 0.2GB/s,50us -b 1M -e 1M
is "records say emulated" "$(field .evidence)" emulated
is "no call beats the rate" "$(field 'select(.busbw_GBps > 0.2 * 1.2) | .busbw_GBps')" ""
is "nothing is wrong" "$(field .wrong)" 0
is "no baseline, which nobody slows" "$(field .baseline)" false
like "the header says so" "$out" '^# Emulated: links of 0.2 GB/s a rank and direction, latency 50 us'

rm -rf run
exits "a model with a scale" 0 "${run[@]}" --emulate H800:0.001 -b 256K -e 16M -f 64
is "the model is in the records" "$(field .gpu)" "H800 SXM 80GB"
like "the header has both rates" "$out" '^# Emulated: links of H800 SXM 80GB, 164.8 GB/s .* x 0.001 as asked: 0.1648 GB/s'
exits "the records are evidence for the model" 0 "$RINGBENCH" validate --gpu H800 run/results.jsonl
like "as an emulation" "$out" 'emulated'

bad() { # name, pattern, value
    exits "$1: exit 6" 6 "$RINGBENCH" --output "$work/bad" --emulate "$3"
    like "$1: says what" "$err" "$2"
    is "$1: one line" "$(grep -c '^ringbench: ' "$err")" 1
}
bad "unknown model" "H900.*no such model" H900
bad "rate without its unit" "'25Gbit': a rate looks like 25GB/s" 25Gbit
bad "rate of zero" "'0GB/s': a rate looks like" 0GB/s
bad "bad latency" "a latency behind the rate looks like ,2us" 1GB/s,fast
bad "scale that is none" "the scale 'x' is not a number above 0" H800:x
finish
