#!/usr/bin/env bash
# Two virtual machines with Soft-RoCE, joined by a cable, and mpirun across them: the transport that the program chooses by itself is
# shared memory inside and verbs outside, the results are right and the packets are seen on both ports.
. scripts/tap.sh
. tests/vm/part.sh

port=$((20000 + RANDOM % 20000))
tests/vm/boot.sh -t 500 -m 768 -c 1 -n 2 -j $port tests/vm/two.sh serve >"$work/second" 2>&1 &
second=$!
sleep 2
code=0
tests/vm/boot.sh -t 480 -m 768 -c 1 -n 1 -j $port -o "$work/shared" tests/vm/two.sh run "$work/shared/out" >"$work/guest" 2>"$work/guest.err" || code=$?
if [ $code -eq 77 ]; then
    wait $second
    skip "two virtual machines" "$(tail -n 1 "$work/guest.err")"
    finish
fi
is "mpirun across two machines ends well" $code 0
[ $code -eq 0 ] || tap_show "$work/guest" "$work/guest.err" "$work/second"
ok "the second machine ends well" wait $second
records=$work/shared/out/results.jsonl
rows='select(.kind == "case" and .baseline == false)'
like "memory inside and verbs outside were chosen" "$work/guest" '^# Transport .*shm\+verbs by auto.*rxe0:1, RoCE v2'
is "on two machines" "$(jq -s "[.[] | $rows | .nodes] | unique | tostring" "$records")" '"[2]"'
is "all rows over both" "$(jq -s "[.[] | $rows | .transport] | unique | tostring" "$records")" '"[\"shm+verbs\"]"'
is "nothing wrong" "$(jq -s "[.[] | $rows | .wrong] | add" "$records")" 0
is "a ring's packets are those between the hosts: half of what the four ranks send stays inside" \
    "$(jq -s "[.[] | $rows | select(.algorithm == \"ring\" and .bytes == 256000) | .card.payload * 4096 < .card.calls * 2.5 * .wire_bytes] | all" "$records")" true
is "seen on the ports" "$(jq -s "[.[] | $rows | .card.payload > 0 and .card.sent >= .card.payload] | all" "$records")" true
like "a cut cable is said within half a minute" "$work/guest" '^CUT: said after [12]?[0-9] s'
like "and the job ends: with 4, or with its mpirun, which waits for the other machine for ever" "$work/guest" '^CUT: ended with (4|137) after [1-5]?[0-9] s'
like "with the peer, its host, the port and what to do" "$work/guest" \
    '^CUT: ringbench: rank 0: rxe0:1 on vm1 (to rank 1 \(rxe0:1 on vm2\): .*it died, or the link|went down: no way to rank 1 on vm2)'
finish
