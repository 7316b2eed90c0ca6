#!/usr/bin/env bash
# A tensor-parallel layer on the simulated GPU, products by a stand-in for cuBLAS, calls also by one for NCCL, seen from outside: results, bytes, records, what the limits take from
# them, and one line where something is missing.
. scripts/tap.sh
libraries=$PWD/${BUILD:-build}/tests
[ "${BUILD:-build}" = "${BUILD#/}" ] || libraries=$BUILD/tests
program=$(dirname "$libraries")/ringbench-simulated-gpu
if [ ! -x "$program" ]; then
    skip "a layer on the simulated GPU" "$program was not built"
    finish
fi
fake=$libraries/libcublasLt-fake.so
export RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cd "$work" || exit 1
# shellcheck disable=SC2317 # only where the program was built
layer() { # ranks options...
    local n=$1
    shift
    mpirun --oversubscribe -n "$n" "$program" workload tp-layer --channels 2 --scale 32 --workload-budget 100ms --baseline none --no-report "$@"
}
field() { jq -r "select(.kind == \"$2\") | $3" "$1/results.jsonl"; }

exits "two ranks share a GPU" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --output shared
is "nothing is wrong, and all of it was compared" "$(field shared workload '"\(.wrong) \(.compared)"')" "0 16384"
is "bytes as the formula says" "$(field shared workload '.bytes == .formula_bytes and .bytes > 0')" true
is "two bytes an element: 8 (n-1) A a layer" "$(field shared workload '.bytes == 2 * 8 * 4 * .model.hidden * 2')" true
is "who shares the GPU how" "$(field shared workload '"\(.sharing), \(.cut), \(.sms), \(.ranks_per_gpu)"')" "parts of 32 of the 64 simulated SMs, true, 32, 2"
is "type and library" "$(field shared workload '.compute + " " + .compute_type + " " + .library')" "cublas bf16 13.1.0"
is "predicted and measured" "$(field shared workload '.predicted.step_us > 0 and .measured.step_us > 0 and .measured.compute_us > 0')" true
is "the share of a step that computes" "$(field shared workload '.efficiency > 0 and .efficiency <= 1')" true
like "in the table too" "$out" '^#   efficiency [0-9.e-]+ as measured; by the layer'"'"'s model ([0-9.e-]+|n/a):'
like "the header says what multiplies" "$out" '^# Compute: products by cuBLAS.* bf16, cuBLAS 13\.1\.0, parts of 32 of the 64'

RINGBENCH_SIMULATED_CUT=no exits "no parts" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --compute-type tf32 --output hint
is "is said" "$(field hint workload '"\(.sharing), \(.cut)"')" "products asked to keep to parts of 32 of the 64 simulated SMs, false"
is "four bytes an element" "$(field hint workload '.bytes == 2 * 8 * 4 * .model.hidden * 4')" true

RINGBENCH_SIMULATED_GPUS=2 exits "a GPU each" 0 layer 2 --cublas "$fake" --compute-type fp16 --output alone
is "the whole GPU" "$(field alone workload '"\(.wrong) \(.sms) \(.ranks_per_gpu)"')" "0 64 1"

exits "links of an H800, scaled by what a rank multiplies" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --emulate H800 --output h800
like "FLOP per byte, there and here" "$out" '^#   FLOP per byte: [0-9]+ on the H800 SXM 80GB \([0-9.]+ dense TFLOP/s, 164\.8 GB/s effective\); here '
is "and in the record" "$(field h800 workload '.emulated_gpu + " \(.emulated_flop_per_byte > 5000 and .emulated_flop_per_byte < 7000) \(.emulated_scale > 0)"')" \
    "H800 SXM 80GB true true"

is "the layer's model beside it" "$(field h800 workload '.model_efficiency > 0 and .model_efficiency < 1 and .model_exposed_us > 0')" true

