#!/usr/bin/env bash
# tests/vm/kernel.sh FOLDER - Debian's own kernel with its Soft-RoCE driver, unpacked below FOLDER, for tests/vm/boot.sh.
#
# Fetches the package with apt (not installed, no root needed), keeps the few modules that the guest loads, once. Prints the folder of
# the kernel. Ends with 77 and a line when it cannot be had here. RINGBENCH_VM_KERNEL names another package.
set -u
PATH=$PATH:/usr/sbin:/sbin

skip() {
    echo "$*" >&2
    exit 77
}

package() {
    local name=${RINGBENCH_VM_KERNEL:-}
    [ -n "$name" ] || name=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
    [ -n "$name" ] || skip "apt knows no linux-image-amd64"
    echo "$name"
}

unpack() { # package folder: what a kernel lacks of this list it lacks
    dpkg-deb --fsys-tarfile "$2"/*.deb | tar -x -C "$2" --wildcards './boot/vmlinuz*' './lib/modules/*/modules.*' \
        '*/kernel/drivers/virtio/*' '*/kernel/drivers/infiniband/core/*' '*/kernel/drivers/infiniband/sw/rxe/*' \
        '*/kernel/net/9p/*' '*/kernel/fs/9p/*' '*/kernel/fs/netfs/*' '*/kernel/fs/fscache/*' '*/kernel/fs/overlayfs/*' \
        '*/kernel/drivers/net/dummy*' '*/kernel/drivers/net/virtio_net*' '*/kernel/drivers/net/net_failover*' \
        '*/kernel/net/core/*' '*udp_tunnel*' '*/kernel/crypto/crc32*' 2>/dev/null
}

main() {
    local name folder tool
    for tool in apt-get apt-cache dpkg-deb depmod; do
        command -v $tool >/dev/null || skip "no $tool"
    done
    name=$(package) || exit
    mkdir -p "$1" && exec 9>"$1/lock" && flock 9 # two guests may be started at once
    folder=$1/$name
    if [ ! -e "$folder/whole" ]; then
        rm -rf "$folder"
        mkdir -p "$folder" || exit 1
        (cd "$folder" && apt-get download "$name" >/dev/null 2>apt.log) || skip "$name cannot be fetched: $(grep -m 1 '^E:' "$folder/apt.log")"
        unpack "$name" "$folder"
        rm -f "$folder"/*.deb
        ls "$folder"/lib/modules/*/kernel/drivers/infiniband/sw/rxe/rdma_rxe.ko* >/dev/null 2>&1 || skip "$name has no Soft-RoCE driver (rdma_rxe)"
        depmod -b "$folder" "${name#linux-image-}" || skip "depmod fails on $name"
        touch "$folder/whole"
    fi
    echo "$folder"
}

main "$@"
