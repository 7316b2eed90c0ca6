#!/usr/bin/env bash
# Several hosts on one machine: network namespaces on a bridge, links shaped both ways, mpirun across them over TCP. The measured
# bandwidth follows the links, a slow one is found, hosts that differ, die or are cut off are named and the job ends.
# shellcheck disable=SC2317 # functions that are called by name
. scripts/tap.sh
. tests/hosts/net.sh

why=$(net_possible) || { skip "hosts as network namespaces" "$why"; finish; }
command -v jq >/dev/null || { skip "hosts as network namespaces" "no jq"; finish; }
net_up a b c
RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data}
export RINGBENCH_DATA
results=$work/run/results.jsonl

measure() { # ranks a host, options of ringbench: output in $out and $err
    local slots=$1
    shift
    rm -rf "$work/run"
    net_mpirun "$slots" "$RINGBENCH" --output "$work/run" --baseline none --cache hot "$@"
}

figure() { # jq expression over the cases: the number
    jq -rs "[.[] | select(.kind == \"case\") | $1] | .[0] // empty" "$results"
}

holds() { awk "BEGIN { exit !($1) }"; }

# What is left of a rate for the payload: 1448 of every 1514 bytes.
payload_GBps() { awk -v mbit="$1" 'BEGIN { print mbit / 8000 * 0.957 }'; }

busy() { holds "$(cut -d' ' -f1 /proc/loadavg) > $(nproc) + 3"; }

follows() { # Mbit/s bytes: is the ring's bandwidth within 10 % of the link? Once more when it is not: others use this machine too
    local GBps limit try
    limit=$(payload_GBps "$1")
    net_rate "$1mbit"
    for try in 1 2; do
        measure 1 --collective all_reduce --algorithm ring -b "$2" -e "$2" -n 5 -w 1 --no-report >"$out" 2>"$err" || return 1
        GBps=$(figure 'select(.in_place == false) | .busbw_GBps')
        echo "# $1 Mbit/s, $2: busbw $GBps GB/s of $limit, $(awk "BEGIN { printf \"%.0f\", 100 * $GBps / $limit }") % (try $try)" >&3
        holds "$GBps > 0.9 * $limit && $GBps < 1.1 * $limit" && return 0
    done
    cat "$err"
    return 1
}
exec 3>&1

ok "100 Mbit/s: the measured bandwidth follows the link within 10 %" follows 100 4M
if busy; then
    skip "500 Mbit/s: it follows" "others use this machine (load $(cut -d' ' -f1 /proc/loadavg)): the processors would be measured"
else
    ok "500 Mbit/s: it follows" follows 500 8M
fi
like "the ring goes from host to host" "$out" '^# Ring order: 0 1 2;'
is "each rank's host is in the run's record" "$(jq -r 'select(.kind == "run") | [.placement[].host] | join(" ")' "$results")" "${net_hosts[*]}"
is "and the network interface that it uses" "$(jq -r 'select(.kind == "run") | [.placement[].nic] | unique | join(" ")' "$results")" eth0
is "and its device" "$(jq -r 'select(.kind == "run") | [.placement[] | select(.device == null or .device == "")] | length' "$results")" 0
is "the cases know of three hosts" "$(figure .nodes)" 3
like "that they share one machine is said" "$err" 'hosts share this machine: its [0-9]+ cores serve 3 ranks'
if busy; then
    skip "2 Gbit/s: it follows" "others use this machine (load $(cut -d' ' -f1 /proc/loadavg)): the processors would be measured"
else
    ok "2 Gbit/s: it follows" follows 2000 64M
fi

# The cable from c is bad in one direction: half of all pairs would make a median.
net_rate 1gbit
net_shape "$(net_name c)" eth0 100mbit
find_slow() { measure 1 --pairs >"$out" 2>"$err" && grep -q '^# Outlier: 2 ->' "$out"; }
ok "every pair of ranks, one link slow" eval 'find_slow || find_slow' # others that use this machine may hide it once
like "the slow link is found" "$out" '^# Outlier: 2 -> [01], (one way|both ways),'
like "and its host is named" "$out" "^# Outlier from host $(net_name c) to host $(net_name a)|^# Outlier from host $(net_name c) to host $(net_name b)"

