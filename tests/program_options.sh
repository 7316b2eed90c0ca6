#!/usr/bin/env bash
# Every option and every bad input of the main job, through the real program: the exit code, one clear line, nothing measured.
. scripts/tap.sh
cd "$work" || exit 1
quick=(--collective all_reduce --algorithm ring -b 64 -e 256 --budget 5ms --no-report)

bad() { # name, pattern of the line, options...
    local name=$1 pattern=$2
    shift 2
    exits "$name: exit 6" 6 "$RINGBENCH" "$@" --output "$work/bad"
    like "$name: says what" "$err" "$pattern"
    is "$name: one line" "$(grep -c '^ringbench: ' "$err")" 1
}

bad "unknown option" 'did you mean --baseline' --basline mpi
bad "unknown letter" '^ringbench: -Q: no such option' -Q
bad "unknown type" "unknown 'flaot'; did you mean float" -d flaot
bad "unknown op" "unknown 'sm'; did you mean sum" -o sm
bad "op of nccl-tests that is not here" "unknown 'mulsum'.*one of|did you mean" -o mulsum
bad "unknown collective" 'did you mean all_reduce' --collective all_reduc
bad "unknown algorithm" 'did you mean ring' --algorithm rign
bad "unknown transport" 'did you mean shm' --transport shn
bad "unknown baseline" "unknown 'openmpi'" --baseline openmpi
bad "malformed size" "-b '3X': not a size" -b 3X
bad "negative size" "-b '-1': not a size" -b -1
bad "overflowing size" "-b '99999999999999999999': not a size" -b 99999999999999999999
bad "smallest above largest" '-b 1 MiB is above -e 1 KiB' -b 1M -e 1K
bad "two steps" '-i 8 and -f 2' -i 8 -f 2
bad "malformed count" "-n 'ten': not a whole number" -n ten
bad "malformed duration" "-T '5x': not a time" -T 5x
bad "precision out of range" 'precision 2: out of range' --precision 2
bad "average out of range" '-a 4: out of range' -a 4
bad "threads without a GPU" '-t 2 -g 1: 1 process of 2 GPUs, and here is none: .* mpirun -n 2' -t 2
bad "GPUs where there is none" '-t 1 -g 8: 1 process of 8 GPUs, and here is none: .* mpirun -n 8' -g 8
bad "more GPUs than a process can have" '-t 16 -g 8: that is 128 ranks a process, at most 64' -t 16 -g 8
bad "root that is no rank" '-r 5: at most 0' --collective broadcast -r 5
bad "servers that are too many" '--servers 9: at most 1' --servers 9
bad "output file without a known end" '-J x.txt: the name must end in .json or .csv' -J x.txt
exits "value missing: exit 6" 6 "$RINGBENCH" --no-report --precision
like "value missing: says what" "$err" '--precision needs a value'
bad "stray word behind an option" "'stray': not an option" -n 5 stray
for letter in p y R D M u; do
    bad "-$letter of nccl-tests" "-$letter: not supported here: " -$letter 1
done
for letter in C G x V; do
    bad "-$letter of nccl-tests" "-$letter.*: for ranks on GPUs, and this run's are on processors .--transport auto.: " -$letter 1
done

exits "unknown command: exit 6" 6 "$RINGBENCH" repotr
like "unknown command: nearest" "$err" "did you mean report"
exits "help" 0 "$RINGBENCH" --help
like "help lists the options" "$out" '-b, --minbytes BYTES'
like "help names the refused letters" "$out" 'refused by name: -p, -y, -R'
exits "version" 0 "$RINGBENCH" --version
like "version is a number" "$out" '^ringbench [0-9]+\.[0-9]+\.[0-9]+'
exits "help lists the commands" 0 "$RINGBENCH" help
like "run is among them" "$out" '^  run '
ok "nothing was made by bad input" test ! -e "$work/bad"

: >"$work/file"
exits "output below a file" 6 "$RINGBENCH" "${quick[@]}" --output "$work/file/x"
like "output below a file: says where" "$err" 'file.*(Not a directory|not a folder)'
exits "output file that cannot be written" 6 "$RINGBENCH" "${quick[@]}" --output "$work/o" -J /nowhere/x.json
like "output file: says which" "$err" '-J /nowhere/x.json: cannot be written: No such file'
is "nothing was measured" "$(grep -c '"case"' "$work/o/results.jsonl" 2>/dev/null || true)" ""

exits "every accepted letter" 0 "$RINGBENCH" "${quick[@]}" -i 64 -n 7 -w 2 -m 2 -N 1 -c 2 -o sum,max -d float,half -r 0 -z 1 -a 1 -I 1 \
    -S 1 -K 1 -T 30 -t 1 -g 1 -J all.json --output letters
