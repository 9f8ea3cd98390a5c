# Hosts on this machine that share a slow network, for the checks that time one: network namespaces with names of their own, joined
# by a bridge. Source it after common.bash; without root it ends the check. It takes its network down again.
#   make_hosts COUNT NETWORK RATE   hosts NETWORK.1, NETWORK.2, ...; each sends RATE at most
#   on_first_host COMMAND...        mpirun there reaches the others with the options in "${over_network[@]}"

[ "$(id -u)" = 0 ] || { echo "$(basename "$0" .sh): skipped, network namespaces need root"; exit 0; }
tag=ck$$ hosts=0

take_down() {
  local i
  # Daemons of a run that was interrupted live on in the hosts, and keep their network.
  for i in $(seq $hosts); do
    kill -KILL $(ip netns pids "$tag-$i" 2> "$scratch/null") 2> "$scratch/null" || true
    ip netns del "$tag-$i" 2> "$scratch/null" || true
  done
  ip link del "$tag" 2> "$scratch/null" || true
  rm -rf "$scratch"
}
trap take_down EXIT
trap 'exit 1' INT TERM

make_hosts() {
  local network=$2 rate=$3 i
  hosts=$1
  ip link add "$tag" type bridge
  ip link set "$tag" up
  for i in $(seq $hosts); do
    ip netns add "$tag-$i"
    ip link add e0 netns "$tag-$i" type veth peer name "${tag}p$i"
    ip link set "${tag}p$i" master "$tag" up
    ip -n "$tag-$i" addr add "$network.$i/24" dev e0
    ip -n "$tag-$i" link set e0 up
    ip -n "$tag-$i" link set lo up
    # A burst below the 64 KiB that the kernel hands on at once would make it cut them into packets, which is a network card's work, on
    # the cores that compute; one below what the rate passes between two ticks of the kernel throttles more than it is asked to.
    ip netns exec "$tag-$i" tc qdisc add dev e0 root tbf rate "$rate" burst 1mbit latency 50ms
    echo "$network.$i slots=1" >> "$scratch/hosts"
  done
  # What mpirun takes for ssh: runs a command on the host with this address, which has a name of its own.
  cat > "$scratch/agent" << AGENT
#!/bin/bash
number=\${1##*.}; shift
exec ip netns exec "$tag-\$number" unshare --uts bash -c 'hostname "\$0"; eval "\$1"' "check\$number" "\$*"
AGENT
  chmod +x "$scratch/agent"
  over_network=(
    --mca plm_rsh_agent "$scratch/agent" --mca btl self,tcp --mca btl_tcp_if_include "$network.0/24"
    --mca oob_tcp_if_include "$network.0/24"
  )
}

on_first_host() { ip netns exec "$tag-1" unshare --uts bash -c 'hostname check1; exec "$@"' on_first_host "$@"; }
