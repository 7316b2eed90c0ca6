# tests/hosts/net.sh - to be sourced after scripts/tap.sh: "hosts" as network namespaces on a bridge that has one of its own.
#
#   net_possible            true, or prints why not
#   net_up NAME...          makes the hosts; each has eth0 with 10.55.N.1, .2, ... and resolves the others' names
#   net_rate RATE|none      shapes both directions of every host (egress alone would leave incast free)
#   net_rate_of HOST RATE   of one host
#   net_cut HOST            takes its cable out;  net_join HOST puts it in again
#   net_run HOST COMMAND..  runs something there, under the host's own name, for at most $net_seconds
#   net_mpirun SLOTS [options of mpirun] COMMAND...   from the first host, SLOTS ranks on each
#   net_pids HOST           processes there
#   net_down                everything away, also what still runs there (called at exit)
#
# Names and addresses carry the process number, so that two of these run side by side.
# shellcheck shell=bash
net_tag=rb$((BASHPID % 10000))
net_third=$((BASHPID % 250 + 1))
net_hosts=()
net_options=()
net_seconds=120
# shellcheck disable=SC2154 # of tap.sh
net_agent=$work/agent

net_possible() {
    [ "$(id -u)" -eq 0 ] || { echo "network namespaces need root"; return 1; }
    local word
    for word in ip tc unshare mpirun; do
        command -v $word >/dev/null || { echo "no $word"; return 1; }
    done
    ip netns add "$net_tag-try" 2>/dev/null || { echo "network namespaces are not allowed here"; return 1; }
    local why=""
    ip -n "$net_tag-try" link add br0 type bridge 2>/dev/null || why="this kernel has no bridge"
    ip -n "$net_tag-try" link add v0 type veth peer name v1 2>/dev/null || why="this kernel has no veth"
    ip netns exec "$net_tag-try" tc qdisc add dev v0 root tbf rate 1gbit burst 256kb limit 32mb 2>/dev/null || why="this kernel has no tbf"
    ip netns del "$net_tag-try"
    [ -z "$why" ] || { echo "$why"; return 1; }
}

net_name() { echo "$net_tag-$1"; }

net_up() { # short names: a b c
    local short host i=0
    trap 'net_down; rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    mkdir -p "$work/hosts"
    echo "127.0.0.1 localhost" >"$work/names"
    ip netns add "$net_tag-sw"
    ip -n "$net_tag-sw" link add br0 type bridge
    ip -n "$net_tag-sw" link set br0 up
    for short in "$@"; do
        i=$((i + 1))
        host=$(net_name "$short")
        net_hosts+=("$host")
        echo "10.55.$net_third.$i $host" >>"$work/names"
        ip netns add "$host"
        ip -n "$host" link set lo up
        ip link add eth0 netns "$host" type veth peer name "p-$short" netns "$net_tag-sw"
        ip -n "$net_tag-sw" link set "p-$short" master br0 up
        ip -n "$host" addr add "10.55.$net_third.$i/24" dev eth0
        ip -n "$host" link set eth0 up
        mkdir -p "/etc/netns/$host"
    done
    for host in "${net_hosts[@]}"; do
        cp "$work/names" "/etc/netns/$host/hosts"
    done
    # What mpirun starts its daemons with, in place of ssh.
    cat >"$net_agent" <<'AGENT'
#!/usr/bin/env bash
host=$1
shift
exec ip netns exec "$host" unshare --uts bash -c "hostname $host; exec bash -c \"\$0\"" "$*"
AGENT
    chmod +x "$net_agent"
    # shellcheck disable=SC2054 # the commas are those of mpirun's lists
    net_options=(--allow-run-as-root --mca plm_rsh_agent "$net_agent" --mca pml ob1 --mca btl self,vader,tcp --bind-to none
        --mca btl_tcp_if_include "10.55.$net_third.0/24" --mca oob_tcp_if_include "10.55.$net_third.0/24" --mca btl_tcp_links 2
        --mca mpi_yield_when_idle 1 --mca orte_tmpdir_base "$work")
}

net_shape() { # namespace device rate
    ip netns exec "$1" tc qdisc del dev "$2" root 2>/dev/null
    [ "$3" = none ] || ip netns exec "$1" tc qdisc add dev "$2" root tbf rate "$3" burst 256kb limit 32mb
}

net_rate_of() {
    net_shape "$(net_name "$1")" eth0 "$2"
    net_shape "$net_tag-sw" "p-$1" "$2"
}

net_rate() {
    local host
    for host in "${net_hosts[@]}"; do
        net_rate_of "${host#"$net_tag-"}" "$1"
    done
}

net_cut() { ip -n "$net_tag-sw" link set "p-$1" down; }

net_join() { # returns when the first host answers: the kernel takes up to a second to believe in a cable
    local i
    ip -n "$net_tag-sw" link set "p-$1" up
    for i in $(seq 50); do
        ! ip netns exec "$(net_name "$1")" timeout 1 bash -c ": </dev/tcp/${net_hosts[0]}/9" 2>&1 | grep -q refused || return 0
        sleep 0.1
    done
}

net_run() { # short command...
    local host
    host=$(net_name "$1")
    shift
    timeout -k 5 "$net_seconds" ip netns exec "$host" unshare --uts bash -c 'hostname "$0"; exec "$@"' "$host" "$@"
}

net_list() { # slots: a:2,b:2
    local host list=""
    for host in "${net_hosts[@]}"; do
        list="$list,$host:$1"
    done
    echo "${list#,}"
}

net_mpirun() {
    local slots=$1 first=${net_hosts[0]#"$net_tag-"}
    shift
    net_run "$first" mpirun "${net_options[@]}" -H "$(net_list "$slots")" "$@"
}

net_kill_ranks() { # host program file: the ranks there, once the job has written into the file
    local i pid
    for i in $(seq 300); do
        [ -s "$3" ] && break
        sleep 0.1
    done
    sleep 1
    for pid in $(net_pids "$1"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$(basename "$2" | cut -c1-15)" ] || kill -9 "$pid"
    done
}

net_pids() { ip netns pids "$(net_name "$1")" 2>/dev/null; }

net_down() {
    local host pid
    for host in "${net_hosts[@]}"; do
        for pid in $(ip netns pids "$host" 2>/dev/null); do
            kill -9 "$pid" 2>/dev/null
        done
        ip netns del "$host" 2>/dev/null
        rm -rf "/etc/netns/$host"
    done
    rmdir /etc/netns 2>/dev/null
    ip netns del "$net_tag-sw" 2>/dev/null
    net_hosts=()
}