# Two ranks on each of three hosts, a slow network.
net_rate 100mbit
exits "three hosts, two ranks each: flat ring and two levels" 0 measure 2 --collective all_reduce --algorithm ring,two_level -b 4M -e 4M -n 3 -w 1 --no-report
flat=$(figure 'select(.algorithm == "ring") | .time_us.min')
levels=$(figure 'select(.algorithm == "two_level") | .time_us.min')
ok "two levels are faster: $levels us, flat $flat us" holds "$levels < $flat"
is "both are right" "$(figure .wrong)" 0
is "inside a host they use memory, between hosts the network" "$(jq -rs '[.[] | select(.kind == "case") | .transport] | unique | join(" ")' "$results")" shm+mpi
levels_over_mpi() { measure 2 --transport mpi --collective all_reduce --algorithm ring -b 4M -e 4M -n 3 -w 1 --no-report; }
exits "the same ring over the network alone" 0 levels_over_mpi
over_mpi=$(figure 'select(.algorithm == "ring") | .time_us.min')
ok "memory inside does not cost: $flat us, all through MPI $over_mpi us" holds "$flat < 1.1 * $over_mpi"

net_rate 200mbit
exits "a sweep with its fit" 0 measure 1 --collective all_reduce --algorithm ring -b 64K -e 16M -n 3 -w 1 --format json
fitted=$(jq -rs '[.[] | select(.form == "curve" and .algorithm == "ring" and .in_place == false)] | .[0].segments[-1] | .to_bytes / (.alpha_us + .beta_us_per_byte * .to_bytes) / 1000' "$work/run/fits.jsonl")
ok "the fit gives the link's rate at its largest size: ${fitted:-none} GB/s" holds "${fitted:-0} > 0.8 * $(payload_GBps 200) && ${fitted:-0} < 1.2 * $(payload_GBps 200)"

exits "a parameter server on another host, and one in shares" 0 measure 1 --collective push_pull,all_reduce --algorithm parameter_server --servers 1,2,3 -b 1M -e 1M -n 3 -w 1 --no-report
like "the incast is seen: both others send to the one server" "$out" '^#   push_pull +parameter_server, 1 server +mpi .* 2 MiB of a 1 MiB message; 2 ranks of other hosts send to one'
ok "shares on all hosts are faster than one server" holds "$(figure 'select(.collective == "all_reduce" and .servers == 3) | .time_us.min') < $(figure 'select(.collective == "all_reduce" and .servers == 1) | .time_us.min')"

# Another build on one host.
cp "$RINGBENCH" "$work/other"
echo >>"$work/other"
two_builds() {
    net_run a mpirun "${net_options[@]}" -np 1 -H "${net_hosts[0]}" "$RINGBENCH" --dry-run : -np 1 -H "${net_hosts[1]}" "$work/other" --dry-run
}
exits "hosts with two builds are refused" 6 two_builds
like "in one line that names the host" "$err" "^ringbench: host ${net_hosts[1]} \(rank 1\) runs another build of ringbench"
sed 's/1\.0\.0/0.9.9/g' "$RINGBENCH" >"$work/other"
exits "hosts with two versions are refused" 6 two_builds
like "in one line that names both" "$err" "^ringbench: host ${net_hosts[1]} \(rank 1\) runs ringbench 0\.9\.9, host ${net_hosts[0]} \(rank 0\) runs 1\.0\.0"

# Another machine, and another hour, on one host.
unlike_hosts() { # environment of the second
    net_run a mpirun "${net_options[@]}" -np 1 -H "${net_hosts[0]}" "$RINGBENCH" "${unlike[@]}" : \
        -np 1 -H "${net_hosts[1]}" env "$@" "$RINGBENCH" "${unlike[@]}"
}
unlike=(--output "$work/run" --baseline none --no-bind --collective all_reduce --algorithm ring -b 64 -e 64 -n 2 -w 1 --no-report)
rm -rf "$work/run"
exits "a host with other processors is measured" 0 unlike_hosts HWLOC_SYNTHETIC="pack:1 core:24 pu:1"
like "and named" "$err" "^ringbench: warning: host ${net_hosts[1]} \(rank 1\) has .*24 cores.*, host ${net_hosts[0]} \(rank 0\) has"
cat >"$work/clock.c" <<'CLOCK'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
    const int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_REALTIME)
        t->tv_sec += 90;
    return rc;
}
CLOCK
if "${CC:-gcc}" -shared -fPIC -o "$work/clock.so" "$work/clock.c" 2>/dev/null; then
    rm -rf "$work/run"
    exits "a host whose clock is off is measured" 0 unlike_hosts LD_PRELOAD="$work/clock.so"
    like "and named" "$err" "^ringbench: warning: host ${net_hosts[1]} \(rank 1\): its clock is 90 s ahead of that of host ${net_hosts[0]} \(rank 0\)"
