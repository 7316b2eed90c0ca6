#!/bin/sh
# run [-n RANKS] [options of ringbench] - ringbench on this machine, with the Open MPI beside it; nothing else needs to be installed.
#
# Without -n two to eight ranks, by the cores. The first -n is the ranks; what follows goes to ringbench (run --help lists it).
# MPIRUN_OPTIONS adds options of mpirun. Wants a shell and glibc, no other command.
case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac
here=$(cd "$here" && pwd) || exit 1

cores() {
    count=0
    while read -r word _; do
        [ "$word" != processor ] || count=$((count + 1))
    done </proc/cpuinfo 2>/dev/null
    echo "$count"
}

cores=$(cores)
ranks=$((cores < 2 ? 2 : cores > 8 ? 8 : cores))
case ${1:-} in
-n | -np)
    ranks=${2:-}
    case $ranks in
    '' | *[!0-9]*) echo "run: -n wants the number of ranks" >&2; exit 6 ;;
    esac
    shift 2 ;;
esac

# Where Open MPI and PMIx are now, and that this is one machine: nobody is reached through ssh or a batch system.
export OPAL_PREFIX="$here" OPAL_BINDIR="$here/bin" OPAL_LIBDIR="$here/lib" OPAL_PKGLIBDIR="$here/lib/openmpi"
export OPAL_DATADIR="$here/share" OPAL_PKGDATADIR="$here/share/openmpi" OPAL_SYSCONFDIR="$here/etc"
export PMIX_PREFIX="$here" PMIX_LIBDIR="$here/lib" PMIX_PKGLIBDIR="$here/lib/pmix" PMIX_PKGDATADIR="$here/share/pmix" PMIX_SYSCONFDIR="$here/etc"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_plm="${OMPI_MCA_plm:-isolated}" OMPI_MCA_plm_rsh_agent="${OMPI_MCA_plm_rsh_agent:-}"
export OMPI_MCA_btl="${OMPI_MCA_btl:-self,vader}" OMPI_MCA_pml="${OMPI_MCA_pml:-ob1}"

# RDMA: the machine's own library knows its cards best.
for own in /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /lib64; do
    [ ! -e "$own/libibverbs.so.1" ] || have_verbs=yes
done
if [ -z "${have_verbs:-}" ] && [ -e "$here/lib/rdma/libibverbs.so.1" ]; then
    export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib/rdma"
    for driver in "$here"/lib/rdma/lib*-rdmav*.so; do
        RDMAV_DRIVERS=${RDMAV_DRIVERS:+$RDMAV_DRIVERS:}${driver%-rdmav*}
    done
    export RDMAV_DRIVERS
fi

if [ "$ranks" -gt "$cores" ]; then
    bind="--oversubscribe --bind-to none"
else
    bind="--bind-to core:if-supported"
fi
[ -w /dev/shm ] || bind="$bind --mca btl_vader_backing_directory ${TMPDIR:-/tmp}"
# shellcheck disable=SC2086 # lists of words
exec "$here/bin/mpirun" -n "$ranks" $bind ${MPIRUN_OPTIONS:-} "$here/bin/ringbench" "$@"
