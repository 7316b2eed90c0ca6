#!/usr/bin/env bash
# The two commands: what is installed when, how many ranks are started, what is copied by "make install".
# shellcheck disable=SC2317 # functions that are called by name
. scripts/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL

# A system with next to nothing: the words that the script itself needs, and stubs that write down how they were called.
bare=$work/bare
mkdir "$bare"
for word in bash env awk grep paste tr mktemp cat rm id true; do
    ln -s "$(type -P $word)" "$bare/$word"
done

stub() { # name, then its lines
    local file=$bare/$1
    shift
    rm -f "$file"
    printf '#!/usr/bin/env bash\n' >"$file"
    printf '%s\n' "$@" >>"$file"
    chmod +x "$file"
}

on_bare() { PATH=$bare "$@"; }

exits "what is to be installed can be listed" 0 scripts/setup.sh run --list
ok "the list names Open MPI and hwloc" test "$(grep -cE '^(libopenmpi-dev|libhwloc-dev)$' "$out")" -eq 2
exits "the tests need more" 0 scripts/setup.sh check --list
like "cmocka is among it" "$out" '^libcmocka-dev$'
unlike "no mark is left in the names" "$out" '\?'
exits "no word: usage" 6 scripts/setup.sh
exits "a wrong word: usage" 6 scripts/setup.sh everything

exits "without apt the packages are named" 6 on_bare scripts/setup.sh run
like "in one clear line" "$err" 'no apt-get on this system; please install.* gcc .*pkg-config .*libjansson-dev'
is "and only one" "$(wc -l <"$err")" 1

stub apt-get "echo \"apt-get \$*\" >>$work/calls"
stub id 'echo 1000'
exits "no root, no sudo: the packages are named" 6 on_bare scripts/setup.sh run
like "with the reason" "$err" 'needs root.* gcc '
ok "nothing was called" test ! -e "$work/calls"

# shellcheck disable=SC2016 # the stub expands it
stub sudo "echo \"sudo \$*\" >>$work/calls" '[ "$1" != -n ] || shift' 'exec "$@"'
exits "installed, yet not found: said" 6 on_bare scripts/setup.sh run
like "with the names" "$err" 'still not found'
like "through sudo, never asking" "$work/calls" '^sudo -n env DEBIAN_FRONTEND=noninteractive .*apt-get .*update'
like "the missing ones" "$work/calls" '^apt-get -y .*install .*gcc .*openmpi-bin'

stub id 'echo 0'
# shellcheck disable=SC2016
stub apt-get "echo \"apt-get \$*\" >>$work/root" 'case "$*" in *update*) echo "no route to the mirror"; exit 100 ;; esac'
exits "package lists that cannot be fetched are a warning" 6 on_bare scripts/setup.sh run
like "with what apt said" "$err" 'no route to the mirror'
like "then what is there is tried" "$work/root" 'install'
unlike "root needs no sudo" "$work/root" 'sudo'

# With all tools there nothing is asked of apt.
mkdir "$work/net"
printf '#!/bin/sh\necho "apt-get $*" >>%s\nexit 1\n' "$work/asked" >"$work/net/apt-get"
chmod +x "$work/net/apt-get"
exits "all there: done" 0 env PATH="$work/net:$PATH" scripts/setup.sh run
ok "and no network was touched" test ! -e "$work/asked"
is "in silence" "$(cat "$out" "$err")" ""

printf '#!/bin/sh\necho "args: $*"\n' >"$work/net/mpirun"
chmod +x "$work/net/mpirun"
launch() { PATH=$work/net:$PATH "$@"; }
exits "one core: two ranks share it" 0 launch taskset -c "$(taskset -cp $$ | sed 's/.*[: ]\([0-9]*\).*/\1/')" scripts/launch.sh
like "oversubscribed, not bound" "$out" 'args: -n 2 .*--oversubscribe --bind-to none .*/ringbench'
exits "options are passed on" 0 launch scripts/launch.sh --ranks 3 --collective all_reduce -b 8
like "with the ranks asked for" "$out" 'args: -n 3 .*/ringbench --collective all_reduce -b 8$'
printf '#!/bin/sh\nexit 7\n' >"$work/net/mpirun"
exits "the exit code is the program's" 7 launch scripts/launch.sh

exits "make help lists the targets" 0 make help
for target in run check bench coverage fuzz install clean help; do
    like "  $target" "$out" "^ +make $target +[a-z]"
done
if [ -x "$RINGBENCH" ]; then
    exits "the README has the options of the program (else: scripts/readme.sh)" 0 scripts/readme.sh --check
fi
if [ -x ringbench ] && [ "$RINGBENCH" = "$PWD/ringbench" ]; then
    exits "make again" 0 make BUILD="${BUILD:-build}"
    unlike "compiles nothing and links nothing" "$out" '  (CC|LD) '
    exits "make install" 0 make BUILD="${BUILD:-build}" install PREFIX=/opt/rb DESTDIR="$work/image"
    ok "the program is there" test -x "$work/image/opt/rb/bin/ringbench"
    exits "it finds its data in its own share/" 0 env -C / "$work/image/opt/rb/bin/ringbench" limits --list
    rm -rf "$work/image/opt/rb/share"
    exits "and says what is missing without" 6 env -C / "$work/image/opt/rb/bin/ringbench" limits --list
else
    skip "make install" "./ringbench is not built, or not what is tested"
fi
finish