else
    skip "a host whose clock is off" "no compiler"
fi

# From here on things break in mid-run.
net_rate 500mbit
start() { # options: a job that would take minutes, in the background; returns when it measures
    local i try
    for try in 1 2 3; do # on a busy machine Open MPI's daemons do not always find each other
        rm -rf "$work/run"
        net_mpirun 1 "$RINGBENCH" --output "$work/run" --baseline none --cache hot --collective all_reduce --algorithm ring -b 8M -e 8M -n 2000 --no-report "$@" >"$out" 2>"$err" &
        job=$!
        ended=0
        for i in $(seq 300); do
            if [ -s "$results" ] || ! kill -0 "$job" 2>/dev/null; then break; fi
            sleep 0.1
        done
        [ ! -s "$results" ] || break
        [ "$try" -eq 3 ] || { kill "$job" 2>/dev/null; wait "$job" 2>/dev/null; }
    done
    sleep 1
}

ends_within() { # seconds: of the job; its code in $ended
    local i
    for i in $(seq $(($1 * 10))); do
        if ! kill -0 "$job" 2>/dev/null; then
            ended=0
            wait "$job" || ended=$?
            return 0
        fi
        sleep 0.1
    done
    kill -9 "$job"
    wait "$job" 2>/dev/null
    return 1
}

nobody_on() { # hosts: nothing runs there, soon
    local i host left
    for i in $(seq 50); do
        left=""
        for host in "$@"; do
            left="$left$(net_pids "$host")"
        done
        [ -z "$left" ] && return 0
        sleep 0.1
    done
    ps -o pid,args -p "$(tr '\n' ' ' <<<"$left")"
    return 1
}

ranks_on() { # host: pids of ringbench
    local pid
    for pid in $(net_pids "$1"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = ringbench ] && echo "$pid"
    done
}

start -T 5
net_cut c
ok "a host is cut off: the job ends within the limit and the launcher's grace" ends_within 14
like "with 4, or with its mpirun, which waits for that host for ever" <(echo "$ended") '^(4|137)$'
like "in one line that names the host" "$err" "^ringbench: no progress for 5 s \(-T\), host $(net_name c) \(rank 2\) has shown no sign of life for [0-9.]+ s: cut off, down or stopped"
is "which is the only one" "$(grep -c '^ringbench: no progress' "$err")" 1
unlike "and no other host is blamed" "$err" "host ($(net_name a)|$(net_name b)) .* has shown no sign of life"
like "and says where the records are" "$err" 'what was measured is in .*results.jsonl, --resume goes on'
ok "the other hosts have nothing left running" nobody_on a b
gone() { [ -z "$(ranks_on "$1")" ]; }
sleep 3
ok "the rank on the host that was cut off has gone too" gone c
for pid in $(net_pids c); do kill -9 "$pid"; done # its orted waits for mpirun
net_join c

start -T 30
kill -9 "$(ranks_on c)"
ok "a rank is killed: the job ends" ends_within 20
ok "not in good order" test "${ended:-0}" -ne 0
like "mpirun or the watchdog names the host" "$err" "$(net_name c)"
ok "nothing is left running" nobody_on a b c

start -T 30
for pid in $(net_pids c); do kill -9 "$pid"; done
ok "all of a host dies: the job ends" ends_within 20
ok "nothing is left running" nobody_on a b c

start -T 60
net_cut c
sleep 2
for pid in $(net_pids a); do
    [ "$(cat "/proc/$pid/comm")" != mpirun ] || kill -TERM "$pid"
done
ok "SIGTERM to an mpirun that has lost a host ends it" ends_within 10
for pid in $(net_pids c); do kill -9 "$pid"; done
finish
