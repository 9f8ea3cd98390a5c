# A machine whose network is cut without a word, as part of faults.sh: two network namespaces with names of their own, joined by a bridge, sshd in each.
# Defines nothing that lasts: faults.sh takes the namespaces down at its end. Needs root, iproute2 and openssh-server.

cut_machines() {
  if [ "$(id -u)" != 0 ] || ! command -v ip > /dev/null || [ ! -x /usr/sbin/sshd ]; then
    echo "the cut network is not tried: it needs root, iproute2 and openssh-server"; return
  fi
  mkdir -p /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f "$work/key"
  ip link add cohort-bridge type bridge && ip link set cohort-bridge up || { echo "the cut network is not tried: no bridge"; return; }
  for number in 1 2; do
    local name=cohort$number
    namespaces+=("$name")
    ip netns add "$name"
    ip link add "$name" type veth peer name e0 netns "$name"
    ip link set "$name" master cohort-bridge up
    ip -n "$name" addr add "10.77.9.$number/24" dev e0
    ip -n "$name" link set e0 up
    ip -n "$name" link set lo up
    # sshd hands on a clean environment: the mark of this script and root's leave to run go through it.
    inside "$name" /usr/sbin/sshd -f /dev/null -o Port=22 -o ListenAddress="10.77.9.$number" -o HostKey="$work/key" \
      -o AuthorizedKeysFile="$work/key.pub" -o PidFile="$work/$name.sshd" -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes \
      -o SetEnv="COHORT_CHECK=$work OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_orte_tmpdir_base=$work/$name.tmp PATH=$PATH"
    mkdir -p "$work/$name.tmp"
  done
  printf '10.77.9.1 slots=2\n10.77.9.2 slots=2\n' > "$work/machines"
}

# inside MACHINE COMMAND...: runs it there, under the machine's name.
inside() {
  local name=$1; shift
  ip netns exec "$name" unshare --uts bash -c 'hostname "$1"; shift; exec "$@"' - "$name" "$@"
}

# Both sides must end: the one with mpirun and rank 0, and the one that was cut off, where nobody else would end anything.
cut_trial() {
  local run=$work/cut
  COHORT_CHECK=$work OMPI_MCA_orte_tmpdir_base=$work/cohort1.tmp inside cohort1 timeout 300 "${@}" \
    train "$work/run.yaml" watch.deadline=60 "output=$run" > "$run.log" 2>&1 &
}

export OMPI_MCA_plm_rsh_agent="ssh -i $work/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
cut_machines
if [ ${#namespaces[@]} -eq 2 ]; then
  interfaces=(--mca btl_tcp_if_include e0 --mca oob_tcp_if_include e0 --mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 5
    --mca oob_tcp_keepalive_probes 2)
  cut_trial mpirun --hostfile "$work/machines" --map-by node -n 4 --bind-to none "${interfaces[@]}" "$cohort"
  reach "$work/cut" 5
  # Out of the bridge: packets vanish, and neither side is told.
  ip link set cohort2 nomaster
  report "cut between two machines of two ranks" "$(now)" 30 "$work/cut.log" "on cohort2 gives no sign of life"
fi
