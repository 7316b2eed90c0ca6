#!/usr/bin/env bash
# Machines without a verbs device, without the library, and programs without the transport: each says so and measures nothing.
. scripts/tap.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

exits "an unknown device option is refused by its value" 6 "$RINGBENCH" --qps 17
like "queue pairs have bounds" "$err" '--qps.*16'

without() { # make without the headers
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" --no-print-directory -s BUILD="$work/build" VERBS= "$@"
}
object=$work/build/collectives/transport/registry.o
ok "the transport can be left out" without "$object"
ok "then it is known by name, with what to install" grep -q 'built without infiniband/verbs.h; install libibverbs-dev' "$object"
is "and its files are not compiled" "$(without print-tests | tr ' ' '\n' | grep -c verbs)" 0

"$RINGBENCH" --transport verbs --output "$work/out" >"$out" 2>"$err" </dev/null
if grep -q 'built without' "$err"; then
    skip "no library, no device" "this program was built without verbs"
    finish
fi
mkdir "$work/lib"
echo "no library" >"$work/lib/libibverbs.so.1"
exits "a library that cannot be loaded" 6 env LD_LIBRARY_PATH="$work/lib" "$RINGBENCH" --transport verbs --output "$work/out"
like "is named, with the package" "$err" 'verbs.*libibverbs\.so\.1 cannot be loaded; install libibverbs1 and ibverbs-providers'
if [ -n "$(ls /sys/class/infiniband 2>/dev/null)" ]; then
    skip "no device" "this machine has one"
else
    exits "no device" 6 "$RINGBENCH" --transport verbs --output "$work/out"
    like "is said" "$err" 'verbs.*there is no RDMA device'
fi
finish
