#!/usr/bin/env bash
# In the guests: two.sh serve | two.sh run FOLDER - the first waits for commands of the second, which starts ranks on both.
set -u
if [ "$1" = serve ]; then
    while [ ! -e /run/vm/end ]; do busybox nc -l -p 4444 -e /bin/bash; done
    exit 0
fi

for _ in $(seq 60); do
    ! busybox ping -c 1 -W 1 vm2 >/dev/null 2>&1 || break
    sleep 1
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun --mca plm_rsh_agent "$PWD/tests/vm/agent.sh" --mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0 --mca pml ob1 \
    --mca btl self,tcp --mca osc ^ucx --map-by node -H vm1:2,vm2:2 -n 4 \
    "$RINGBENCH" --collective all_reduce --algorithm ring,direct_two_shot -b 1000 -e 256000 -f 16 -n 4 -w 1 --no-report --output "$2"
code=$?
echo "touch /run/vm/end" | busybox nc vm2 4444
exit $code
