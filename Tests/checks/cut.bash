# Two machines on one, for faults.sh: network namespaces with names of their own, joined by a bridge, sshd in each; and the cut
# between them. Needs root, iproute2 and openssh-server.

machines=(cohort-near cohort-far)
bridge=cohort-bridge

# inside MACHINE COMMAND...: runs it there, under the machine's name.
inside() {
  local machine=$1; shift
  ip netns exec "$machine" unshare --uts bash -c 'hostname "$0"; exec "$@"' "$machine" "$@"
}

# Fails, with a word, where this cannot be done.
part_machines() {
  local machine number=0 agent
  if [ "$(id -u)" != 0 ] || ! command -v ip > /dev/null || [ ! -x /usr/sbin/sshd ] || ! ip link add $bridge type bridge; then
    echo "no cut is tried: it needs root, iproute2, openssh-server and a kernel with bridges"
    return 1
  fi
  ip link set $bridge up
  mkdir -p /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f "$scratch/key"
  agent="ssh -i $scratch/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
  # ssh itself, too, must notice that the other side is gone.
  agent+=" -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
  export OMPI_MCA_plm_rsh_agent=$agent OMPI_MCA_btl_tcp_if_include=e0 OMPI_MCA_oob_tcp_if_include=e0
  for machine in "${machines[@]}"; do
    number=$((number + 1))
    ip netns add "$machine"
    ip link add cohort-e$number type veth peer name e0 netns "$machine"
    ip link set cohort-e$number master $bridge up
    ip -n "$machine" addr add "10.77.9.$number/24" dev e0
    ip -n "$machine" link set e0 up
    ip -n "$machine" link set lo up
    mkdir "$scratch/$machine"
    # sshd gives its children a clean environment: what they need goes through it. Each machine has a folder of its own for
    # mpirun's files.
    inside "$machine" /usr/sbin/sshd -f /dev/null -o ListenAddress="10.77.9.$number" -o HostKey="$scratch/key" -o StrictModes=no -o UsePAM=no \
      -o AuthorizedKeysFile="$scratch/key.pub" -o PidFile="$scratch/$machine/sshd" -o PermitRootLogin=yes \
      -o SetEnv="COHORT_CHECK=$scratch OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=$scratch/$machine"
    echo "10.77.9.$number slots=2"
  done > "$scratch/machines"
}

# train_apart RUN: four ranks, two on each machine; the log is RUN.log. mpirun's daemons notice a cut as `cohort launch` lets them.
train_apart() {
  COHORT_CHECK=$scratch TMPDIR=$scratch/cohort-near inside cohort-near timeout -k 10 300 mpirun --hostfile "$scratch/machines" -n 4 \
    --map-by node --bind-to none --mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 2 \
    "$cohort" train "$scratch/run.yaml" "output=$1" > "$1.log" 2>&1 &
}

# Out of the bridge: packets vanish, and neither side is told.
cut_off() { ip link set cohort-e2 nomaster; }

# Takes everything down again.
join_machines() {
  local machine
  # Deleting one end of a pair deletes both at once; a namespace lives as long as its last process.
  ip link del cohort-e1 2> /dev/null
  ip link del cohort-e2 2> /dev/null
  for machine in "${machines[@]}"; do
    [ -f "$scratch/$machine/sshd" ] && kill "$(cat "$scratch/$machine/sshd")"
    # A connection that was cut keeps its sshd, which waits for the other side.
    [ -e "/run/netns/$machine" ] && { kill -KILL $(ip netns pids "$machine") 2> /dev/null; ip netns del "$machine"; }
  done
  ip link del $bridge 2> /dev/null
}
