#!/usr/bin/env bash
# A real verbs device without a card: Soft-RoCE in a virtual machine. Every algorithm and type over it, then the program, whose rows
# must show in the port's own counters.
. scripts/tap.sh
. tests/vm/part.sh

cat >"$work/shared/job" <<END
CMOCKA_MESSAGE_OUTPUT=TAP $programs/tests/collectives_verbs_device
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_plm_rsh_agent=
mpirun -n 2 --mca pml ob1 --mca btl self,vader "$RINGBENCH" --transport verbs --qps 2 --device rxe0 --collective all_reduce,alltoall \
    --algorithm all -b 1000 -e 256000 -f 16 -n 3 -w 1 --no-report --output "$work/shared/out"
echo "program ended with \$?"
mpirun -n 2 --mca pml ob1 --mca btl self,vader "$RINGBENCH" --transport verbs --proxy --collective all_reduce --algorithm ring --baseline none \
    -b 4K -e 256K -f 8 -n 3 -w 1 --no-report --output "$work/shared/proxy"
echo "with a thread of its own ended with \$?"
# Counters that stand still.
mount -t tmpfs still /sys/class/infiniband/rxe0/ports/1/hw_counters
for name in sent_pkts rcvd_pkts; do echo 5 >/sys/class/infiniband/rxe0/ports/1/hw_counters/\$name; done
mpirun -n 2 --mca pml ob1 --mca btl self,vader "$RINGBENCH" --transport verbs --collective all_reduce --algorithm ring --baseline none \
    -b 64K -e 64K -n 3 -w 1 --no-report --output "$work/shared/still"
echo "without packets ended with \$?"
END
ok "build" built "$programs/tests/collectives_verbs_device"
guest 540 bash "$work/shared/job"
is "the guest ends well" $? 0
relay "in the guest"
records=$work/shared/out/results.jsonl
rows='select(.kind == "case" and .transport == "verbs")'
like "the program ends well" "$work/guest" '^program ended with 0'
like "it names port, GID, MTU and queue pairs" "$work/guest" '^# Transport verbs.*rxe0:1, RoCE v2, GID 1, MTU 4096, 2 queue pairs a connection'
ok "it measures" test "$(jq -c "$rows" "$records" | wc -l)" -ge 12
is "and finds nothing wrong" "$(jq -s "[.[] | $rows | .wrong] | add" "$records")" 0
is "the port of each rank is recorded" "$(jq -c 'select(.kind == "run") | [.placement[].rdma]' "$records")" '["rxe0:1","rxe0:1"]'
is "every row's packets went through the port" \
    "$(jq -s "[.[] | $rows | .card.port == \"rxe0:1\" and .card.payload > 0 and .card.sent >= .card.payload] | all" "$records")" true
is "at least those that its own bytes need, of some calls of that row alone" \
    "$(jq -s "[.[] | $rows | .card.calls > 0 and .card.payload * 4096 >= .card.calls * 2 * .wire_bytes] | all" "$records")" true
is "and none of the rows that it took turns with: a tenth more, for what does not fill a packet" \
    "$(jq -s "[.[] | $rows | select(.bytes == 256000) | .card.payload * 4096 < 1.1 * .card.calls * 2 * .wire_bytes] | all" "$records")" true
is "the sum of its parts is what the port sent" \
    "$(jq -c "$rows | .card | select(.sent != .payload + .credits + .acknowledgements + .other)" "$records")" ""
# A few may be on their way while the counters are read.
is "without packets sent again, acknowledgements explain the rest" \
    "$(jq -c "$rows | .card | select(.retried == 0 and .other > 16)" "$records")" ""
like "with a thread that moves messages it ends well" "$work/guest" '^with a thread of its own ended with 0'
like "which is said" "$work/guest" '^# Transport verbs.*, a thread of its own'
is "and finds nothing wrong" "$(jq -s "[.[] | $rows | .wrong] | add" "$work/shared/proxy/results.jsonl")" 0
like "counters that stand still: rows are refused, with 7" "$work/guest" '^without packets ended with 7'
like "in a line that names rows, port and host" "$work/guest" \
    '^ringbench: refused: all_reduce \(all rows\) over verbs, 64 KiB: rxe0:1 on vm1 sent 0 packets, but the data of its ranks need [0-9]+: they did not go through the card'
is "and leave no record" "$(jq -c 'select(.kind == "case")' "$work/shared/still/results.jsonl")" ""
finish
