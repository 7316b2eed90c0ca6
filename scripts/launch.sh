#!/usr/bin/env bash
# scripts/launch.sh [--ranks N] [options of ringbench] - the main job on this machine: two to eight ranks by the cores.
#
# Sets what Open MPI wants to hear before it starts: as root it must be allowed, more ranks than cores must be asked for,
# and where /dev/shm is missing or read-only its own files go elsewhere.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)

cores() { # physical cores that this process may use
    local usable physical
    usable=$(nproc)
    physical=$(LC_ALL=C lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l)
    [ "$physical" -gt 0 ] && [ "$physical" -lt "$usable" ] && usable=$physical
    echo "$usable"
}

clamp() { # value low high
    echo $(($1 < $2 ? $2 : $1 > $3 ? $3 : $1))
}

cores=$(cores)
ranks=$(clamp "$cores" 2 8)
if [ "${1:-}" = --ranks ]; then
    ranks=$2
    shift 2
fi

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
options=(-n "$ranks")
if [ "$ranks" -gt "$cores" ]; then
    options+=(--oversubscribe --bind-to none)
else
    options+=(--bind-to core:if-supported)
fi
if ! { [ -d /dev/shm ] && [ -w /dev/shm ]; }; then
    options+=(--mca btl_vader_backing_directory "${TMPDIR:-/tmp}")
fi
# One machine: nobody is reached through ssh, which may not be there.
command -v ssh >/dev/null 2>&1 || export OMPI_MCA_plm_rsh_agent=

# A locale that is named but not installed makes libraries complain.
[ -z "$(locale 2>&1 >/dev/null)" ] || export LC_ALL=C

echo "mpirun ${options[*]} ./ringbench $*"
start=$(mktemp)
trap 'rm -f "$start"' EXIT
code=0
mpirun "${options[@]}" "$here/ringbench" "$@" || code=$?
if [ ringbench-out/report.html -nt "$start" ]; then
    echo "the report: file://$PWD/ringbench-out/report.html"
fi
exit "$code"
