#!/usr/bin/env bash
# The main job with several ranks: right results, tables that three consumers can parse, records that others can read,
# resuming, pairs, soak, minima.
. scripts/tap.sh
in_work
ranks() { mpirun --oversubscribe -n "$1" "$RINGBENCH" "${@:2}"; }

types=([2]=float,bfloat16 [3]=float,f8e5m2 [4]=half,f8e4m3)
ops=([2]=sum,avg [3]=sum [4]=max)
for n in 2 3 4; do
    exits "$n ranks: every collective, in and out of place" 0 ranks $n --collective all -b 4 -e 20200 -f 71 -d "${types[n]}" -o "${ops[n]}" \
        -r $((n - 1)) --budget 1ms --no-report --output all$n
    is "$n ranks: nothing wrong" "$(jq -r 'select(.kind == "case") | .wrong' all$n/results.jsonl | sort -u)" 0
done
exits "all roots, all numbers of servers" 0 ranks 3 --collective broadcast,reduce,push_pull,all_reduce -b 4 -e 300 -f 71 -r all --servers all \
    --budget 1ms --no-report --output roots
is "all roots, all numbers of servers: nothing wrong" "$(jq -r 'select(.kind == "case") | .wrong' roots/results.jsonl | sort -u)" 0
like "more ranks than cores: said so where it is so" <(test "$(nproc)" -ge 3 && echo "ranks share" || cat "$err") 'ranks share'
is "bandwidths are there" "$(jq -r 'select(.kind == "case" and .bytes > 16000) | .busbw_GBps > 0' all3/results.jsonl | sort -u)" true
is "8-bit floats have no baseline where they are reduced" \
    "$(jq -r 'select(.kind == "case" and .type == "f8e5m2" and .baseline == "mpi") | .op' all3/results.jsonl | sort -u)" none
is "a mean is outside the ratio" "$(jq -r 'select(.kind == "case" and .op == "avg") | .ratio' all2/results.jsonl | sort -u)" null
is "bfloat16 of the baseline is labelled" \
    "$(jq -r 'select(.kind == "case" and .type == "bfloat16" and .op == "sum" and .baseline == "mpi") | .label' all2/results.jsonl | sort -u)" "user-defined op"
ok "ratios of float sums have an interval" test "$(jq -r 'select(.kind == "case" and .type == "float" and .op == "sum" and .baseline == false and
    .collective == "all_reduce") | (.ratio_low <= .ratio and .ratio <= .ratio_high)' all2/results.jsonl | sort -u)" = true
is "samples are kept, in order, at most 1000" "$(jq -r 'select(.kind == "case") | (.samples_us | length) <= 1000 and (.samples_us | length) > 0' all2/results.jsonl | sort -u)" true
ok "every line is JSON with schema and kind" python3 - <<'P'
import json
for line in open("all2/results.jsonl"):
    r = json.loads(line)
    assert r["schema"] == 1 and r["kind"] in ("run", "case", "note"), r
P
is "the run line comes first" "$(head -n 1 all2/results.jsonl | jq -r .kind)" run
ok "it has settings, machine, environment, placement" test "$(head -n 1 all2/results.jsonl | jq -r '[.settings, .machine.kernel, .environment, .placement[1].pid, .topology] | all')" = true

# Types and operators of one collective over all transports.
exits "all types and ops, all transports" 0 ranks 2 --collective all_reduce -d all -o all --transport all --protocol all -b 1000 -e 1000 --budget 0.3ms -n 6 --no-report --output types
is "all types and ops: nothing wrong" "$(jq -r 'select(.kind == "case" and .transport != "null") | .wrong' types/results.jsonl | sort -u)" 0
is "all types" "$(jq -r 'select(.kind == "case") | .type' types/results.jsonl | sort -u | wc -l)" 12
is "three transports" "$(jq -r 'select(.kind == "case" and .baseline == false) | .transport' types/results.jsonl | sort -u | paste -sd,)" "mpi,null,shm"

