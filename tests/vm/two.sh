#!/usr/bin/env bash
# In the guests: two.sh serve | two.sh run FOLDER - the first waits for commands of the second, which starts ranks on both.
set -u
if [ "$1" = serve ]; then
    busybox nc -l -p 4445 -e /bin/bash & # while the first is busy with mpirun's daemon
    while [ ! -e /run/vm/end ]; do busybox nc -l -p 4444 -e /bin/bash; done &
    until [ -e /run/vm/end ]; do sleep 1; done
    sleep 40
    exit 0
fi

for _ in $(seq 60); do
    ! busybox ping -c 1 -W 1 vm2 >/dev/null 2>&1 || break
    sleep 1
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

across() { # ranks a guest, arguments of mpirun
    mpirun --mca plm_rsh_agent "$PWD/tests/vm/agent.sh" --mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0 --mca pml ob1 \
        --mca btl self,tcp --mca osc ^ucx --map-by node -H "vm1:$1,vm2:$1" "${@:2}"
}

across 2 -n 4 "$RINGBENCH" --collective all_reduce --algorithm ring,direct_two_shot -b 1000 -e 256000 -f 16 -n 4 -w 1 --no-report --output "$2"
code=$?

# The cable is cut while the ranks measure; mpirun itself can no longer reach the other guest.
across 1 -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring --baseline none -T 25 -b 64K -e 64K -n 100 -w 1 -N 0 --no-report --output /tmp/cut >/tmp/run 2>/tmp/said &
for _ in $(seq 300); do
    ! grep -q 'Collective test concluded' /tmp/run || break
    sleep 0.2
done
echo "ip link set eth0 down; touch /run/vm/end" | busybox nc vm2 4445 &
mpirun=$(jobs -p | head -n 1)
cut=$SECONDS
for _ in $(seq 150); do
    ! grep -q '^ringbench: rank 0' /tmp/said || break
    sleep 0.2
done
echo "CUT: said after $((SECONDS - cut)) s"
for _ in $(seq 200); do
    kill -0 "$mpirun" 2>/dev/null || break
    sleep 0.2
done
sed 's/^/CUT: /' /tmp/said
if kill -0 "$mpirun" 2>/dev/null; then
    echo "CUT: mpirun has not ended after $((SECONDS - cut)) s"
else
    ended=0
    wait "$mpirun" || ended=$?
    echo "CUT: ended with $ended after $((SECONDS - cut)) s"
fi
exit $code
