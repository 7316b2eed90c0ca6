#!/usr/bin/env bash
# Slurm on one machine: a slurmctld, and a slurmd in each of three network namespaces, with a munge of their own. Ranks are started by
# srun, by sbatch and by mpirun inside salloc; a rank that is killed ends the job, with and without srun -K.
# shellcheck disable=SC2317 # functions that are called by name
. scripts/tap.sh
. tests/hosts/net.sh

absent() {
    net_possible && {
        local word
        for word in slurmctld slurmd srun sbatch salloc munged jq; do
            command -v $word >/dev/null || { echo "no $word"; return 0; }
        done
        [ -d /sys/fs/cgroup ] || { echo "no /sys/fs/cgroup, which slurmd asks for"; return 0; }
        ls /usr/lib/*/slurm*/mpi_pmix*.so >/dev/null 2>&1 || { echo "this Slurm has no PMIx"; return 0; }
        return 1
    }
    return 0
}
if why=$(absent); then
    skip "ranks under Slurm" "$why"
    finish
fi

slurm=$work/slurm
mkdir -p "$slurm/state"
chmod 755 "$work" "$slurm"
net_up a b c
trap 'slurm_down; net_down; rm -rf "$work"' EXIT
slurm_down() {
    [ ! -s "$slurm/munged.pid" ] || kill "$(cat "$slurm/munged.pid")" 2>/dev/null
}

munge_up() {
    dd if=/dev/urandom of="$slurm/munge.key" bs=1024 count=1 2>/dev/null
    chmod 400 "$slurm/munge.key"
    munged --key-file="$slurm/munge.key" --socket="$slurm/munge.sock" --pid-file="$slurm/munged.pid" --log-file="$slurm/munged.log" \
        --seed-file="$slurm/munge.seed" --force
}

write_config() {
    echo "CgroupPlugin=cgroup/v1" >"$slurm/cgroup.conf"
    cat >"$slurm/slurm.conf" <<CONF
ClusterName=rb
SlurmctldHost=${net_hosts[0]}(10.55.$net_third.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm/munge.sock
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=2
SlurmctldPort=6817
SlurmdPort=6818
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool.%n
TmpFS=$slurm/tmp.%n
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.%n.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.%n.log
SlurmdParameters=config_overrides
CONF
    local host i=0
    for host in "${net_hosts[@]}"; do
        i=$((i + 1))
        mkdir -p "$slurm/spool.$host" "$slurm/tmp.$host" # PMIx wants a folder of its own on each node
        echo "NodeName=$host NodeAddr=10.55.$net_third.$i CPUs=2 State=UNKNOWN" >>"$slurm/slurm.conf"
    done
    echo "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP" >>"$slurm/slurm.conf"
}

daemons_up() {
    local short i
    net_run a slurmctld -f "$slurm/slurm.conf" || return 1
    for short in a b c; do
        net_run $short slurmd -f "$slurm/slurm.conf" || return 1
    done
    for i in $(seq 200); do
        [ "$(net_run a sinfo -h -t idle -o %D 2>/dev/null)" = 3 ] && return 0
        sleep 0.1
    done
    return 1
}

munge_up || { skip "ranks under Slurm" "munged does not start"; finish; }
write_config
export SLURM_CONF=$slurm/slurm.conf
if ! daemons_up >"$out" 2>&1; then
    tail -n 5 "$out" "$slurm"/*.log | sed 's/^/# /'
    skip "ranks under Slurm" "the daemons do not start here"
    finish
fi

export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_pml=ob1 OMPI_MCA_mpi_yield_when_idle=1
RINGBENCH_DATA=${RINGBENCH_DATA:-$PWD/report/data}
export RINGBENCH_DATA
results=$work/run/results.jsonl
small=(--output "$work/run" --baseline none --cache hot --collective all_reduce --algorithm ring -b 64K -e 1M -n 5 -w 1 --no-report)
hosts_of_run() { jq -r 'select(.kind == "run") | [.placement[].host] | join(" ")' "$results"; }
wrong_of_run() { jq -rs '[.[] | select(.kind == "case") | .wrong] | add' "$results"; }

exits "srun: three nodes, a rank each" 0 net_run a srun --mpi=pmix -N3 -n3 "$RINGBENCH" "${small[@]}"
like "the table is whole" "$out" '^# Out of bounds values : 0 OK'
is "the ranks are on three hosts" "$(hosts_of_run)" "${net_hosts[*]}"
is "results are right" "$(wrong_of_run)" 0

rm -rf "$work/run"
exits "srun: two ranks on each of two nodes, in turn" 0 net_run a srun --mpi=pmix -N2 -n4 --distribution=cyclic "$RINGBENCH" "${small[@]}"
is "the ring goes from host to host all the same" "$(jq -c 'select(.kind == "run") | .ring' "$results")" "[0,2,1,3]"

# An Open MPI without PMI-2 says so at once; one that has it works.
rm -rf "$work/run"
pmi2=0
net_run a srun --mpi=pmi2 -N2 -n2 "$RINGBENCH" "${small[@]}" >"$out" 2>"$err" </dev/null || pmi2=$?
if [ "$pmi2" -eq 0 ]; then
    is "srun --mpi=pmi2: the ranks are on two hosts" "$(hosts_of_run)" "${net_hosts[0]} ${net_hosts[1]}"
else
    like "srun --mpi=pmi2: refused by an Open MPI without it ($pmi2), with what it lacks" "$err" "not built with SLURM's PMI support|PMI"
fi

rm -rf "$work/run"
cat >"$slurm/job.sh" <<JOB
#!/bin/sh
srun --mpi=pmix "$RINGBENCH" ${small[@]}
JOB
exits "sbatch: a script with an srun" 0 net_run a sbatch -W -N3 -n3 -D "$work" -o "$work/sbatch.out" "$slurm/job.sh"
like "the table is in its output" "$work/sbatch.out" '^# Out of bounds values : 0 OK'
is "the ranks are on three hosts" "$(hosts_of_run)" "${net_hosts[*]}"

rm -rf "$work/run"
exits "salloc: mpirun finds the nodes by itself" 0 net_run a salloc -N3 -n3 mpirun --allow-run-as-root --bind-to none "$RINGBENCH" "${small[@]}"
is "the ranks are on three hosts" "$(hosts_of_run)" "${net_hosts[*]}"

kill_one() { # options of srun: a rank on c is killed in mid-run; the job's time to end in $took, its code in $ended
    local job start
    rm -rf "$work/run"
    net_run a srun --mpi=pmix -N3 -n3 "$@" "$RINGBENCH" "${small[@]}" -n 100000 --budget 60 >"$out" 2>"$err" &
    job=$!
    net_kill_ranks c ringbench "$results"
    start=$SECONDS
    ended=0
    wait $job || ended=$?
    took=$((SECONDS - start))
}

kill_one
ok "a rank is killed under srun: the job ends in time ($took s)" test "$took" -le 20
ok "not in good order ($ended)" test "$ended" -ne 0
like "what was measured is kept" "$results" '"kind":"run"'
kill_one -K
ok "a rank is killed under srun -K: the job ends in time ($took s)" test "$took" -le 20
ok "not in good order ($ended)" test "$ended" -ne 0
finish
