# A Slurm of its own on this machine, for the checks that need a real one: two nodes n1 and n2 of one processor each, partitions `low` and `high`,
# where a job in `high` takes the nodes of one in `low`. Source this file, then:
#   slurm_missing       says why it cannot run here and returns 0; returns 1 where it can
#   slurm_start FOLDER  starts munged, slurmctld and two slurmd in FOLDER and waits until both nodes are idle; sets SLURM_CONF
#   slurm_stop          ends them by their process numbers
# It touches no Slurm that is already there: folder, ports, key and socket are its own. As root, because slurmd starts jobs for users.

slurm_missing() {
  local program
  [ "$(id -u)" = 0 ] || { echo "not root"; return 0; }
  for program in munged slurmctld slurmd sbatch srun scontrol mpirun; do
    PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || { echo "$program is not installed"; return 0; }
  done
  return 1
}

slurm_start() {
  slurm_folder=$1
  slurm_processes=()
  export PATH=$PATH:/usr/sbin SLURM_CONF=$slurm_folder/slurm.conf
  mkdir -p "$slurm_folder"/{state,spool.n1,spool.n2,tmp.n1,tmp.n2,munge} || return
  chmod 755 "$slurm_folder" "$slurm_folder/munge"
  slurm_authentication && slurm_configuration > "$SLURM_CONF" || return
  slurmctld -D > "$slurm_folder/slurmctld.out" 2>&1 &
  slurm_processes+=($!)
  local node
  for node in n1 n2; do
    slurmd -D -N $node > "$slurm_folder/slurmd.$node.out" 2>&1 &
    slurm_processes+=($!)
  done
  slurm_wait 30 '[ "$(sinfo --noheader --partition=low --states=idle --format=%D 2> /dev/null)" = 2 ]' && return
  echo "slurm-bench: the nodes do not come up; see $slurm_folder" >&2
  tail -n 5 "$slurm_folder"/*.out >&2
  return 1
}

# Tries a condition four times a second, for so many seconds.
slurm_wait() {
  local tries=$(($1 * 4))
  until eval "$2"; do
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.25
  done
}

slurm_stop() {
  local process environment
  scancel --user=root 2> /dev/null
  slurm_wait 20 '[ -z "$(squeue --noheader 2> /dev/null)" ]'
  # The controller last, so that the nodes can say goodbye.
  for process in "${slurm_processes[@]:1}" "${slurm_processes[0]}"; do kill "$process" 2> /dev/null; done
  wait "${slurm_processes[@]}" 2> /dev/null
  [ -s "$slurm_folder/munge/pid" ] && kill "$(cat "$slurm_folder/munge/pid")" 2> /dev/null
  # What a job has left: its processes know this Slurm by its settings.
  for environment in /proc/[0-9]*/environ; do
    grep -qszxF "SLURM_CONF=$slurm_folder/slurm.conf" "$environment" || continue
    process=${environment#/proc/}
    [ "${process%/environ}" = $$ ] || kill -KILL "${process%/environ}" 2> /dev/null
  done
  unset SLURM_CONF
}

# Slurm's processes prove to each other who they are through a munged with a key and a socket of its own.
slurm_authentication() {
  local own=$slurm_folder/munge
  (umask 077; head -c 1024 /dev/urandom > "$own/key")
  munged --force --socket="$own/socket" --key-file="$own/key" --pid-file="$own/pid" --log-file="$own/log" --seed-file="$own/seed"
}

# cred_expire also sets how long a job rests before it starts again. Two slurmd on a host need a TmpFS each, or their PMIx folders collide.
slurm_configuration() {
  local ports
  ports=$((20000 + $$ % 10000 * 4))
  cat << END
ClusterName=bench
SlurmctldHost=localhost
SlurmctldPort=$ports
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm_folder/munge/socket,cred_expire=5
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool.%n
TmpFS=$slurm_folder/tmp.%n
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.%n.pid
SlurmctldLogFile=$slurm_folder/slurmctld.log
SlurmdLogFile=$slurm_folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
MpiDefault=none
JobRequeue=1
KillWait=5
NodeName=n[1-2] NodeHostname=localhost Port=[$((ports + 1))-$((ports + 2))] CPUs=1 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 GraceTime=20 MaxTime=INFINITE State=UP
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=INFINITE State=UP
END
}