nccl=$libraries/libnccl-2.30.7.so
exits "NCCL makes the calls in turns with us" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --baseline nccl --nccl "$nccl" --output nccl
is "ours and NCCL's in one record" "$(field nccl workload '.provider + " " + (.others | map(.provider) | join(" "))')" "ours nccl"
is "nothing is wrong there either, and as much was compared" "$(field nccl workload '.others[0] | "\(.wrong) \(.compared)"')" "0 16384"
is "the version and what it chose" "$(field nccl workload '.others[0] | (.version | split(",")[0]) + "; " + .chosen')" "NCCL 2.30.7; ring/ll, 1 channel"
is "as many steps as ours" "$(field nccl workload '(.others[0].samples_us | length) == (.samples_us | length) and .others[0].measured.step_us > 0')" true
is "the share of its step that computes" "$(field nccl workload '.others[0].efficiency > 0 and .others[0].efficiency <= 1')" true
like "a row of its own" "$out" '^#   by nccl  +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$'
like "and what it stands beside" "$out" '^#   NCCL 2\.30\.7, .*: efficiency [0-9.e-]+ as measured \(ours [0-9.e-]+.*\); its step takes [0-9.e+-]+ of ours$'
exits "an NCCL that cannot share a GPU" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --baseline auto --nccl "$libraries/libnccl-2.28.9.so" --output old
like "is n/a, with the reason" "$out" '^#   by nccl +n/a: 2 ranks share a GPU, .*NCCL 2\.28\.9 refuses duplicate GPUs'
is "in the record too" "$(field old workload '.others[0].absent | test("refuses duplicate GPUs")')" true
RINGBENCH_SIMULATED_GPUS=2 exits "it can with a GPU each" 0 layer 2 --cublas "$fake" --baseline auto --nccl "$libraries/libnccl-2.28.9.so" --output each
is "and does" "$(field each workload '.others[0] | "\(.wrong) \(.compared > 0)"')" "0 true"
exits "no NCCL at all" 0 layer 2 --ranks-per-gpu 2 --cublas "$fake" --baseline auto --nccl "$work/none.so" --output without-nccl
like "is n/a as well" "$out" '^#   by nccl +n/a: .*none\.so'
is "none asked for, none shown" "$(field shared workload '.others')" null
FAKE_NCCL_FAULT=wrong exits "wrong sums of NCCL end with 7" 7 layer 2 --ranks-per-gpu 2 --cublas "$fake" --baseline nccl --nccl "$nccl" --output nccl-wrong
is "and are counted there, not as ours" "$(field nccl-wrong workload '"\(.wrong) \(.others[0].wrong > 0)"')" "0 true"
FAKE_NCCL_FAULT=call exits "a call that NCCL refuses ends with 3" 3 layer 2 --ranks-per-gpu 2 --cublas "$fake" --baseline nccl --nccl "$nccl" --output nccl-fault

exits "without cuBLAS" 5 layer 2 --ranks-per-gpu 2 --cublas "$work/none.so" --output none
like "one line says so" "$err" '^ringbench: .*none\.so: cannot open shared object file'
is "and only one" "$(grep -c '^ringbench: .*none' "$err")" 1
FAKE_CUBLAS_FAULT=call exits "a product that fails ends with 3" 3 layer 2 --ranks-per-gpu 2 --cublas "$fake" --output fault
like "with cuBLAS's own words" "$err" 'cuBLAS 13\.1\.0: a product of [0-9 x]+ in bf16: the GPU program failed to execute \(status 13\)'
FAKE_CUBLAS_FAULT=wrong exits "wrong results end with 7" 7 layer 2 --ranks-per-gpu 2 --cublas "$fake" --output wrong
is "and are counted" "$(field wrong workload '.wrong > 0')" true
exits "a type that is none" 6 layer 2 --ranks-per-gpu 2 --cublas "$fake" --compute-type fp17 --output type
like "the nearest is named" "$err" "fp17: no such type; did you mean fp16"
exits "a workload that GPUs do not play" 6 mpirun --oversubscribe -n 2 "$program" workload ddp --transport cuda_peer --ranks-per-gpu 2 --output ddp
like "it says which they do" "$err" 'GPUs play tp-layer'

exits "a run of collectives" 0 mpirun --oversubscribe -n 2 "$program" --ranks-per-gpu 2 --channels 2 --scale 32 --cublas "$fake" --collective all_reduce --algorithm ring \
    -b 1K -e 1M -f 4 -n 3 -w 1 --baseline none --budget 1ms --output rate
is "records a rate for every type that has such small products" "$(field rate gemm '.type' | paste -sd ' ')" "bf16 fp16 tf32"
like "and says which has none" "$out" '^#   fp8   n/a: cuBLAS 13\.1\.0 has no such products on this GPU'
is "of a rank, at the layer's shapes" "$(field rate gemm 'select(.type == "bf16") | "\(.tflops > 0) \(.sms) \(.shapes | length)"')" "true 32 4"
exits "the limits" 0 "$program" limits --results rate/results.jsonl --gpu H800
like "take that of bf16" "$out" "^ *this machine +cuda_peer +$(field rate gemm 'select(.type == "bf16") | .tflops' | awk '{ printf "%.4g", $1 }') "
unlike "and ask for none" "$out" 'no GEMM rate in the records'
exits "without cuBLAS a run goes on" 0 mpirun --oversubscribe -n 2 "$program" --ranks-per-gpu 2 --channels 2 --cublas "$work/none.so" --collective all_reduce --algorithm ring \
    -b 1K -e 16K -f 4 -n 3 -w 1 --baseline none --budget 1ms --output without
like "and says what is missing" "$out" '^# GEMM rate: not measured: .*none\.so.*wants --tflops'
is "also in a note" "$(field without note 'select(.about == "not_measured") | .text' | grep -c 'GEMM rate')" 1
finish