is "-J: readable, all cases there" "$(python3 -c 'import json; d = json.load(open("all.json")); print(len(d["cases"]) > 0 and d["schema"])')" 1
is "-n 7: seven samples each" "$(jq -r 'select(.kind == "case") | .time_us.n' letters/results.jsonl | sort -u)" 7
is "-n: said to be fixed" "$(jq -r 'select(.kind == "case") | .stopped' letters/results.jsonl | sort -u)" fixed
ok "-I and -S: 21 fields and a date" awk '/^ +[0-9]/ && NF != 23 { bad = 1 } END { exit bad }' "$out"
exits "--precision, --budget, --time-limit, --servers, --algorithm by name" 0 "$RINGBENCH" --collective all_reduce --algorithm ring_all_reduce,parameter_server \
    -b 64 -e 64 --precision 0.9 --budget 10ms --time-limit 60 --servers 1 --no-report --output long
is "--precision: said to be reached" "$(jq -r 'select(.kind == "case") | .stopped' long/results.jsonl | sort -u)" precise
exits "-J in CSV" 0 "$RINGBENCH" "${quick[@]}" -n 6 -J all.csv --output csv
is "-J in CSV: header and rows are as wide" "$(python3 -c 'import csv; r = list(csv.reader(open("all.csv"))); print(len({len(x) for x in r}), len(r) > 1)')" "1 True"
exits "-c 0" 0 "$RINGBENCH" "${quick[@]}" -c 0 --output unchecked
like "-c 0: N/A" "$out" '^ +64 .* N/A'
exits "--format json" 0 "$RINGBENCH" "${quick[@]}" --format json --output json
is "--format json: JSON and nothing else" "$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["cases"]) > 0)' "$out")" True
exits "--format csv" 0 "$RINGBENCH" "${quick[@]}" --format csv --output csv2
is "--format csv: CSV and nothing else" "$(python3 -c 'import csv, sys; print(len({len(x) for x in csv.reader(open(sys.argv[1]))}))' "$out")" 1
exits "--osu" 0 "$RINGBENCH" "${quick[@]}" --osu --output osu
like "--osu: its columns" "$out" '^# Size +Avg Latency\(us\) +Min Latency\(us\) +Max Latency\(us\) +Iterations$'
is "--osu: five fields" "$(awk '!/^#/ { print NF }' "$out" | sort -u)" 5
exits "--dry-run" 0 "$RINGBENCH" --dry-run --full --output dry
like "--dry-run: cases and how long" "$out" '^[0-9]+ cases by 1 rank, .* of measuring at most'
ok "--dry-run makes nothing" test ! -e dry
exits "one rank" 0 "$RINGBENCH" "${quick[@]}" --output one
like "one rank: says so" "$out" '^# One rank: nothing travels, so bandwidths are n/a'
like "one rank: n/a, not 0" "$out" '^ +64 .* n/a +n/a +0 .* n/a +n/a +0$'
exits "more than the memory holds" 6 "$RINGBENCH" --collective all_reduce -b 100T --output huge
like "more than the memory holds: says so" "$err" '-e: the buffers need [0-9.]+ TiB on this machine, [0-9.]+ [MGT]iB of memory are free'
exits "one rank has no pairs" 6 "$RINGBENCH" --pairs --output one
like "one rank has no pairs: says so" "$err" '--pairs needs two ranks'
exits "--baseline none" 0 "$RINGBENCH" "${quick[@]}" --baseline none --output none
is "--baseline none: one table" "$(grep -c 'Collective test starting' "$out")" 1
exits "--cache hot, --no-bind" 0 "$RINGBENCH" "${quick[@]}" --cache hot --no-bind --output hot
exits "--transport null" 0 "$RINGBENCH" "${quick[@]}" --transport null --output null
like "--transport null is not verified" "$out" '^ +64 .* N/A'
exits "--min-busbw" 7 "$RINGBENCH" "${quick[@]}" --min-busbw 1e6 --output min
like "--min-busbw: says why" "$err" 'all_reduce: --min-busbw .* cannot be judged: nothing travels between the ranks'
exits "--topology of a file that is none" 6 "$RINGBENCH" "${quick[@]}" --topology "$RINGBENCH" --output topo
exits "--resume of damaged settings" 6 "$RINGBENCH" "${quick[@]}" -n 9 --resume --output letters
like "--resume: says which option" "$err" "--resume: letters/results.jsonl was measured with "
printf 'this is no record\n' >broken.jsonl
exits "damaged results.jsonl" 6 "$RINGBENCH" report broken.jsonl --output broken
like "damaged results.jsonl: line" "$err" 'broken.jsonl:1'
finish
