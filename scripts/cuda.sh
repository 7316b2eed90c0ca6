#!/usr/bin/env bash
# scripts/cuda.sh FOLDER all|compiler - a CUDA toolkit in FOLDER, without root, from NVIDIA's Python wheels.
#
# "compiler" is what building needs: nvcc, the runtime, the headers. "all" adds NCCL, cuBLAS and compute-sanitizer (about 1 GB to
# fetch). CUDA_RELEASE names another release of 13 (13.0). What is there already is not fetched again; a fetch that
# fails leaves FOLDER as it was, says why in one line and ends with 1.
set -u
release=${CUDA_RELEASE:-13.0}
folder=${1:?usage: scripts/cuda.sh FOLDER all|compiler}
new=$folder.new

say() { echo "ringbench cuda: $*" >&2; }

wheels() { # all|compiler
    # nvcc's own dependencies carry no version: a runtime newer than the compiler would come with them.
    local part
    for part in nvcc crt runtime cccl; do echo "nvidia-cuda-$part==$release.*"; done
    echo "nvidia-nvvm==$release.*"
    [ "$1" = all ] || return 0
    echo "nvidia-cuda-sanitizer-api==$release.*"
    # NCCL puts several ranks on one GPU from 2.30.3 on; cuBLAS counts its versions for itself.
    echo "nvidia-nccl-cu13>=2.30.3"
    echo "nvidia-cublas==13.*"
    echo "nvidia-cuda-nvrtc==13.*"
}

pip() { # a system's pip, else one of our own; nothing is installed into either
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip "$@"
    else
        [ -x "$new/venv/bin/pip" ] || python3 -m venv "$new/venv" >&2 || return 1
        "$new/venv/bin/pip" "$@"
    fi
}

arrange() { # what the wheels unpacked, as a toolkit is laid out
    local from=$new/site/nvidia/cu13 file
    [ -x "$from/bin/nvcc" ] || { say "the wheels hold no nvcc for this machine ($(uname -m))"; return 1; }
    if [ -d "$new/site/nvidia/nccl" ]; then
        cp -R "$new/site/nvidia/nccl/." "$from/"
    fi
    ln -s lib "$from/lib64"
    for file in "$from"/lib/*.so.[0-9]*; do
        ln -sf "$(basename "$file")" "${file%%.so.*}.so"
    done
    chmod +x "$from"/bin/* "$from/nvvm/bin/cicc"
    rm -rf "$folder"
    mv "$from" "$folder"
}

fetch() { # all|compiler
    command -v python3 >/dev/null || { say "fetching the wheels needs python3"; return 1; }
    rm -rf "$new"
    mkdir -p "$new"
    say "fetching CUDA $release ($1) into $folder"
    # shellcheck disable=SC2046 # a list of words
    if ! pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$new/site" $(wheels "$1") >"$new/log" 2>&1; then
        say "the wheels cannot be had: $(grep -v -e '^$' -e WARNING "$new/log" | tail -n 1)"
        return 1
    fi
    arrange || return 1
    wheels "$1" >"$folder/wheels"
}

main() {
    case ${2:-} in
    all | compiler) ;;
    *) echo "usage: scripts/cuda.sh FOLDER all|compiler" >&2; exit 6 ;;
    esac
    if ! { [ -e "$folder/wheels" ] && [ -z "$(wheels "$2" | grep -vxFf "$folder/wheels")" ]; }; then
        trap 'rm -rf "$new"' EXIT
        fetch "$2" || exit 1
    fi
    say "$("$folder/bin/nvcc" --version | sed -n 's/.*, V/nvcc /p') in $folder"
}

main "$@"
