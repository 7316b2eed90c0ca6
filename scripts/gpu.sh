# scripts/gpu.sh - to be sourced by scripts/check-gpu and scripts/bench-gpu: is there a GPU that the program can use?
# shellcheck shell=bash

gpu_why_not() { # nothing when there is one
    local builds='' # programs that were carried here were built with them
    [ -n "${GPU_PROGRAMS:-}" ] || builds=$("${MAKE:-make}" -s --no-print-directory BUILD="${BUILD:-build}" print-no_cuda)
    if [ -n "${builds// /}" ]; then
        echo "ringbench was built without the GPU parts: $builds"
    elif [ ! -e /proc/driver/nvidia/version ] && [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ]; then
        echo "no NVIDIA driver is loaded on this machine"
    elif command -v nvidia-smi >/dev/null && ! nvidia-smi -L 2>/dev/null | grep -q '^GPU '; then
        echo "nvidia-smi lists no GPU"
    fi
}

gpu_needed() { # WHO: ends with 5 (not implemented here), and one line
    local why
    why=$(gpu_why_not)
    [ -z "$why" ] || { echo "$1: $why; nothing was run" >&2; exit 5; }
}

gpu_describe() {
    nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.limit --format=csv,noheader 2>/dev/null | sed 's/^/GPU: /'
}
