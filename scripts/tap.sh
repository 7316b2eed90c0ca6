# scripts/tap.sh - to be sourced by tests/*.sh: the few words in which a shell test speaks TAP.
#
#   ok NAME COMMAND...        passes when the command succeeds; its output is shown when it does not
#   is NAME GOT EXPECTED      passes when both texts are equal
#   like NAME FILE PATTERN    passes when a line of the file matches (extended regular expression)
#   unlike NAME FILE PATTERN  passes when none does
#   exits NAME CODE COMMAND.. passes when the command ends with this code; its output stays in $out and $err (files)
#   skip NAME REASON          counts as skipped
#   in_work                   goes to $work, ready for mpirun
#   finish                    last line of the test
#
# $RINGBENCH is the program, $work a folder of the test's own that goes with it.
# shellcheck shell=bash
set -u
export RINGBENCH=${RINGBENCH:-$PWD/ringbench}
work=$(mktemp -d "${TMPDIR:-/tmp}/rb.XXXXXX")
out=$work/out
err=$work/err
tap_count=0
tap_failed=0
trap 'rm -rf "$work"' EXIT

in_work() { # goes there; mpirun as root, and data also for a program that stands elsewhere
    local data
    data=$(cd "$(dirname "$RINGBENCH")" && pwd)/report/data
    [ -d "$data" ] || data=$PWD/report/data
    export RINGBENCH_DATA=${RINGBENCH_DATA:-$data} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    cd "$work" || exit 1
}

tap_report() { # result name
    tap_count=$((tap_count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_count - $2"
        return 0
    fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $2"
    return 1
}

tap_show() { # file...: as comments
    local file
    for file in "$@"; do
        [ ! -s "$file" ] || tail -n 40 "$file" | sed 's/^/# /'
    done
}

ok() {
    local name=$1
    shift
    local code=0
    "$@" >"$work/tap" 2>&1 || code=1
    tap_report $code "$name" || tap_show "$work/tap"
}

is() {
    local code=0
    [ "$2" = "$3" ] || code=1
    tap_report $code "$1" || printf '# got:      %s\n# expected: %s\n' "$2" "$3"
}

like() {
    local code=0
    grep -Eq -- "$3" "$2" || code=1
    tap_report $code "$1" || { echo "# no line matches: $3"; tap_show "$2"; }
}

unlike() {
    local code=0
    ! grep -En -- "$3" "$2" >"$work/tap" || code=1
    tap_report $code "$1" || tap_show "$work/tap"
}

exits() {
    local name=$1 expected=$2 code=0
    shift 2
    "$@" >"$out" 2>"$err" </dev/null || code=$?
    if [ "$code" -eq "$expected" ]; then
        tap_report 0 "$name"
    else
        tap_report 1 "$name"
        echo "# ended with $code, not $expected: $*"
        tap_show "$out" "$err"
    fi
}

skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

finish() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
    exit
}
