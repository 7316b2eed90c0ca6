#!/usr/bin/env bash
# In the guest: rxe0 on the network card that joins two guests, else on an interface without a wire.
# shellcheck source=/dev/null
. /run/vm/settings
number=${vm_number:?}
interface=dummy0
[ ! -e /sys/class/net/eth0 ] || interface=eth0
[ -e "/sys/class/net/$interface" ] || ip link add dummy0 type dummy || exit 1
ip link set "$interface" mtu 9000 2>/dev/null
ip link set "$interface" up && ip addr replace "10.9.0.$number/24" dev "$interface" || exit 1
grep -q vm1 /etc/hosts || printf '10.9.0.1 vm1\n10.9.0.2 vm2\n' >>/etc/hosts
rdma link add rxe0 type rxe netdev "$interface" || exit 1
for _ in $(seq 50); do # the address becomes a GID a moment later
    ! grep -qs "ffff:0a09:000$number" /sys/class/infiniband/rxe0/ports/1/gids/* || exit 0
    sleep 0.1
done
exit 1
