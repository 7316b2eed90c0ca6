# tests/vm/part.sh - to be sourced by tests/rdma_*.sh after scripts/tap.sh: words for what runs in the guest.
#
#   guest SECONDS COMMAND...   runs it in the guest; its output stays in $work/guest. Skips the whole test where there is no guest
#   relay PREFIX               the guest's own TAP lines become results here; a test that skips there has failed
# shellcheck shell=bash disable=SC2154 # work: scripts/tap.sh
programs=${BUILD:-build}
mkdir -p "$work/shared"

built() { # program...: makes what is missing or old
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${MAKE:-make}" --no-print-directory BUILD="$programs" "$@" >"$work/make" 2>&1
}

guest() {
    local limit=$1 code=0
    shift
    tests/vm/boot.sh -t "$limit" -o "$work/shared" "$@" >"$work/guest" 2>"$work/guest.err" || code=$?
    if [ $code -eq 77 ]; then
        skip "Soft-RoCE in a virtual machine" "$(tail -n 1 "$work/guest.err")"
        finish
    fi
    return $code
}

relay() {
    local line name
    while read -r line; do
        name="$1: ${line##* }"
        case $line in
        "ok "*) tap_report 0 "$name" ;;
        *) tap_report 1 "$name" ;;
        esac
    done < <(grep -E '^(not )?ok [0-9]+' "$work/guest")
    ! grep -q '^not ok' "$work/guest" || tap_show "$work/guest"
}
