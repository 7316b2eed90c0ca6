#!/usr/bin/env bash
# What can go wrong with a verbs device, in a virtual machine with Soft-RoCE: a dead peer, a wrong key, a link that is down or
# deleted, locked memory; and the transport under the address and undefined-behaviour sanitizers.
. scripts/tap.sh
. tests/vm/part.sh

# The program loses its device while it measures.
cat >"$work/shared/job" <<END
CMOCKA_MESSAGE_OUTPUT=TAP $programs/tests/collectives_verbs_faults || exit
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_plm_rsh_agent=
mpirun -n 2 --mca pml ob1 --mca btl self,vader "$RINGBENCH" --transport verbs --collective all_reduce --algorithm ring \
    -b 64K -e 64K -n 50 -N 0 --no-report --output /tmp/out >/tmp/run 2>/tmp/said &
for _ in \$(seq 300); do
    ! grep -q 'Collective test concluded' /tmp/run || break
    sleep 0.2
done
rdma link delete rxe0 &
start=\$SECONDS
wait %1
echo "program ended with \$? after \$((SECONDS - start)) s"
cat /tmp/said
END
ok "build" built "$programs/tests/collectives_verbs_faults"
guest 300 bash "$work/shared/job"
is "the guest ends well" $? 0
relay "in the guest"
like "a run whose device is deleted ends with 4, in half a minute" "$work/guest" '^program ended with 4 after [12]?[0-9] s'
like "it says what is gone, and whom that cuts off" "$work/guest" '^ringbench: rank [01]: rxe0:1 on vm1 is gone: no way to rank [01] on vm1'

ok "build with sanitizers" built BUILD="$programs/asan" CC=gcc SAN=address,undefined "$programs/asan/tests/collectives_verbs_device"
guest 280 env RINGBENCH_TEST_ONLY='test_t*' CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_stack_use_after_return=1 \
    LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" "$programs/asan/tests/collectives_verbs_device"
is "the guest ends well with sanitizers" $? 0
relay "with sanitizers"
finish
