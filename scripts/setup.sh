#!/usr/bin/env bash
# scripts/setup.sh run|check|bundle|aarch64 - install the packages that are missing; with all present it touches no network.
#
# "run" is what building and running need, "check" adds what the tests need, "bundle" what packing an archive needs, "aarch64"
# what cross-building needs. What is missing is told by looking for the thing itself (a command, a pkg-config module, a file), so that
# tools from elsewhere than apt count. With --list it only prints the packages, with --verify it only says which are missing.
set -u

# probe  what  Debian package; a package with ? can be done without: a transport is left out, or some tests skip
run_needs="
command gcc gcc
file /usr/include/stdio.h libc6-dev
command pkg-config pkg-config
command mpirun openmpi-bin
module ompi-c libopenmpi-dev
module hwloc libhwloc-dev
module jansson libjansson-dev
command gnuplot gnuplot-nox
file /usr/share/fonts/*/*.ttf|/usr/share/fonts/*/*/*.ttf fonts-dejavu-core
module libibverbs libibverbs-dev?
file /usr/lib/*/libopenblas.so.0|/usr/lib64/libopenblas*.so.0|/usr/lib/libopenblas*.so.0 libopenblas0-pthread?
file /usr/lib/*/libibverbs/lib*.so|/usr/lib64/libibverbs/lib*.so ibverbs-providers?
"
check_needs="
module cmocka libcmocka-dev
command clang clang
file /usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a libclang-rt-dev
command jq jq
command python3 python3
command gcovr gcovr?
command chromium chromium?
command dot graphviz?
command lstopo-no-graphics hwloc?
command numactl numactl?
command setarch util-linux?
command unshare util-linux?
command xmllint libxml2-utils?
command qemu-system-x86_64 qemu-system-x86?
command busybox busybox-static?
file /sbin/depmod|/usr/sbin/depmod kmod?
command rdma iproute2?
command tc iproute2?
command slurmctld slurm-wlm?
file /usr/lib/*/slurm*/mpi_pmix*.so slurm-wlm-basic-plugins?
command munged munge?
command smpirun libsimgrid-dev?
command g++ g++?
command pip3 python3-pip?
"
aarch64_needs="
command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu?
command aarch64-linux-gnu-g++ g++-aarch64-linux-gnu?
command qemu-aarch64-static qemu-user-static?
"
bundle_needs="
command patchelf patchelf?
command xz xz-utils?
"

say() { echo "ringbench setup: $*" >&2; }

has() { # probe what
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    module) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$2" 2>/dev/null ;;
    file) # alternatives by |, patterns allowed
        local pattern
        for pattern in ${2//|/ }; do
            [ -e "$pattern" ] && return 0
        done
        return 1 ;;
    esac
}

missing() { # list -> packages whose probe fails, once each, in order
    local probe what package
    while read -r probe what package; do
        [ -n "$probe" ] && ! has "$probe" "$what" && echo "$package"
    done <<<"$1" | awk '!seen[$0]++'
}

packages_of() { awk 'NF { print $3 }' <<<"$1" | awk '!seen[$0]++'; }

as_root=""
find_root() {
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || return 1
    as_root=sudo
    # Without a terminal sudo must not stop to ask.
    if [ ! -t 0 ]; then as_root="sudo -n"; fi
    [ -t 0 ] || sudo -n true 2>/dev/null
}

apt() {
    # shellcheck disable=SC2086 # as_root is a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -y -q -o Dpkg::Use-Pty=0 "$@"
}

by_hand() { # why packages
    say "$1; please install, by these or your system's names: $2"
    exit 6
}

install_all() { # required optional
    local log
    log=$(mktemp)
    # shellcheck disable=SC2064 # log is local: its name is put in now
    trap "rm -f '$log'" EXIT
    say "installing ${1} ${2}"
    if ! apt update >"$log" 2>&1; then
        cat "$log" >&2
        say "warning: apt-get update failed (above); trying with the package lists that are there"
    fi
    # shellcheck disable=SC2086
    if [ -n "$1$2" ] && apt install --no-install-recommends $1 $2 >"$log" 2>&1; then return 0; fi
    # Something is not to be had: what is required first, then what is not, each by itself.
    # shellcheck disable=SC2086
    if [ -n "$1" ] && ! apt install --no-install-recommends $1 >"$log" 2>&1; then
        cat "$log" >&2
        by_hand "apt-get could not install everything (above)" "$1"
    fi
    local package
    for package in $2; do
        apt install --no-install-recommends "$package" >"$log" 2>&1 ||
            say "warning: no $package here: tests that need it will be skipped"
    done
}

main() {
    local needs=$run_needs
    case ${1:-} in
    run) ;;
    check) needs+=$check_needs$bundle_needs$aarch64_needs ;;
    bundle) needs+=$bundle_needs ;;
    aarch64) needs+=$aarch64_needs ;;
    *) echo "usage: scripts/setup.sh run|check|bundle|aarch64 [--list|--verify]" >&2; exit 6 ;;
    esac
    if [ "${2:-}" = --list ]; then
        packages_of "$needs" | tr -d '?'
        return
    fi

    local absent required optional
    absent=$(missing "$needs")
    [ -n "$absent" ] || return 0
    required=$(grep -v '?$' <<<"$absent" | paste -sd' ')
    optional=$(grep '?$' <<<"$absent" | tr -d '?' | paste -sd' ')
    if [ "${2:-}" = --verify ]; then
        [ -z "$required" ] || by_hand "something is missing (\"make tools\" installs it)" "$required"
        return 0
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        [ -n "$required" ] || return 0
        by_hand "no apt-get on this system" "$required"
    fi
    if ! find_root; then
        [ -n "$required" ] || return 0
        by_hand "installing needs root, and there is no sudo that works without asking (as root: apt-get install)" "$required"
    fi
    install_all "$required" "$optional"
    hash -r
    required=$(missing "$needs" | grep -v '?$' | paste -sd' ')
    [ -z "$required" ] || by_hand "apt-get installed its packages, but something is still not found" "$required"
}

main "$@"
