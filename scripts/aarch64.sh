#!/usr/bin/env bash
# scripts/aarch64.sh TARGET... - make TARGET... for aarch64 (hosts of GH200 and GB200) on another machine, below $BUILD/aarch64.
#
# Debian's arm64 packages of what ringbench needs are fetched and unpacked into $BUILD/aarch64/sysroot, once: nothing is installed,
# no root is needed. The compiler is aarch64-linux-gnu-gcc ("scripts/setup.sh aarch64" installs it); with an nvcc here and
# aarch64-linux-gnu-g++ the GPU parts are built too, with the CUDA runtime for that machine from its Python wheel. Ends with 77
# and one line when it cannot be done here.
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make}
folder=$(realpath -m "${BUILD:-build}/aarch64")
sysroot=$folder/sysroot
triple=aarch64-linux-gnu

give_up() {
    echo "ringbench aarch64: $*" >&2
    exit 77
}

# An apt of its own: lists, cache and the belief that nothing is installed.
apt_arm() {
    apt-get -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache="$folder/apt" \
        -o Dir::State::status=/dev/null -o Dir::Etc::parts=/dev/null -o APT::Sandbox::User=root -qq "$@"
}

packages() { # what these need, without the tools and the libraries that nothing here is linked with
    apt_arm install -s --no-install-recommends libc6-dev libopenmpi-dev libhwloc-dev libjansson-dev libibverbs-dev libcmocka-dev |
        awk '/^Inst/ { print $2 }' | grep -E '^(lib|zlib|linux-libc-dev|openmpi|ibverbs)' |
        grep -vE '^lib(perl|icu|.*san[0-9]|gfortran|binutils|js-|cc1|ctf|gcc-|gprofng|isl|mpc|mpfr|x11|xau|xdmcp|xext|xcb|xnv|hwloc-plugins)'
}

fetch_sysroot() {
    [ ! -e "$sysroot/whole" ] || return 0
    for tool in apt-get dpkg-deb; do
        command -v $tool >/dev/null || give_up "the arm64 libraries are fetched with $tool, which is not here"
    done
    rm -rf "$folder/apt" "$sysroot"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/apt/debs" "$sysroot"
    echo "ringbench aarch64: fetching the arm64 libraries into $sysroot" >&2
    apt_arm update >"$folder/apt/log" 2>&1
    local list
    list=$(packages 2>>"$folder/apt/log")
    # shellcheck disable=SC2086 # a list of words
    [ -n "$list" ] && (cd "$folder/apt/debs" && apt_arm download $list) >>"$folder/apt/log" 2>&1 ||
        give_up "the arm64 libraries cannot be fetched: $(grep -m 1 '^E:' "$folder/apt/log")"
    for package in "$folder"/apt/debs/*.deb; do
        dpkg-deb -x "$package" "$sysroot" || give_up "$package cannot be unpacked"
    done
    rm -rf "$folder/apt"
    touch "$sysroot/whole"
}

fetch_cudart() { # the runtime that is linked, of the release of the nvcc here
    local release=${1%.*}
    [ ! -e "$folder/cudart/libcudart_static.a" ] || return 0
    mkdir -p "$folder/cudart"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform manylinux2014_aarch64 -d "$folder/cudart" \
        "nvidia-cuda-runtime==$release.*" >"$folder/cudart/log" 2>&1 &&
        python3 -m zipfile -e "$folder"/cudart/*.whl "$folder/cudart/wheel" &&
        cp "$(find "$folder/cudart/wheel" -name libcudart_static.a)" "$folder/cudart/" && rm -rf "$folder/cudart"/wheel "$folder"/cudart/*.whl
}

cuda=(CUDA=)
choose_cuda() { # arguments of make: CUDA= among them leaves the GPU parts out
    local version
    [[ " $* " != *" CUDA= "* ]] || return 0
    version=$($MAKE -s --no-print-directory print-nvcc_version)
    if [ -z "$version" ] || ! command -v $triple-g++ >/dev/null; then
        echo "ringbench aarch64: without the GPU parts: they want nvcc and $triple-g++" >&2
    elif ! fetch_cudart "$version"; then
        echo "ringbench aarch64: without the GPU parts: no CUDA runtime: $(grep -v '^$' "$folder/cudart/log" | tail -n 1)" >&2
    else
        export NVCC_CCBIN=$triple-g++
        # A toolkit of the system has its headers for its own kind of processor only; they are the same.
        cuda=(NVCC="$($MAKE -s --no-print-directory print-NVCC)" cudart="$folder/cudart/libcudart_static.a"
            NVCCFLAGS="-isystem $($MAKE -s --no-print-directory print-nvcc_root)/include")
    fi
}

command -v $triple-gcc >/dev/null || give_up "no $triple-gcc here (scripts/setup.sh aarch64 installs it)"
mkdir -p "$folder"
fetch_sysroot
choose_cuda "$@"
export PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triple/pkgconfig:$sysroot/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$sysroot
exec $MAKE --no-print-directory BUILD="$folder" CUDA_BUILD="$folder" CC="$triple-gcc --sysroot=$sysroot" "${cuda[@]}" "${@/#BUILD\//$folder/}"
