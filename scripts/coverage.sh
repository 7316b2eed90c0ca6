#!/usr/bin/env bash
# scripts/coverage.sh [PER CENT] - line coverage of each folder under all its tests; ends with 1 when one is below (85).
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make}
BUILD=${COVERAGE_BUILD:-build/coverage}
LOGS=$(realpath -m "$BUILD")/logs
export LOGS
# Kernels are not measured: compiled for one architecture, and shared with the check's.
export CUDA_ARCHS=${CUDA_ARCHS:-90} CUDA_BUILD=${CUDA_BUILD:-build}
goal=${1:-85}

rm -rf "$LOGS"
mkdir -p "$LOGS"
find "$BUILD" -name '*.gcda' -delete
$MAKE --no-print-directory -j"$(nproc)" BUILD="$BUILD" COVERAGE=1 CC=gcc "$BUILD/ringbench" tests >"$LOGS/build.log" 2>&1 || {
    tail -n 40 "$LOGS/build.log"
    exit 1
}
# shellcheck disable=SC2046 # lists of names without blanks
LIMIT=900 tests/run unit $($MAKE -s --no-print-directory print-tests BUILD="$BUILD") || true
# shellcheck disable=SC2046
RINGBENCH=$(realpath -m "$BUILD")/ringbench
export RINGBENCH
# What runs in guests leaves no counts here, nor what is packed or compiled by nvcc.
# shellcheck disable=SC2046
LIMIT=900 tests/run program $($MAKE -s --no-print-directory print-programs | tr ' ' '\n' | grep -vE 'rdma_(engine|faults|hosts)|build_bundle|cuda_gates') || true

gcovr --root . --object-directory "$BUILD" --exclude 'tests/.*' --gcov-ignore-parse-errors --json-summary --output "$LOGS/coverage.json" \
    "$BUILD" >"$LOGS/gcovr.log" 2>&1 || {
    tail -n 20 "$LOGS/gcovr.log"
    exit 1
}
echo
echo "lines not covered, by file (full list: $BUILD/logs/coverage.json)"
jq -r '.files | sort_by(.line_total - .line_covered) | reverse | .[:12][] |
    select(.line_total > .line_covered) | "  \(.line_total - .line_covered)\t\(.filename)"' "$LOGS/coverage.json"
echo
jq -r --argjson goal "$goal" '
    [.files[] | select(.filename | test("^(core|topo|collectives|bench|report|scale)/"))] |
    group_by(.filename | split("/")[0]) |
    map({ folder: (.[0].filename | split("/")[0]), lines: (map(.line_total) | add), covered: (map(.line_covered) | add) }) |
    map(. + { percent: (100 * .covered / .lines) }) |
    (.[] | "coverage \(.folder): \(.percent * 10 | floor / 10) % of \(.lines) lines"),
    (if map(select(.percent < $goal)) == [] then "all at \($goal) % or more"
     else "below \($goal) %: \(map(select(.percent < $goal).folder) | join(", "))" end)' "$LOGS/coverage.json" | tee "$LOGS/coverage.txt"
tail -n 1 "$LOGS/coverage.txt" | grep -q '^all '
