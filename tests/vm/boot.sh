#!/usr/bin/env bash
# tests/vm/boot.sh [options] COMMAND [ARGUMENT...] - runs a command in a throw-away virtual machine that has a real verbs device,
# Soft-RoCE (rxe0).
#
# The guest sees this machine's files read-only (what it writes there vanishes) and starts in the same folder. No root, no
# network of the host, no disk image; without KVM, so it is slow: it proves correctness, never speed.
#   -t SECONDS   limit (300)        -m MEGABYTES memory (1024)      -c CPUS (2)
#   -o FOLDER    writable, seen at the same path                    -k FOLDER where kernels are kept (build/vm)
#   -n 1|2       this guest's number; with -j PORT joined by a cable to the other: 2 listens on that TCP port of 127.0.0.1
# Ends with the command's code (at most 120), 121 when the guest could not be set up, 124 when the limit was reached, 125 when
# the guest died, 77 with the reason when it cannot run here.
set -u
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
limit=300 memory=1024 cpus=2 results="" kernels=${BUILD:-build}/vm number=1 port=""
while getopts t:m:c:o:k:n:j: option; do
    case $option in
    t) limit=$OPTARG ;;
    m) memory=$OPTARG ;;
    c) cpus=$OPTARG ;;
    o) results=$(realpath "$OPTARG") ;;
    k) kernels=$OPTARG ;;
    n) number=$OPTARG ;;
    j) port=$OPTARG ;;
    *) exit 6 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || exit 6

skip() {
    echo "vm: $*" >&2
    exit 77
}

[ "$(uname -m)" = x86_64 ] || skip "the guest is an x86_64 machine, this one is not"
for tool in qemu-system-x86_64 busybox modprobe rdma; do
    command -v $tool >/dev/null || skip "no $tool"
done
ldd "$(command -v busybox)" 2>&1 | grep -Eq 'not a dynamic|statically' || skip "busybox is not static (busybox-static is)"
mkdir -p "$kernels"
kernel=$("$here/kernel.sh" "$kernels" 2>"$kernels/why") || skip "$(tail -n 1 "$kernels/why")"
version=$(basename "$kernel")
version=${version#linux-image-}
work=$(mktemp -d "${TMPDIR:-/tmp}/rbvm.XXXXXX") || exit 121
trap 'rm -rf "$work"' EXIT

modules() { # in the order in which they must be loaded, each once
    local wanted file rest base
    for wanted in virtio_pci 9p 9pnet_virtio overlay dummy virtio_net crc32_generic rdma_rxe; do
        modprobe -d "$kernel" -S "$version" --show-depends $wanted 2>/dev/null | sed -n 's/^insmod //p' | while read -r file rest; do
            base=$(basename "$file" .xz)
            [ ! -f "$work/root/modules/$base" ] || continue
            case $file in
            *.xz) xz -dc "$file" >"$work/root/modules/$base" ;;
            *) cp "$file" "$work/root/modules/$base" ;;
            esac
            echo "$base $rest" >>"$work/root/modules/order"
        done
    done
}

command_file() { # what is passed on: the folder, a few variables, the words
    local name
    printf 'cd %q || exit 121\n' "$PWD"
    for name in $(compgen -e | grep -E '^(RINGBENCH|RINGBENCH_.*|OMPI_.*|[A-Z]*SAN_OPTIONS|CMOCKA_.*|GCOV_.*|LOGS|BUILD|VM_.*)$'); do
        printf 'export %s=%q\n' "$name" "${!name}"
    done
    printf '%q ' "$@"
    echo
}

mkdir -p "$work"/root/{bin,modules,proc,sys,dev,lower,layer,root}
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$here/init" "$here/device.sh" "$work/root/"
chmod +x "$work/root/init"
modules
command_file "$@" >"$work/root/command"
printf 'vm_name=vm%s\nvm_number=%s\nvm_results=%q\n' "$number" "$number" "$results" >"$work/root/settings"
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"

machine=(-accel "tcg,thread=multi" -cpu max)
# A /dev/kvm without these flags belongs to a machine that cannot run an ordinary kernel.
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then machine=(-accel kvm -cpu host); fi
machine+=(-smp "$cpus" -m "$memory" -nodefaults -display none -no-reboot -serial stdio -monitor none
    -device "isa-debug-exit,iobase=0xf4,iosize=4" -kernel "$(echo "$kernel"/boot/vmlinuz-*)" -initrd "$work/initrd"
    -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
    -append "console=ttyS0 quiet panic=-1 oops=panic")
[ -z "$results" ] || machine+=(-virtfs "local,path=$results,mount_tag=results,security_model=none,multidevs=remap")
if [ -n "$port" ]; then
    end=connect
    [ "$number" != 2 ] || end=listen
    machine+=(-netdev "socket,id=cable,$end=127.0.0.1:$port"
        -device "virtio-net-pci,netdev=cable,mac=52:54:00:00:00:0$number,romfile=,host_mtu=9000")
else
    machine+=(-nic none)
fi
timeout -k 5 "$limit" qemu-system-x86_64 "${machine[@]}" </dev/null 2>&1 | tr -d '\r' | tee "$work/log"
code=${PIPESTATUS[0]}
if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
    echo "vm: stopped after $limit s" >&2
    exit 124
fi
# The debug port makes an odd code; a panic or a plain end makes 0.
if grep -q '^VM-END' "$work/log" && [ $((code & 1)) -eq 1 ]; then exit $((code >> 1)); fi
echo "vm: the guest died (qemu ended with $code)" >&2
exit 125
