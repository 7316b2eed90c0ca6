#!/usr/bin/env bash
# The control flow of the kernels as threads, under ThreadSanitizer: no race as it is, and one for each fault that is planted into it.
. scripts/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL
build=${BUILD:-build}/tsan

reports() { # PLANT: how many races are reported
    TSAN_OPTIONS=halt_on_error=0 timeout 120 "$build/tests/races_$1" >"$work/$1" 2>&1 </dev/null
    grep -c 'WARNING: ThreadSanitizer: data race' "$work/$1"
}

for plant in none look post barrier; do
    programs+=("$build/tests/races_$plant")
done
ok "the control flow compiles, with and without faults" make -s --no-print-directory BUILD="$build" CC="${RACES_CC:-gcc}" SAN=thread CUDA= "${programs[@]}"
is "no race as it is" "$(reports none)" 0
like "and all is played" "$work/none" '^played$'
ok "a flag that is read without acquiring is found" test "$(reports look)" -gt 0
ok "a flag that is written without releasing is found" test "$(reports post)" -gt 0
ok "a barrier that is missing after the arithmetic is found" test "$(reports barrier)" -gt 0
finish
