#!/usr/bin/env bash
# How make finds nvcc and for what it compiles, how a toolkit is brought, and what is said where there is no GPU. With stand-ins for nvcc
# and pip: nothing is compiled, no network is touched.
. scripts/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL CUDA CUDA_ARCHS CUDA_BUILD CUDA_HOME NVCC NVCC_CCBIN

nvcc_in() { # FOLDER VERSION: a compiler that only says who it is
    mkdir -p "$1/bin"
    printf '%s\n' '#!/bin/sh' 'case $1 in' "--version) echo 'Cuda compilation tools, release ${2%.*}, V$2' ;;" \
        "--list-gpu-code) printf 'sm_100\nsm_52\nsm_60\nsm_70\nsm_90\nsm_90a\nsm_100f\nsm_80\n' ;;" esac >"$1/bin/nvcc"
    chmod +x "$1/bin/nvcc"
}

# What make and the scripts want, but no nvcc.
tools=$work/tools
mkdir "$tools"
for word in sh bash make gcc g++ pkg-config sed sort awk cmp mkdir find nproc grep tail cat rm mv ln basename chmod uname cp touch echo; do
    ln -s "$(type -P $word)" "$tools/$word"
done

ask() { # VARIABLE [arguments of make]; FIRST: folders before the tools
    PATH=${FIRST:+$FIRST:}$tools make -s --no-print-directory BUILD="$work/build" "${@:2}" "print-$1"
}

nvcc_in "$work/path" 13.0.88
nvcc_in "$work/home" 12.4.131
nvcc_in "$work/old" 11.8.89
nvcc_in "$work/build/cuda" 13.1.1
inpath=$work/path/bin

is "in the build folder it is found first" "$(FIRST=$inpath ask NVCC)" "$work/build/cuda/bin/nvcc"
is "also by a build in a folder below" "$(ask NVCC BUILD="$work/build/clang")" "$work/build/cuda/bin/nvcc"
rm -rf "$work/build/cuda"
is "then in PATH" "$(CUDA_HOME=$work/home FIRST=$inpath ask NVCC)" "$inpath/nvcc"
is "then in CUDA_HOME" "$(CUDA_HOME=$work/home ask NVCC)" "$work/home/bin/nvcc"
is "one that is named is taken" "$(FIRST=$inpath ask NVCC NVCC="$work/home/bin/nvcc")" "$work/home/bin/nvcc"
is "it is said which, and for what: from 70 up, without the variants of one chip" "$(FIRST=$inpath ask gpu)" \
    "$inpath/nvcc 13.0.88 for sm_70 sm_80 sm_90 sm_100"
FIRST=$inpath ask nvcc_flags >"$work/flags"
like "PTX of the newest" "$work/flags" 'arch=compute_100,code=compute_100 *$'
like "the host half needs no libstdc++" "$work/flags" 'fno-threadsafe-statics'
is "fewer when asked" "$(FIRST=$inpath ask gpu CUDA_ARCHS="80 90")" "$inpath/nvcc 13.0.88 for sm_80 sm_90"
FIRST=$inpath ask CPPFLAGS >"$work/with"
like "C is told" "$work/with" '-DRB_CUDA'

is "none: left out, with the reason" "$(ask gpu CUDA_PLACES=)" 'left out: no nvcc here ("make cuda" brings one)'
ask CPPFLAGS CUDA_PLACES= >"$work/without"
unlike "and C is told nothing" "$work/without" '-DRB_CUDA'
is "no kernels then" "$(ask kernels CUDA_PLACES=)" ""
is "CUDA= leaves them out" "$(FIRST=$inpath ask gpu CUDA=)" "left out: CUDA= was given"
is "too old: said" "$(ask gpu NVCC="$work/old/bin/nvcc")" "left out: $work/old/bin/nvcc 11.8.89 is older than 12"
rm "$tools/g++"
is "no C++ compiler: said" "$(FIRST=$inpath ask gpu)" "left out: no g++ for the host half of $inpath/nvcc"
is "another one can be named" "$(NVCC_CCBIN=clang++ FIRST=$inpath ask gpu CUDA_ARCHS=90)" "$inpath/nvcc 13.0.88 for sm_90"

mkdir "$work/smi"
printf '%s\n' '#!/bin/sh' "printf '9.0\n9.0\n8.0\n6.1\n'" >"$work/smi/nvidia-smi"
chmod +x "$work/smi/nvidia-smi"
is "make run compiles for the GPUs that are here" "$(NVCC_CCBIN=g++ FIRST=$work/smi:$inpath ask archs)" 'CUDA_ARCHS="80 90"'

# A toolkit from wheels, with a pip that writes down what it was asked for.
printf '%s\n' '#!/bin/bash' '[ "$3" != --version ] || exit 0' "echo \"\$*\" >>$work/asked" \
    "[ ! -e $work/offline ] || { echo 'ERROR: no route to the wheels'; exit 1; }" \
    'all=$*' 'while [ "$1" != --target ]; do shift; done' 'mkdir -p "$2/nvidia/cu13/lib" "$2/nvidia/cu13/nvvm/bin"' \
    "cp -R $work/path/bin \"\$2/nvidia/cu13/\"" 'touch "$2/nvidia/cu13/lib/libcudart.so.13" "$2/nvidia/cu13/nvvm/bin/cicc"' \
    '[[ $all != *nccl* ]] || { mkdir -p "$2/nvidia/nccl/lib" && touch "$2/nvidia/nccl/lib/libnccl.so.2"; }' >"$tools/python3"
chmod +x "$tools/python3"
bring() { PATH=$tools scripts/cuda.sh "$work/toolkit" "$@"; }

touch "$work/offline"
exits "no network: the end" 1 bring compiler
like "with the reason" "$err" 'the wheels cannot be had: ERROR: no route to the wheels'
ok "and nothing is left behind" test ! -e "$work/toolkit" -a ! -e "$work/toolkit.new"
rm "$work/offline"
exits "the compiler is brought" 0 bring compiler
like "of one release" "$work/asked" 'nvidia-cuda-nvcc==13.0.\* .*nvidia-cuda-runtime==13.0.\*'
unlike "without NCCL" "$work/asked" 'nccl'
ok "laid out as nvcc and the linker want it" test -x "$work/toolkit/bin/nvcc" -a -e "$work/toolkit/lib64/libcudart.so"
: >"$work/asked"
exits "again" 0 bring compiler
is "fetches nothing" "$(cat "$work/asked")" ""
exits "the rest" 0 bring all
like "has an NCCL that puts several ranks on one GPU" "$work/asked" 'nvidia-nccl-cu13>=2.30.3'
ok "beside the runtime" test -e "$work/toolkit/lib/libnccl.so"
exits "another release is fetched anew" 0 env CUDA_RELEASE=13.1 PATH="$tools" "$BASH" scripts/cuda.sh "$work/toolkit" compiler
like "by its number" "$work/asked" 'nvidia-cuda-nvcc==13.1.\*'
exits "half a command: usage" 6 bring

if [ -e /proc/driver/nvidia/version ] || [ -e /dev/nvidiactl ] || [ -e /dev/dxg ]; then
    skip "check-gpu without a GPU" "there is a driver here"
    finish
fi
for script in check-gpu bench-gpu; do
    exits "$script without a GPU" 5 env BUILD="${BUILD:-build}" "scripts/$script"
    is "one line" "$(wc -l <"$err")" 1
    like "that says why" "$err" "^$script: .*; nothing was run"
done
finish
