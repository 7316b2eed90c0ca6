#!/usr/bin/env bash
# What goes wrong in mid-run: a rank killed, a rank stopped, time up, a small or missing /dev/shm, no gnuplot, a full disk.
# A /dev/shm of our own where that is allowed, so that what stays in it is ours.
if [ -z "${OWN_SHM:-}" ] && unshare -m mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
    # shellcheck disable=SC2016
    exec env OWN_SHM=1 unshare -m bash -c 'mount -t tmpfs -o size=1g tmpfs /dev/shm && exec bash "$0"' "$0"
fi
. scripts/tap.sh
in_work
soak=(--collective all_reduce --algorithm ring,direct_two_shot -b 64 -e 64K -f 4 --budget 10ms -N 0)

launch() { # ranks options...: in the background; waits for the first record
    local n=$1
    shift
    rm -rf mid
    mpirun --oversubscribe -n "$n" "$RINGBENCH" "$@" --output mid >"$out" 2>"$err" </dev/null &
    launched=$!
    for _ in $(seq 600); do
        grep -q '"kind":"case"' mid/results.jsonl 2>/dev/null && break
        sleep 0.05
    done
    sleep 0.5
}

pid_of_rank() { head -n 1 mid/results.jsonl | jq ".placement[$1].pid"; }

ends_within() { # seconds: how long after $began; sets ended
    ended=0
    wait "$launched" || ended=$?
    awk -v a="$began" -v b="$EPOCHREALTIME" -v limit="$1" 'BEGIN { print "took", b - a; exit b - a > limit }'
}

is_gone() { # one that is dead but whose parent has not asked yet counts as gone
    ! kill -0 "$1" 2>/dev/null || grep -q ') Z ' "/proc/$1/stat"
}

none_left() { # of the pids given; the launcher may end a moment before its ranks
    local pid
    for pid in "$@"; do
        for _ in $(seq 40); do
            is_gone "$pid" && break
            sleep 0.05
        done
        is_gone "$pid" || return 1
    done
}

launch 3 "${soak[@]}" -T 5
pids=("$(pid_of_rank 0)" "$(pid_of_rank 1)" "$(pid_of_rank 2)")
began=$EPOCHREALTIME
kill -9 "${pids[2]}"
ok "killed rank: the others end within a second" ends_within 1.5
like "killed rank: it is named" "$err" "^ringbench: rank 2 \(pid ${pids[2]}\) is gone, it was .*; rank [01] waits for it"
like "killed rank: where the records are" "$err" 'what was measured is in mid/results.jsonl, --resume goes on'
is "killed rank: said once" "$(grep -c '^ringbench: .*is gone' "$err")" 1
ok "killed rank: the code is not 0" test "$ended" -ne 0
ok "killed rank: nobody is left" none_left "${pids[@]}"
ok "killed rank: the records are whole" jq -e . mid/results.jsonl

launch 2 "${soak[@]}" -T 4
pids=("$(pid_of_rank 0)" "$(pid_of_rank 1)")
began=$EPOCHREALTIME
kill -STOP "${pids[1]}"
ok "stopped rank: the others end within -T and a second" ends_within 5.5
like "stopped rank: it is named" "$err" "no progress for 4 s \(-T\): rank 1 \(pid ${pids[1]}\) is stopped, it was .*; rank 0 waits for it"
is "stopped rank: exit 4" "$ended" 4
ok "stopped rank: nobody is left" none_left "${pids[@]}"
ok "stopped rank: the records are whole" jq -e . mid/results.jsonl

launch 2 "${soak[@]}"
pids=("$(pid_of_rank 0)" "$(pid_of_rank 1)")
began=$EPOCHREALTIME
kill -TERM "$launched"
ok "ended by the user: soon" ends_within 3
ok "ended by the user: nobody is left" none_left "${pids[@]}"

exits "limit of the whole run" 4 mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce -n 1000000 --time-limit 2 --output limit
like "limit of the whole run: says where it was" "$err" '2 s are over \(--time-limit\): rank [01] (is|\(pid)'
if [ -n "${OWN_SHM:-}" ]; then
    is "nothing stays in /dev/shm after all this" "$(find /dev/shm -mindepth 1)" ""
else
    skip "nothing stays in /dev/shm after all this" "other programs use it too; a /dev/shm of one's own needs root"
fi

ok "resume goes on after all this" mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring,direct_two_shot -b 64 -e 64K -f 4 \
    --budget 10ms --no-report --resume --output mid

# A private /dev/shm of 64 MB, and none at all that can be written.
if unshare -m true 2>/dev/null; then
    small() { # mount options, then the command
        # shellcheck disable=SC2016
        unshare -m bash -c 'mount -t tmpfs -o "$0" tmpfs /dev/shm && "${@:1}" && ls -A /dev/shm >'"$work/left" "$@"
    }
    exits "64 MB in /dev/shm" 0 small size=64m mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce --algorithm direct_two_shot -b 64M -e 64M \
        -n 6 --no-report --output small
    is "64 MB in /dev/shm: nothing wrong" "$(jq -r 'select(.kind == "case") | .wrong' small/results.jsonl | sort -u)" 0
    is "64 MB in /dev/shm: nothing stays" "$(cat "$work/left")" ""
    exits "/dev/shm that cannot be written" 0 small size=4k,ro mpirun --oversubscribe --mca btl_vader_backing_directory "$work" -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring \
        -b 1M -e 1M -n 6 --no-report --output readonly
    full() {
        # shellcheck disable=SC2016
        unshare -m bash -c 'mkdir -p full && mount -t tmpfs -o size=192k tmpfs full && "$@"' full "$@"
    }
    exits "disk full in mid-run" 6 full mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce -b 64 -e 1M -f 2 --budget 3ms --output full
    like "disk full: says so" "$err" 'full/results.jsonl.*No space left|No space left'
else
    skip "64 MB in /dev/shm" "mounting needs root or user namespaces"
    skip "/dev/shm that cannot be written" "mounting needs root or user namespaces"
    skip "disk full in mid-run" "mounting needs root or user namespaces"
fi

# Without gnuplot: everything but the plots, and a word about it.
tools=$work/tools
mkdir "$tools"
for word in mpirun orted bash sh env rm; do
    type -P $word >/dev/null && ln -s "$(type -P $word)" "$tools/$word"
done
exits "no gnuplot" 0 env PATH="$tools" OMPI_MCA_plm_rsh_agent= mpirun --oversubscribe -n 2 "$RINGBENCH" --collective all_reduce --algorithm ring -b 64 -e 64K -f 4 -n 6 --output plain
like "no gnuplot: said" "$err" 'gnuplot'
ok "no gnuplot: the page is there" test -s plain/report.html
ok "no gnuplot: the records are there" jq -e . plain/results.jsonl
finish