# What consumers read. One collective, as they are promised.
exits "one table" 0 ranks 2 --collective all_reduce --algorithm ring -b 1K -e 64K -f 8 --budget 5ms --no-report --output table
cp "$out" table.txt
ok "superbenchmark: last table by its marks, columns from the end" python3 - <<'P'
lines = open("table.txt").read().splitlines()
start = max(i for i, l in enumerate(lines) if "out-of-place" in l)
stop = max(i for i, l in enumerate(lines) if "Out of bounds values" in l)
body = lines[start:stop]
header = next(l for l in body if "time" in l and "busbw" in l).split()
at = {name: header.index(name) - len(header) for name in ("size", "time", "busbw")}
rows = [l.split() for l in body if l.strip() and l.strip()[0].isdigit()]
assert [int(r[at["size"]]) for r in rows] == [1024, 8192, 65536], rows
assert all(float(r[at["time"]]) > 0 and float(r[at["busbw"]]) > 0 for r in rows)
P
ok "cloudai: thirteen fields, ranks on devices" python3 - <<'P'
import re
text = open("table.txt").read()
rows = [l.split() for l in text.splitlines() if re.match(r"^\s*\d", l)]
assert rows and all(len(r) == 13 for r in rows), rows
assert len(re.findall(r"Rank\s+\d+ Group\s+\d+ Pid\s+\d+ on\s+(\S+)\s+device\s+(\d+)", text)) == 2
P
ok "aiconfigurator: first line with time, two below, sixth field" python3 - <<'P'
lines = open("table.txt").read().splitlines()
first = next(i for i, l in enumerate(lines) if "time" in l)
assert float(lines[first + 2].split()[5]) > 0
P
is "baselines are never last" "$(grep -n 'all_reduce by' table.txt | tail -n 1 | grep -c baseline)" 0
is "no consumer's word below the tables" "$(sed -n '/^# Summary/,$p' table.txt | grep -cE 'time|out-of-place|Out of bounds values')" 0
like "summary: ratio and ceiling" table.txt '^#   all_reduce +ring +shm +float +sum +[0-9.]+ \([0-9]+/[0-9]+/[0-9]+\)'
like "summary: harness" table.txt '^# Harness: '
like "summary: limits" table.txt '^#   H800 SXM'
ok "results.csv: as many rows as cases" test "$(($(jq -r 'select(.kind == "case") | .kind' table/results.jsonl | wc -l) + 1))" -eq "$(python3 -c 'import csv; print(len(list(csv.reader(open("table/results.csv")))))')"

# Resume: what is there is kept as it is, what is missing is measured.
head -n 5 table/results.jsonl >kept.jsonl
mkdir again
{ cat kept.jsonl; printf '{"schema":1,"kind":"ca'; } >again/results.jsonl
exits "resume after half a line" 0 ranks 2 --collective all_reduce --algorithm ring -b 1K -e 64K -f 8 --budget 5ms --no-report --resume --output again
ok "what was measured is kept" cmp <(head -n 5 again/results.jsonl) kept.jsonl
is "each case once" "$(jq -r 'select(.kind == "case") | "\(.algorithm) \(.bytes) \(.in_place)"' again/results.jsonl | sort | uniq -d | wc -l)" 0
is "all cases are there" "$(jq -r 'select(.kind == "case") | .kind' again/results.jsonl | wc -l)" 12
exits "other options are not resumed" 6 ranks 2 --collective all_reduce --algorithm ring -b 1K -e 64K -f 8 --cache hot --no-report --resume --output again
like "the option is named" "$err" "with cache 'rotate', not 'hot'"
exits "a new run sets the old results aside" 0 ranks 2 --collective all_reduce --algorithm ring -b 64 -e 64 -n 6 --no-report --output again
ok "they are still there" test "$(jq -r 'select(.kind == "case") | .kind' again/results.previous.jsonl | wc -l)" -eq 12

# Pairs.
exits "pairs of three" 0 ranks 3 --pairs --output pairs
is "pairs: six records" "$(jq -r 'select(.kind == "pair") | "\(.from)\(.to)"' pairs/results.jsonl | paste -sd' ')" "01 02 10 12 20 21"
is "pairs: three matrices" "$(grep -c '^# from' "$out")" 3
like "pairs: the outlier is named, or that there is none" "$out" '^# (Outlier: [0-9]+ -> [0-9]+|No outlier)'
exits "pairs as JSON" 0 ranks 2 --pairs --format json --output pairs
is "pairs as JSON: readable" "$(jq '.pairs | length' "$out")" 2

exits "ring order from a recorded machine" 0 ranks 3 --topology "$OLDPWD/tests/topologies/one_socket.xml" --collective all_reduce --algorithm ring -b 1K -e 1K -n 6 \
    --no-report --output recorded
like "ring order from a recorded machine: shown" "$out" '^# Ring order: [012] [012] [012];'

# Soak: cycles until the limit, drift after each; ends in good order.
exits "soak" 0 ranks 2 --collective all_reduce --algorithm ring -b 64 -e 64 --budget 20ms -N 0 --time-limit 6 --no-report --output soak
like "soak: drift" "$out" '^# Cycle 2: [-+][0-9.]+ % against the first'
is "soak: cases are recorded once" "$(jq -r 'select(.kind == "case") | .kind' soak/results.jsonl | wc -l)" 4

exits "--min-busbw" 7 ranks 2 --collective all_reduce --algorithm ring -b 64 -e 64 -n 6 --min-busbw 1e6 --no-report --output minimum
like "--min-busbw: says which" "$err" 'all_reduce: the best busbw is .* GB/s, below --min-busbw'
NCCL_TESTS_MIN_BW=1e9 exits "NCCL_TESTS_MIN_BW" 7 ranks 2 --collective all_reduce --algorithm ring -b 64 -e 64 -n 6 --no-report --output minimum
like "NCCL_TESTS_MIN_BW: FAILED in the footer" "$out" '^# Avg bus bandwidth +: [0-9.e-]+ FAILED'
finish
