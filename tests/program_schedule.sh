#!/usr/bin/env bash
# ringbench schedule: steps, proof, bytes and cost of every algorithm; figures against values derived by hand.
# shellcheck disable=SC2016 # the inner shell expands it
. scripts/tap.sh

schedule() { "$RINGBENCH" schedule --algorithm "$@"; }
figure() { # jq expression, options...
    local what=$1
    shift
    schedule "$@" --format json | jq -r "$what"
}

exits "the list of algorithms" 0 schedule list
names=$(awk '{ print $1 }' "$out")
ok "has the ring, the direct ones and the parameter server" test "$(grep -cE '^(ring|direct|parameter_server)_' <<<"$names")" -ge 12

# 64 MiB over 8 ranks: every chunk of 8 MiB goes twice round all but one edge, 2 x 7 messages of 1 us + 8388608 B / 25 GB/s each.
exits "a ring all-reduce of eight" 0 schedule ring_all_reduce -n 8
like "the steps of a rank" "$out" '^rank 0: 15 steps'
like "the proof" "$out" '^proof: holds'
like "in the order of the additions" "$out" 'order of the reduction of chunk 0 .*\(0\.0\+\(7\.0\+'
like "the bytes of an edge" "$out" '^ +0 +\. +112 MiB'
like "the busiest rank" "$out" 'busiest rank sends 117440512 B and receives 117440512 B'
like "the cost" "$out" '^cost: 4\.71 ms'
is "the same in JSON" "$(figure '[.hops, .busiest_egress_bytes, .total_bytes, (.edges | length), (.steps[0] | length)] | join(" ")' ring_all_reduce -n 8)" \
    "14 117440512 939524096 8 15"
is "the cost to the nanosecond" "$(figure '.cost_us * 1000 | round' ring_all_reduce -n 8)" 4711620
is "at another latency and rate: 2 x (5 us + 512 B / 1 GB/s)" "$(figure '.cost_us * 1000 | round' ring_all_reduce -n 2 -b 1K --alpha 5us --rate 1)" 11024

is "all-gather of 4: three quarters pass each edge" "$(figure '.busiest_edge_bytes' ring_all_gather -n 4 -b 4M)" 3145728
is "reduce-scatter of 4: as many" "$(figure '.busiest_edge_bytes' ring_reduce_scatter -n 4 -b 4M)" 3145728
is "broadcast: all of it, but not to the root" "$(figure '[.total_bytes, .busiest_egress_bytes] | join(" ")' ring_broadcast -n 4 -b 4M -r 2)" "12582912 4194304"
is "one shot: everything to everybody" "$(figure '.total_bytes' direct_one_shot_all_reduce -n 4 -b 4M)" 50331648
is "two shots: twice a quarter to each of three" "$(figure '.busiest_egress_bytes' direct_two_shot_all_reduce -n 4 -b 4M)" 6291456
is "one server of four: three gradients in, three sums out" \
    "$(figure '[.busiest_ingress_bytes, .busiest_egress_bytes] | join(" ")' parameter_server_dedicated -n 4 -b 4M)" "12582912 12582912"
is "two servers of four: two workers with half each" "$(figure '.busiest_ingress_bytes' parameter_server_dedicated -n 4 --servers 2 -b 4M)" 4194304

for name in $names; do
    exits "$name is proved for 5 ranks" 0 schedule "$name" -n 5 --all
    ok "  shown for all of them" test "$(grep -c '^rank ' "$out")" -eq 5
    exits "  and without direct access" 0 schedule "$name" -n 5 --slots
    unlike "  nothing is read or written there" "$out" '^ +[0-9]+ +[0-9]+ .*(publish|pull|push|grant)'
    like "  proved too" "$out" '^proof: holds'
    ok "  the JSON is JSON" bash -c '"$RINGBENCH" schedule --algorithm "$1" -n 5 --format json | jq -e .proof_holds' _ "$name"
done
exits "one rank moves nothing" 0 schedule ring_all_reduce -n 1
like "and that is proved" "$out" '^proof: holds'

refused() { # name, pattern of the message, options
    local name=$1 pattern=$2
    shift 2
    exits "$name" 6 "$RINGBENCH" schedule "$@"
    like "  says so" "$err" "$pattern"
    is "  in one line, nothing else" "$(wc -l <"$err") $(wc -c <"$out")" "1 0"
}
refused "no algorithm" 'needs --algorithm NAME'
refused "a mistyped one" "unknown 'rng_all_reduce'; did you mean ring_all_reduce" --algorithm rng_all_reduce
refused "no rank" '-n 0: out of range' --algorithm ring_all_reduce -n 0
refused "too many ranks" 'out of range, 1 to 1024' --algorithm ring_all_reduce -n 1025
refused "a root that is no rank" 'the ranks are 0 to 3' --algorithm ring_broadcast -n 4 -r 4
refused "a rank that is none" 'the ranks are 0 to 3' --algorithm ring_all_reduce -n 4 --rank 4
refused "more servers than can be" 'takes 1 to 3' --algorithm parameter_server_dedicated -n 4 --servers 9
refused "no rate" '--rate 0: out of range' --algorithm ring_all_reduce --rate 0
finish
