# A LAN on this machine, for the checks that need separate hosts: lab1, lab2, ... are network namespaces with host names, addresses and an sshd of
# their own, joined by a bridge. Each also has an interface `docker0` with the same address on every host, a network that leads nowhere.
# The folder `own` in the bench's is another one on every host; all else they share, as machines with a file server do.
# Source this file, then:
#   lan_missing               says why it cannot run here and returns 0; returns 1 where it can
#   lan_start FOLDER HOSTS    makes that many hosts; keys and settings lie in FOLDER
#   lan_on HOST COMMAND...    runs a command on host 1, 2, ...; mpirun there reaches the others by ssh
#   lan_address HOST          10.77.0.HOST
#   lan_stop                  takes everything down
# As root. Names and addresses: bridge cohort-lan, namespaces cohort-labN, 10.77.0.N/24.

lan_missing() {
  local program
  [ "$(id -u)" = 0 ] || { echo "not root"; return 0; }
  for program in ip unshare ssh sshd ssh-keygen mpirun; do
    PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || { echo "$program is not installed"; return 0; }
  done
  ip netns add cohort-probe 2> /dev/null || { echo "network namespaces are not allowed here"; return 0; }
  ip netns delete cohort-probe
  [ ! -e /sys/class/net/cohort-lan ] || { echo "another bench uses the bridge cohort-lan"; return 0; }
  return 1
}

lan_address() { echo "10.77.0.$1"; }

lan_start() {
  lan_folder=$1 lan_hosts=$2
  lan_processes=()
  mkdir -p "$lan_folder/own" /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f "$lan_folder/key" && ssh-keygen -q -t ed25519 -N '' -f "$lan_folder/host-key" || return
  cat > "$lan_folder/ssh_config" << END
Host *
  IdentityFile $lan_folder/key
  UserKnownHostsFile $lan_folder/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
END
  cat > "$lan_folder/sshd_config" << END
HostKey $lan_folder/host-key
AuthorizedKeysFile $lan_folder/key.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
END
  export OMPI_MCA_plm_rsh_agent="ssh -F $lan_folder/ssh_config"
  ip link add cohort-lan type bridge && ip link set cohort-lan up || return
  local host
  for ((host = 1; host <= lan_hosts; host++)); do lan_add_host "$host" || return; done
  for ((host = 1; host <= lan_hosts; host++)); do lan_await "$host" || return; done
}

lan_add_host() {
  local name=cohort-lab$1
  ip netns add "$name" &&
    ip link add "lab$1" type veth peer name e0 netns "$name" && ip link set "lab$1" master cohort-lan up &&
    ip -n "$name" addr add "$(lan_address "$1")/24" dev e0 && ip -n "$name" link set e0 up && ip -n "$name" link set lo up &&
    ip -n "$name" link add docker0 type bridge && ip -n "$name" addr add 172.17.0.1/16 dev docker0 &&
    ip -n "$name" link set docker0 up || return
  # A host name of its own, or Open MPI takes all for one machine and uses shared memory.
  ip netns exec "$name" unshare --uts --mount sh -c "
    hostname lab$1; mount -t tmpfs -o size=100m own $lan_folder/own; exec /usr/sbin/sshd -D -f $lan_folder/sshd_config" \
    > "$lan_folder/sshd.$1.out" 2>&1 &
  lan_processes+=($!)
}

lan_await() {
  local try
  for try in {1..40}; do
    ip netns exec cohort-lab1 ssh -F "$lan_folder/ssh_config" "$(lan_address "$1")" true 2> /dev/null && return
    sleep 0.25
  done
  echo "lan-bench: host $1 does not answer; see $lan_folder" >&2
  return 1
}

lan_on() {
  local host=$1
  shift
  ip netns exec "cohort-lab$host" unshare --uts bash -c 'hostname "$0"; exec "$@"' "lab$host" "$@"
}

lan_stop() {
  local host process
  for process in "${lan_processes[@]}"; do kill "$process" 2> /dev/null; done
  for ((host = 1; host <= lan_hosts; host++)); do
    # What sshd has started there, such as a stuck rank.
    for process in $(ip netns pids "cohort-lab$host" 2> /dev/null); do kill -KILL "$process" 2> /dev/null; done
    ip netns delete "cohort-lab$host" 2> /dev/null
  done
  wait "${lan_processes[@]}" 2> /dev/null
  ip link delete cohort-lan 2> /dev/null
}
