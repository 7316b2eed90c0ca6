#!/usr/bin/env bash
# The model and SimGrid against this machine: shared memory is the link. For each schedule its rate and its cost of a message come from
# some sizes, the sizes between are predicted and held against what was measured: medians of runs that took turns.
# Only when RINGBENCH_MEASURE is set (any: also on a busy machine): a time that varies cannot be predicted, and others' work must not
# turn a check red. The records stay in the folder RINGBENCH_MEASURE_KEEP.
. scripts/tap.sh
cores=$(nproc)
repeats=${RINGBENCH_MEASURE_REPEATS:-7}
calibrate="32768 131072 524288"
predict="65536 262144" # from 1 MiB on the times follow another line
what="predicted within 10 % of what is measured"

busy() { # load above which it is
    awk -v most="$1" '{ exit !($1 > most) }' /proc/loadavg
}

leave() {
    skip "$what" "$1"
    finish
    exit
}

# Collective, algorithm in the records, servers, schedule for the simulator.
schedules() {
    cat <<EOF
all_reduce ring 0 ring_all_reduce
all_reduce direct_two_shot 0 direct_two_shot_all_reduce
all_reduce direct_one_shot 0 direct_one_shot_all_reduce
all_reduce parameter_server 1 parameter_server_colocated
all_reduce parameter_server $1 parameter_server_colocated
reduce_scatter ring 0 ring_reduce_scatter
all_gather ring 0 ring_all_gather
push_pull parameter_server 1 parameter_server_dedicated
EOF
}

# A run of every schedule and size; the next takes its turn after it.
measure() { # RANKS
    local collective
    for collective in all_reduce reduce_scatter all_gather push_pull; do
        timeout 300 mpirun --allow-run-as-root -n "$1" "$RINGBENCH" run --collective "$collective" --transport shm --protocol direct --baseline none \
            --algorithm "$(schedules "$1" | awk -v c="$collective" '$1 == c && !seen[$2]++ { printf "%s%s", comma, $2; comma = "," }')" \
            --servers "1,$1" --no-report -b 32K -e 512K -f 2 --budget 0.1s --output "$work/run" >"$work/out" 2>&1 || return 1
        jq -r 'select(.kind == "case" and .in_place == false) | [.collective, .algorithm, .servers // 0, .bytes, .time_us.median] | @tsv' "$work/run/results.jsonl"
        rm -r "$work/run"
    done
}

# Median of the repeats: collective algorithm servers bytes us.
medians() {
    sort -k1,3 -k4,4n -k5,5g | awk '
        function flush(  m) { if (n) { m = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2; print key, m } n = 0 }
        { k = $1 " " $2 " " $3 " " $4; if (k != key) { flush(); key = k } v[++n] = $5 }
        END { flush() }'
}

# Microseconds of each size. LINK: GB/s and us a message.
simulated() { # RANKS SCHEDULE SERVERS GBPS US ENGINE
    local cluster=$work/machine-$4-$5-$6.cluster
    printf 'gpu = GH200 96GB\nper_node = %s\nnodes = 1\nlink_GBps = %s\nlink_us = %s\n' "$1" "$4" "$5" >"$cluster"
    "$RINGBENCH" simulate --cluster "$cluster" -n "$1" --algorithm "$2" --servers "$(($3 > 0 ? $3 : 1))" -b 32K -e 512K -f 2 \
        --protocol bare --engine "$6" --every-rank --format json | jq -r '.rows[] | [.bytes, .time_us] | @tsv'
}

# The link of a schedule: what its times would be at 1 GB/s without latency, and with 1 us alone, say how both add up; the rest is least squares
# of relative errors over the sizes to calibrate with.
link_of() { # RANKS SCHEDULE SERVERS, measured "bytes us" on stdin
    join <(join <(sort) <(simulated "$1" "$2" "$3" 1 0 cost | sort)) <(simulated "$1" "$2" "$3" 1e9 1 cost | sort) |
        awk -v sizes=" $calibrate " 'index(sizes, " " $1 " ") {
                x = $3 / $2; y = $4 / $2; xx += x * x; xy += x * y; yy += y * y; sx += x; sy += y
            }
            END {
                d = xx * yy - xy * xy; b = (sx * yy - sy * xy) / d; a = (sy * xx - sx * xy) / d
                if (a < 0) { a = 0; b = sx / xx }
                printf "%.9g %.9g\n", 1 / b, a
            }'
}

compare() { # RANKS: a line a schedule and size
    local collective algorithm servers schedule rate us engine
    schedules "$1" | while read -r collective algorithm servers schedule; do
        awk -v k="$collective $algorithm $servers " 'index($0, k) == 1 { print $4, $5 }' "$work/measured.$1" >"$work/row"
        [ -s "$work/row" ] || continue
        read -r rate us < <(link_of "$1" "$schedule" "$servers" <"$work/row")
        for engine in cost simgrid; do
            simulated "$1" "$schedule" "$servers" "$rate" "$us" "$engine" 2>/dev/null | sort >"$work/$engine"
        done
        join -a 1 -o 0,1.2,1.3,2.2 -e - <(join <(sort "$work/row") "$work/cost") "$work/simgrid" | sort -n |
            awk -v sizes=" $predict " -v n="$1" -v c="$collective" -v a="$algorithm${servers/#0/}" -v B="$rate" -v l="$us" '
                function off(t, m) { return t == "-" ? "-" : sprintf("%+.1f", 100 * (t / m - 1)) }
                index(sizes, " " $1 " ") {
                    printf "%s %-14s %-18s %7d %8.2f %6.2f %9.1f %9.1f %6s %9s %6s\n", n, c, a, $1, B, l, $2, $3, off($3, $2), $4 == "-" ? "-" : sprintf("%.1f", $4), off($4, $2)
                }'
    done
}

[ -n "${RINGBENCH_MEASURE:-}" ] || leave "a measurement, not a check: RINGBENCH_MEASURE=1 asks for it"
[ "$cores" -ge 2 ] || leave "one core: the ranks take turns"
if busy $((cores / 2)) && [ "$RINGBENCH_MEASURE" != any ]; then
    leave "the machine is busy ($(cut -d' ' -f1 /proc/loadavg) on $cores cores)"
fi

for n in 2 4; do
    if [ "$n" -gt "$cores" ]; then
        skip "$n ranks" "$cores cores: the ranks take turns"
        continue
    fi
    : >"$work/all.$n"
    for ((i = 0; i < repeats; i++)); do
        ok "measures $n ranks over shared memory, turn $((i + 1))" eval "measure $n >>'$work/all.$n'"
    done
    medians <"$work/all.$n" >"$work/measured.$n"
    [ -z "${RINGBENCH_MEASURE_KEEP:-}" ] || cp "$work/all.$n" "$RINGBENCH_MEASURE_KEEP/"
    compare "$n" >>"$work/table"
done

echo "# n collective     algorithm            bytes     GB/s     us  measured      cost      %   simgrid      %"
sed 's/^/# /' "$work/table"
is "every schedule has its sizes" "$(wc -l <"$work/table")" $((16 * $(cut -d' ' -f1 "$work/table" | sort -u | wc -l)))
if busy "$cores" && [ "$RINGBENCH_MEASURE" != any ]; then # our own ranks are a load as well
    skip "$what" "others use the processors by now"
else
    is "sizes that are off by more than 10 %" "$(awk '{ n += $9 > 10 || $9 < -10 || ($11 != "-" && ($11 > 10 || $11 < -10)) } END { print n + 0 }' "$work/table")" 0
fi
finish
