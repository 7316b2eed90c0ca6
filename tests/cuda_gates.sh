#!/usr/bin/env bash
# The machine code of the kernels for sm_90: registers, spills, local memory, fences, 16-byte accesses in flight.
# The tool that counts is tried first on kernels whose machine code is known (tests/cuda/known.cu), then the gates on bad ones.
. scripts/tap.sh
unset MAKEFLAGS MFLAGS MAKELEVEL
build=${BUILD:-build}
export CUDA_ARCHS=90

ask() { make -s --no-print-directory BUILD="$build" print-"$1"; }

if [ -z "$(ask cuda)" ]; then
    why=$(ask no_cuda)
    [ ! -s "${LOGS:-/nonexistent}/cuda.log" ] || why=$(tail -n 1 "$LOGS/cuda.log")
    skip "the machine code of the kernels" "$why"
    finish
fi
nvcc=$(ask NVCC)
ok "the counter compiles" make -s --no-print-directory BUILD="$build" "$build/tests/cuda/sass"
sass=$build/tests/cuda/sass

compile() { # FILE.cu NAME: $work/NAME.cubin and what ptxas said
    "$nvcc" -std=c++20 -O3 -I. -arch=sm_90 -cubin -Xptxas -v -o "$work/$2.cubin" "$1" >"$work/$2.log" 2>&1 || cat "$work/$2.log"
}

# ptxas -v -> kernel, registers, bytes of spill stores and loads
# shellcheck disable=SC2016
registers='
/Compiling entry function/ { split($0, words, "\047"); kernel = words[2]; entry = 1 }
/Function properties for/ { entry = $NF == kernel }
/spill stores/ && entry { stores[kernel] = $5; loads[kernel] = $9 }
/Used [0-9]+ registers/ { for (i = 1; i < NF; i++) if ($i == "Used") print kernel, $(i + 1), stores[kernel], loads[kernel] }'

measure() { # CUBIN LOG: a table of "kernel name=value ...", a kernel a line
    awk "$registers" "$2" >"$work/registers"
    "$sass" "$1" | awk -v used="$work/registers" '
        BEGIN { while ((getline <used) > 0) ptxas[$1] = " registers=" $2 " spill_stores=" $3 " spill_loads=" $4 }
        NR == 1 { for (i = 2; i <= NF; i++) name[i] = $i; next }
        { line = $1 ptxas[$1]; for (i = 2; i <= NF; i++) line = line " " name[i] "=" $i; print line }'
}

# The gates. A kernel that moves data (DATA, a pattern) must have eight 16-byte loads, and stores, in a loop. Nothing printed: all pass.
# shellcheck disable=SC2016
gates='
function refuse(what) { print $1 ": " what }
{
    split("", v)
    for (i = 2; i <= NF; i++) { split($i, pair, "="); v[pair[1]] = pair[2] }
    if (!("registers" in v)) refuse("ptxas says nothing of it")
    if (v["registers"] > 128) refuse(v["registers"] " registers, 128 are allowed")
    if (v["spill_stores"] + v["spill_loads"] > 0) refuse(v["spill_stores"] " bytes of spill stores, " v["spill_loads"] " of loads")
    if (v["local_ld"] + v["local_st"] > 0) refuse(v["local_ld"] " loads from local memory, " v["local_st"] " stores")
    if (v["fence_sc"] > 0) refuse(v["fence_sc"] " sequentially consistent fences")
    if ($1 ~ data && (v["loop_ld128"] < 8 || v["loop_st128"] < 8))
        refuse("in a loop at most " v["loop_ld128"] " loads and " v["loop_st128"] " stores of 16 bytes, 8 of each are wanted")
}'

pass() { # TABLE DATA
    local refused
    refused=$(awk -v data="$2" "$gates" "$1")
    [ -z "$refused" ] || { echo "$refused"; return 1; }
}

# What must be counted in each known kernel; a count that is not named is none, "some" is any but none.
# shellcheck disable=SC2016
compare='
FNR == NR { if ($2 == "expect") { seen[$3] = 1; for (i = 4; i <= NF; i++) { split($i, p, "="); want[$3, p[1]] = p[2] } } next }
{
    if (!($1 in seen)) print $1 ": nothing is expected of it"
    delete seen[$1]
    for (i = 2; i <= NF; i++) {
        split($i, p, "=")
        if (p[1] ~ /^(registers|spill_stores|spill_loads|instructions)$/) continue
        expected = ($1, p[1]) in want ? want[$1, p[1]] : 0
        if (expected == "some" ? p[2] == 0 : p[2] != expected) print $1 ": " p[1] " is " p[2] ", not " expected
    }
}
END { for (kernel in seen) print kernel ": not found" }'

ok "kernels that are known compile" compile tests/cuda/known.cu known
measure "$work/known.cubin" "$work/known.log" >"$work/known"
is "and are counted as known" "$(awk "$compare" tests/cuda/known.cu "$work/known")" ""
refused=$(awk -v data=known_ "$gates" "$work/known")
for fault in "known_local: 1 loads from local memory" "known_spill: .* bytes of spill stores" "known_spill: .* local memory" \
    "known_threadfence_system: 1 sequentially" "known_threadfence: 1 sequentially" "known_plain: in a loop at most 0 loads"; do
    ok "the gates refuse ${fault%%:*} (${fault#*: })" grep -q "^$fault" <<<"$refused"
done
ok "and pass the loop with eight packs" eval '! grep "^known_loop:" <<<"$refused"'
sed 's/registers=[0-9]*/registers=129/' "$work/known" >"$work/many"
ok "129 registers are too many" eval '! pass "$work/many" none'
exits "what is no cubin is refused" 6 "$sass" tests/cuda/known.cu

# The kernels themselves.
ok "the kernels compile for sm_90" make --no-print-directory BUILD="$build" kernels
for source in $(ask kernels); do
    name=$(basename "$source" .cu)
    folder=$(ask CUDA_BUILD)/$source
    measure "$folder.parts/$name.sm_90.cubin" "$folder.log" >"$work/table" 2>"$work/err"
    is "$source: machine code can be read" "$(cat "$work/err")" ""
    count=$(wc -l <"$work/table")
    echo "# $source: $count kernels, at most $(sed 's/.*registers=\([0-9]*\).*/\1/' "$work/table" | sort -n | tail -n 1) registers"
    ok "$source: the gates pass its $count kernels" pass "$work/table" "${DATA_KERNELS:-4play}"
    cat "$work/table" >>"$work/all"
done
moving=$(grep -c 4play "$work/all")
ok "kernels that move data are among them ($moving)" test "$moving" -gt 0
finish
